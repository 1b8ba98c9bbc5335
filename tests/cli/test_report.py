"""`collegium report`: the page is made from the run folder alone, again and again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.cli.conftest import Call, Finished
from tests.commands import diagnosis, told


@pytest.fixture
def copy(finished: Finished, tmp_path: Path) -> Path:
    """A copy of the finished run that a test may change."""
    return Path(shutil.copytree(finished.folder, tmp_path / "copy"))


def test_it_writes_the_report_and_says_where(call: Call, copy: Path) -> None:
    page = copy / "report.html"
    page.unlink()
    assert told(call("report", copy, "--json")) == {"report": str(page)}
    first = page.read_text()
    assert "Heart disease across four hospitals" in first
    assert call("report", copy).stdout.strip() == str(page)
    assert page.read_text() == first


def test_it_needs_no_measurements(call: Call, copy: Path) -> None:
    (copy / "metrics.jsonl").unlink()
    assert call("report", copy).returncode == 0
    assert (copy / "report.html").stat().st_size > 1000


@pytest.mark.parametrize(
    ("missing", "code"), [("ledger.log", "run.unreadable"), ("study.toml", "run.unreadable")]
)
def test_what_it_cannot_do_without_is_named(
    call: Call, copy: Path, missing: str, code: str
) -> None:
    (copy / missing).unlink()
    found = diagnosis(call("report", copy))
    assert found[0] == code
    assert missing in " ".join(found)


def test_measurements_that_cannot_be_read_are_named_with_their_line(call: Call, copy: Path) -> None:
    with (copy / "metrics.jsonl").open("a") as file:
        file.write("{}\n")
    code, what, _, todo = diagnosis(call("report", copy))
    assert code == "run.metrics"
    assert "line 4" in what
    assert "delete the file" in todo


def test_a_folder_that_is_no_run_is_named(call: Call) -> None:
    assert diagnosis(call("report", "nowhere"))[0] == "run.unreadable"
