"""A trial whose processes are killed and started again by hand goes on, and `down` finds them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep

import pytest
from tests.commands import environment
from tests.network.trials import FOR_ALL, started, trial

from collegium.network.processes import ChildProcess, collegium, is_alive
from collegium.network.record import home_of, read_record
from collegium.network.trial import stop_all
from collegium.network.watch import present, statuses, study_of

pytestmark = pytest.mark.long


def called(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "collegium", *map(str, arguments)], env=environment(),
        capture_output=True, text=True, check=False, timeout=200,
    )  # fmt: skip


def killed(folder: Path, name: str) -> ChildProcess:
    child = next(one for one in read_record(folder).children if one.name == name)
    os.kill(child.pid, signal.SIGKILL)
    until = monotonic() + 10
    while is_alive(child):
        assert monotonic() < until
        sleep(0.02)
    return child


def by_hand(folder: Path, name: str) -> subprocess.Popen[bytes]:
    home = home_of(folder, name)
    process = subprocess.Popen(
        collegium("node", "start", home), env=environment(), stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    until = monotonic() + 60
    while statuses(folder, read_record(folder))[name] is None:
        assert monotonic() < until
        assert process.poll() is None
        sleep(0.1)
    return process


def until_said(path: Path, words: str) -> None:
    """Wait until a file has some words."""
    until = monotonic() + 60
    while words not in path.read_text():
        assert monotonic() < until, path.read_text()
        sleep(0.05)


def test_status_fails_while_one_is_down_and_down_ends_what_was_started_by_hand(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "trial"
    with trial(folder, (*FOR_ALL, "training.rounds=2000")):
        started(folder)
        assert called("network", "status", folder).returncode == 0
        killed(folder, "va")
        status = called("network", "status", folder)
        assert status.returncode == 1
        assert "va           not running" in status.stdout
        process = by_hand(folder, "va")
        try:
            assert called("network", "status", folder).returncode == 0
            again = called("network", "up", "--dir", folder, "--detach")
            assert again.returncode == 0, again.stderr
            assert process.poll() is None, "up has ended nothing"
            down = called("network", "down", folder, "--json")
            assert sorted(json.loads(down.stdout)["ended"])[-1] == "va"
            assert process.wait(10) is not None
            assert called("network", "status", folder).returncode == 1
        finally:
            process.kill()
            process.wait()


def test_up_goes_on_when_a_node_is_killed_and_ends_nothing_that_ran_before(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "trial"
    with trial(folder, (*FOR_ALL, "training.rounds=60")) as record:
        before = started(folder).children
        said, told = tmp_path / "said", tmp_path / "told"
        with said.open("wb") as err, told.open("wb") as out:
            watching = subprocess.Popen(
                collegium("network", "up", "--dir", folder), env=environment(), stdout=out,
                stderr=err,
            )  # fmt: skip
        process = None
        try:
            until_said(said, "training heart")
            killed(folder, "va")
            again = f"collegium node start {home_of(folder, 'va')}"
            until_said(said, f"va has ended; the others go on (again: {again})")
            beside = called("network", "up", "--dir", folder)
            assert "[network.busy]" in beside.stderr
            process = by_hand(folder, "va")
            assert watching.wait(200) == 0, said.read_text()
            until_said(said, "va is back")
            assert "heart: completed after 60 rounds" in told.read_text()
            names = {one.name for one in present(folder, read_record(folder))}
            assert names == {"sequencer", *record.members}
            assert all(is_alive(one) for one in before if one.name != "va")
            one = study_of(statuses(folder, record)["va"], "heart")
            assert one is not None
            stop_all(folder)
            assert process.wait(10) is not None
        finally:
            for child in (watching, process):
                if child is not None:
                    child.kill()
                    child.wait()
