"""What docs/tables.md shows works: its study reads a table, and its lines load a model."""

import re
from pathlib import Path

import numpy as np
import pytest
from tests.data.tabular.cohorts import trainers, write_table

from collegium.simulation.execution import run
from collegium.study.document import TableSource
from collegium.study.reading import parse_study

PAGE = (Path(__file__).parents[1] / "docs" / "tables.md").read_text("utf-8")
BLOCKS = dict(re.findall(r"```(toml|python)\n(.*?)```", PAGE, flags=re.DOTALL)[::-1])


def test_every_key_of_a_table_is_told() -> None:
    told = {key for row in re.findall(r"^\| (`[^|]*`) \|", PAGE, flags=re.MULTILINE)
            for key in re.findall(r"`([a-z_]+)`", row)}  # fmt: skip
    assert set(TableSource.__struct_fields__) <= told


def test_its_study_runs_and_its_lines_load_the_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = trainers()
    cells["ward_note"] = ["seen"] * len(cells["mrn"])
    write_table(tmp_path / "cohort.csv", cells)
    (tmp_path / "sepsis.toml").write_text(parse_study(BLOCKS["toml"], "page").text)
    monkeypatch.chdir(tmp_path)
    run("sepsis.toml", out="sepsis", changes=["training.rounds=2", "evaluation.bootstrap=0"])
    found: dict[str, dict[str, np.ndarray]] = {}
    exec(BLOCKS["python"], found)  # noqa: S102
    assert found["tensors"].keys() == {"layer0.bias", "layer0.weight"}
