"""A log goes on where its name is, whoever moves the file, and takes only so much of the disk."""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.full_disk import no_file_beyond

from collegium.log_file import LARGEST_LOG, OLDER_LOGS, LogFile
from collegium.node.structured_log import LOG, journal
from collegium.transport.serving import Journal

LOGROTATE = Path(__file__).resolve().parents[1] / "deploy" / "logrotate.conf"
OURS = logging.getLogger("collegium.test")


def events(path: Path) -> list[str]:
    return [json.loads(line)["event"] for line in path.read_text().splitlines()]


def test_a_node_goes_on_in_a_new_file_when_its_log_was_renamed_or_deleted(tmp_path: Path) -> None:
    log, moved = tmp_path / LOG, tmp_path / "node.log-20260101"
    with journal(tmp_path, "info"):
        OURS.info("before")
        log.rename(moved)
        OURS.info("after")
        OURS.info("later")
        assert events(moved) == ["before"]
        assert events(log) == ["after", "later"]
        log.unlink()
        OURS.info("anew")
        log.rename(tmp_path / "node.log-20260102")
        log.touch()  # as logrotate's `create` does
        OURS.info("last")
    assert events(tmp_path / "node.log-20260102") == ["anew"]
    assert events(log) == ["last"]


def test_a_log_that_is_copied_and_cut_goes_on_at_its_beginning(tmp_path: Path) -> None:
    with journal(tmp_path, "info"):
        OURS.info("before")
        with (tmp_path / LOG).open("r+") as file:  # logrotate's `copytruncate`
            file.truncate(0)
        OURS.info("after")
    assert events(tmp_path / LOG) == ["after"]


def test_a_sequencer_goes_on_in_a_new_file_when_its_log_was_renamed(tmp_path: Path) -> None:
    log, moved = tmp_path / "sequencer.log", tmp_path / "sequencer.log-20260101"
    tell = Journal(log)
    tell("before", why="\u202edesrever")
    log.rename(moved)
    tell("after")
    tell.close()
    assert (events(moved), events(log)) == (["before"], ["after"])
    assert "\u202e" not in moved.read_text(), "no text of others turns a line around"


@pytest.mark.parametrize("make", [LogFile, Journal])
def test_a_log_rotates_itself_and_takes_so_much_and_no_more(
    tmp_path: Path, make: Callable[[Path], LogFile | Journal], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collegium.log_file.LARGEST_LOG", 1000)
    log = make(tmp_path / "log")
    for number in range(200):
        if isinstance(log, LogFile):
            log.handle(logging.LogRecord("", 0, "", 0, f"line {number} " * 10, None, None))
        else:
            log("line", number=number, text="x" * 50)
    log.close()
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["log", *(f"log.{number}" for number in range(1, OLDER_LOGS + 1))]
    assert all(path.stat().st_size <= 1000 for path in tmp_path.iterdir())
    assert LARGEST_LOG == 10 * 2**20


def test_a_disk_that_takes_no_line_ends_nothing_and_prints_no_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with journal(tmp_path, "info"):
        OURS.info("first")
        with no_file_beyond((tmp_path / LOG).stat().st_size):
            OURS.info("full")
        OURS.info("room again")
    told = capsys.readouterr().err
    assert [json.loads(line)["event"] for line in told.splitlines()] == [
        "first", "full", "room again",
    ]  # fmt: skip
    assert events(tmp_path / LOG)[-1] == "room again"


@pytest.mark.skipif(shutil.which("logrotate") is None, reason="no logrotate here")
def test_logrotate_reads_the_file_that_is_shipped() -> None:
    subprocess.run(["logrotate", "--debug", LOGROTATE], check=True, timeout=60)


def test_the_operators_page_shows_the_file_that_is_shipped() -> None:
    shown = (LOGROTATE.parents[1] / "docs" / "operations" / "monitoring.md").read_text("utf-8")
    text = LOGROTATE.read_text("utf-8")
    assert text[text.index("/var/lib") :] in shown
