"""No row vanishes untold: each that a study leaves out is counted once, by its first reason."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.data.tabular.cohorts import STUDY, trainers, write_study, write_table

from collegium.assembly.preparation import prepare
from collegium.cli.summaries import check_json, check_lines, run_json, run_lines
from collegium.data.tabular.left_out import RowsLeftOut, sentence, told
from collegium.data.tabular.reading import read_table_file
from collegium.data.tabular.study_rows import rows_of_study
from collegium.measuring.reporting import report_on
from collegium.simulation.execution import run
from collegium.study.document import TableSource, Task
from collegium.study.reading import read_study


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        ("survival", [("no-target", 2), ("negative", 1), ("no-event", 1), ("no-site", 1)]),
        ("count", [("no-target", 2), ("negative", 1), ("no-exposure", 1), ("no-site", 2)]),
        ("regression", [("no-target", 2), ("no-site", 2)]),
    ],
)
def test_each_row_has_its_first_reason(
    tmp_path: Path, task: Task, expected: list[tuple[str, int]]
) -> None:
    path = tmp_path / "t.csv"
    path.write_text(
        "time,died,years,hospital,age\n"
        "5,1,1,a,60\n6,0,1,b,61\n7,1,2,a,62\n8,0,1,b,63\n"
        ",1,1,a,64\n"  # no target
        ",,0,,65\n"  # nothing at all: no target comes first
        "-3,1,1,a,66\n"  # negative
        "9,,1,,67\n"  # no event, and no site
        "9,0,0,b,68\n"  # no exposure
        "9,0,1,,69\n"  # no site
    )
    source = TableSource(
        table="t.csv", target="time", site="hospital",
        event="died" if task == "survival" else None,
        exposure="years" if task == "count" else None,
    )  # fmt: skip
    found = rows_of_study(read_table_file(path), source, task, alone=None)
    assert list(found.left_out) == expected
    assert found.rows + sum(count for _, count in found.left_out) == 10


def test_a_few_rows_are_told_as_fewer_than_the_smallest() -> None:
    tally = told([("class", 4), ("no-target", 9), ("class", 8), ("no-site", 0)], 10)
    assert tally == (RowsLeftOut("no-target", None, 10), RowsLeftOut("class", 12, 10))
    assert sentence(tally) == (
        "rows left out: fewer than 10 without a target that can be read;"
        " 12 of a class that the study does not ask about"
    )
    assert sentence(()) == ""


def test_check_run_and_report_tell_the_same_tally(tmp_path: Path) -> None:
    """Of 300 rows 30 are of a third class, 15 of nobody's hospital, and 5 lack an answer."""
    cells = trainers(300)
    cells["died"] = ["unknown"] * 30 + cells["died"][30:295] + [""] * 5
    cells["hospital"][30:45] = [""] * 15
    cells["hospital"][45] = "lone"
    study = write_study(tmp_path, cells, STUDY.replace("drop =", 'classes = ["no", "yes"], drop ='))
    said = (
        "rows left out: fewer than 10 without a target that can be read; 15 without a site;"
        " 30 of a class that the study does not ask about; fewer than 10 of a site with one person"
    )
    prepared = prepare(read_study(study))
    assert f"# {said}" in list(check_lines(prepared))
    tally = check_json(prepared, None)["left_out"]
    assert [(one["why"], one["rows"]) for one in tally] == [
        ("no-target", None), ("no-site", 15), ("class", 30), ("small-site", None),
    ]  # fmt: skip
    found = run(study, out=tmp_path / "run")
    assert f"  {said}" in list(run_lines(found, tmp_path / "report.html", ()))
    assert run_json(found)["left_out"] == tally
    page = report_on(found.folder).read_text()
    assert "30 of a class that the study does not ask about." in page
    assert "fewer than 10 without a target that can be read." in page
    kept = sum(len(rows.y) for part in (prepared.train, prepared.test) for rows in part.values())
    assert kept == 300 - 5 - 15 - 30 - 1
    write_table(tmp_path / "cohort.csv", trainers(300))
    assert not check_json(prepare(read_study(study)), None)["left_out"]
