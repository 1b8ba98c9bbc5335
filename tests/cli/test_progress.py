"""What is shown of work that takes a while: phases, how much is done, and what time is left."""

from __future__ import annotations

import os
import pty
import subprocess
from pathlib import Path

import pytest
from tests.commands import COLLEGIUM, QUICK, environment

from collegium.cli import progress
from collegium.cli.progress import FIRST_AFTER, OFTEN, Pace, _lines


class Clock:
    """A clock that is set by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_time_left_follows_from_the_pace_since_the_first_count() -> None:
    clock = Clock()
    pace = Pace(clock)
    assert pace.standing(40, 100, "rounds") == "40 of 100 rounds"  # resumed: 40 took no time
    clock.now += 10
    assert pace.standing(60, 100, "rounds") == "60 of 100 rounds, about 0:00:20 left"
    clock.now += 100
    assert pace.standing(100, 100, "rounds") == "100 of 100 rounds"
    assert pace.standing(1, 100, "rounds") == "1 of 100 rounds"  # the next fold
    clock.now += 2
    assert pace.standing(2, 100, "rounds").endswith("about 0:03:16 left")


def test_without_a_terminal_long_work_is_told_in_lines(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    shown = _lines("heart", "rounds", eager=False, clock=clock)
    shown.stage("training")
    shown.progress(1, 100)
    assert capsys.readouterr().err == ""
    clock.now += FIRST_AFTER
    shown.progress(51, 100)
    clock.now += OFTEN / 2
    shown.progress(52, 100)
    clock.now += OFTEN / 2
    shown.stage("comparing with local and pooled training")
    assert capsys.readouterr().err.splitlines() == [
        "heart: training, 51 of 100 rounds, about 0:00:10 left …",
        "heart: comparing with local and pooled training …",
    ]


def test_what_was_asked_for_in_json_shows_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "FIRST_AFTER", 0.0)
    with progress.display("heart", quiet=True) as shown:
        shown.stage("training")
        shown.progress(1, 2)
    assert capsys.readouterr().err == ""


def test_a_terminal_shows_phases_rounds_and_time(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [COLLEGIUM, "run", "heart", *QUICK, "--set", "training.rounds=40"],
        cwd=tmp_path, env=environment(TERM="xterm", COLUMNS="120"), stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    text = b""
    try:
        while piece := os.read(ours, 65536):
            text += piece
    except OSError:
        pass  # Linux tells so that the other end is closed
    os.close(ours)
    assert process.wait(60) == 0
    seen = text.decode()
    for phase in ("training", "comparing with local and pooled training", "verifying"):
        assert f"heart: {phase}" in seen
    assert "of 40 rounds, about 0:00:" in seen
