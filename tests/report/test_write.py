"""The page is written whole, or the one that was there stays."""

from pathlib import Path

import pytest
from tests.report.synthetic import inputs

from collegium.errors import RunError
from collegium.report.page import render
from collegium.report.write import write_report


def test_the_file_is_the_page(tmp_path: Path) -> None:
    path = write_report(tmp_path, inputs().content())
    assert path == tmp_path / "report.html"
    assert path.read_text(encoding="utf-8") == render(inputs().content())
    assert [one.name for one in tmp_path.iterdir()] == ["report.html"]


def test_an_earlier_page_stays_where_writing_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_report(tmp_path, inputs().content())
    before = (tmp_path / "report.html").read_bytes()

    def full(number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(RunError) as caught:
        write_report(tmp_path, inputs("regression").content())
    assert caught.value.code == "report.unwritable"
    assert (tmp_path / "report.html").read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["report.html"]


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"report\.unwritable"):
        write_report(tmp_path / "absent", inputs().content())
