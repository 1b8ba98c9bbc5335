"""The tutorial works as printed, from a table to predictions joined to patients."""

from __future__ import annotations

import csv
from pathlib import Path

from tests.shown_pages import files, run, shown

PAGE = (Path(__file__).parents[1] / "docs" / "tutorial.md").read_text("utf-8")


def test_every_step_works_in_the_order_shown(tmp_path: Path) -> None:
    for name, text in files(PAGE).items():
        (tmp_path / name).write_text(text, "utf-8")
    said = {step.text: run(step, tmp_path) for step in shown(PAGE)}
    assert said["collegium check sepsis.toml"].splitlines()[-1].startswith("# valid")
    assert "What a site sends" in said["collegium check sepsis.toml --outbound"]
    assert said["collegium verify sepsis"].startswith("CONSISTENT ONLY")
    assert (tmp_path / "sepsis" / "report.html").exists()
    with (tmp_path / "joined.csv").open() as file:
        joined = list(csv.DictReader(file))
    assert [one["mrn"] for one in joined] == ["P0600", "P0601"]
    assert all(0 <= float(one["score"]) <= 1 and one["class"] in ("no", "yes") for one in joined)
    assert "not converged" not in said["collegium run sepsis.toml --out sepsis"]
    with (tmp_path / "tested.csv").open() as file:
        assert {one["true"] for one in csv.DictReader(file)} == {"no", "yes"}
