"""A table that its document describes: no row has a part in how another one is prepared."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.data.tabular.cohorts import STUDY, trainers, write_study

from collegium.assembly.preparation import Prepared, prepare
from collegium.assembly.tables import read_studied
from collegium.audit.verify import verify
from collegium.data.tabular.agreed_preparation import encode_agreed
from collegium.data.tabular.described_columns import described_preparation
from collegium.data.tabular.preparation import encode_columns
from collegium.errors import StudyError
from collegium.simulation.execution import run
from collegium.study.document import TableSource
from collegium.study.reading import read_study

PRIVATE = """
[privacy]
differential_privacy = { unit = "record", epsilon = 4.0, delta = 1e-5 }
"""
DESCRIBED = """
[data.columns.age]
range = [18, 100]

[data.columns.lactate]
range = [0, 20]
typical = 2.0
missing = true

[data.columns.sex]
categories = ["f", "m"]

[data.columns.admitted]
dates = ["2023-01-01", "2024-12-31"]
"""
TEXT = (
    STUDY.replace('drop = ["mrn"]', 'classes = ["no", "yes"]') + PRIVATE + DESCRIBED
)  # fmt: skip


def _whole(folder: Path, cells: dict[str, list[object]]) -> tuple[Prepared, np.ndarray]:
    prepared = prepare(read_study(write_study(folder, cells, TEXT)))
    source, agreement = prepared.study.data.source, described_preparation(prepared.study)
    assert isinstance(source, TableSource)
    assert agreement is not None
    studied = read_studied(source, prepared.study, folder / "cohort.csv", alone=None)
    return prepared, encode_columns(agreement, studied.table.columns, studied.rows)


@pytest.mark.parametrize(
    "odd",
    [
        {"age [years]": "1e18", "lactate": "-7e9"},
        {"age [years]": "about 60", "lactate": "1_000", "sex": "\ufffd", "admitted": "13/02/2024"},
        {"age [years]": "\u0661\u0662", "sex": "x", "admitted": "01/02/2024"},
    ],
)
def test_a_row_however_odd_changes_neither_the_set_up_nor_any_other_row(
    tmp_path: Path, odd: dict[str, str]
) -> None:
    cells = trainers()
    cells["admitted"] = ["03/04/2024", *cells["admitted"][1:]]
    one, usual = _whole(tmp_path / "one", cells)
    for name, cell in odd.items():
        cells[name] = [*cells[name][:5], cell, *cells[name][6:]]
    other, changed = _whole(tmp_path / "other", cells)
    assert one.table is not None
    assert other.table is not None
    assert one.table.blob == other.table.blob == encode_agreed(one.table.agreement)
    rest = np.delete(np.arange(len(usual)), 5)
    assert usual[rest].tobytes() == changed[rest].tobytes()


def test_a_private_study_of_a_table_runs_and_verifies_without_statistics(tmp_path: Path) -> None:
    finished = run(write_study(tmp_path, text=TEXT), out=tmp_path / "run")
    verification = verify(finished.folder)
    assert finished.outcome == "completed"
    assert verification.ok
    assert "statistics" not in verification.checked
    assert any("ranges and categories" in one for one in verification.not_proven)


def test_without_descriptions_a_private_table_is_refused(tmp_path: Path) -> None:
    text = TEXT.replace(DESCRIBED, "")
    with pytest.raises(StudyError, match="columns are described") as caught:
        read_study(write_study(tmp_path, text=text))
    assert caught.value.code == "study.columns"
