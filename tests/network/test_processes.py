"""Processes are known by pid and time of start, and ended for certain; nobody else's is touched."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep

import msgspec
import pytest

from collegium.network.processes import ChildProcess, collegium, is_alive, last_lines, start, stop

SLEEPS = "import time; print('asleep', flush=True); time.sleep(60)"
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + SLEEPS
STARTS = """
import sys
from pathlib import Path
from collegium.network.processes import start
child = start("grandchild", [sys.executable, "-c", sys.argv[1]], Path(sys.argv[2]))
print(child.pid, child.started)
"""


def python(program: str, output: Path) -> ChildProcess:
    return start("one", [sys.executable, "-c", program], output)


def awake(child: ChildProcess) -> None:
    until = monotonic() + 10
    while not last_lines(child):
        assert monotonic() < until
        sleep(0.01)


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "output"


def test_a_process_is_started_seen_and_ended(output: Path) -> None:
    child = python(SLEEPS, output)
    awake(child)
    assert is_alive(child)
    assert stop([child]) == [child]
    assert not is_alive(child)
    assert stop([child]) == []
    assert last_lines(child) == ["asleep"]


def test_one_that_does_not_listen_is_ended_for_good(output: Path) -> None:
    child = python(DEAF, output)
    awake(child)
    assert stop([child], grace=0.2) == [child]
    assert not is_alive(child)


def test_one_that_ended_by_itself_is_not_alive(output: Path) -> None:
    child = python("print('done')", output)
    until = monotonic() + 10
    while is_alive(child):
        assert monotonic() < until
        sleep(0.01)
    assert last_lines(child) == ["done"]


def test_another_process_with_the_same_pid_is_left_alone(output: Path) -> None:
    child = python(SLEEPS, output)
    try:
        stranger = msgspec.structs.replace(child, started="7")
        assert not is_alive(stranger)
        assert stop([stranger]) == []
        assert is_alive(child)
        assert not is_alive(msgspec.structs.replace(child, started=""))
    finally:
        stop([child])


def test_a_process_outlives_whoever_started_it_and_is_ended_by_another(output: Path) -> None:
    told = subprocess.run(
        [sys.executable, "-c", STARTS, SLEEPS, str(output)],
        capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    child = ChildProcess("grandchild", int(told[0]), told[1], str(output))
    try:
        awake(child)
        assert is_alive(child)
        assert os.getsid(child.pid) == child.pid, "Ctrl-C here does not reach it"
    finally:
        stop([child])
    assert not is_alive(child)


def test_a_stopped_process_still_counts_as_alive(output: Path) -> None:
    child = python(SLEEPS, output)
    awake(child)
    os.kill(child.pid, signal.SIGSTOP)
    assert is_alive(child)
    assert stop([child], grace=0.1) == [child]
    assert not is_alive(child)


def test_the_command_line_runs_in_this_interpreter() -> None:
    done = subprocess.run(collegium("--version"), capture_output=True, text=True, check=True)
    assert done.stdout.startswith("collegium")


def test_of_a_long_output_the_last_lines_are_told(output: Path) -> None:
    output.write_text("".join(f"{number}\n\n" for number in range(9)))
    assert last_lines(ChildProcess("one", 1, "", str(output)), 2) == ["7", "8"]
    assert last_lines(ChildProcess("one", 1, "", str(output / "none"))) == []
