"""Child processes that outlive whoever started them, told apart by pid and time of start.

A pid is used again after its process has ended; with the time of start it names one process, so
that nobody else's is ever stopped.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from time import monotonic, sleep

import msgspec

GRACE = 10.0
"""Seconds that a process has to end after it was asked to."""

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
"""A trial's processes share one machine, and their matrices are small."""


class ChildProcess(msgspec.Struct, frozen=True):
    """A process: what it is called, its pid, when it was started, where its output goes."""

    name: str
    pid: int
    started: str
    output: str


def collegium(*arguments: str | Path) -> list[str]:
    """Return the command that runs the command line with these arguments in this interpreter."""
    return [sys.executable, "-m", "collegium", *map(str, arguments)]


def start(name: str, command: Sequence[str], output: Path) -> ChildProcess:
    """Start a command as a process of its own session, which Ctrl-C does not reach.

    Args:
        name: what it is called.
        command: the program and its arguments; paths are absolute.
        output: a file that takes what it prints; what is there is kept.
    """
    environment: Mapping[str, str] = {**ONE_THREAD, **os.environ}
    with output.open("ab") as file:
        process = subprocess.Popen(  # noqa: S603 - no shell, and no text of anybody else's
            command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True,
            env=environment,
        )  # fmt: skip
    _OURS[process.pid] = process
    return ChildProcess(name, process.pid, _started(process.pid) or "", str(output))


_OURS: dict[int, subprocess.Popen[bytes]] = {}
"""Children of this process: they are waited for, so that none is left as a zombie."""


def adopted(name: str, pid: int, output: Path) -> ChildProcess | None:
    """Return a process that somebody else started, None where none has that pid."""
    began = _started(pid)
    return ChildProcess(name, pid, began, str(output)) if began else None


def is_alive(child: ChildProcess) -> bool:
    """Return whether exactly this process still runs."""
    process = _OURS.get(child.pid)
    if process is not None and process.poll() is not None:
        return False
    return _started(child.pid) == child.started != ""


def stop(children: Iterable[ChildProcess], grace: float = GRACE) -> list[ChildProcess]:
    """End processes, gently and then for good; return those that were alive."""
    alive = [child for child in children if is_alive(child)]
    for child in alive:
        _signal(child, signal.SIGTERM)
    until = monotonic() + grace
    left = alive
    while left and monotonic() < until:
        sleep(0.02)
        left = [child for child in left if is_alive(child)]
    for child in left:
        _signal(child, signal.SIGKILL)
    for child in left:
        while is_alive(child):
            sleep(0.02)
    return alive


def last_lines(child: ChildProcess, count: int = 5) -> list[str]:
    """Return the last lines that a process printed."""
    try:
        text = Path(child.output).read_text("utf-8", "replace")
    except OSError:
        return []
    return [line for line in text.splitlines() if line.strip()][-count:]


def _signal(child: ChildProcess, number: signal.Signals) -> None:
    if is_alive(child):
        try:
            os.kill(child.pid, number)
        except ProcessLookupError:
            return


def _started(pid: int) -> str | None:
    """Return when the process with that pid was started, or None where there is none.

    On Linux in clock ticks since the machine started; elsewhere as `ps` writes it.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text("ascii", "replace")
    except FileNotFoundError:
        if Path("/proc/self/stat").exists():
            return None
        return _started_by_ps(pid)
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()  # a process's name may hold blanks
    return None if fields[0] in "ZX" else fields[19]


def _started_by_ps(pid: int) -> str | None:
    asked = subprocess.run(  # noqa: S603
        ["/bin/ps", "-o", "lstart=,state=", "-p", str(pid)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    told = asked.stdout.strip()
    return None if asked.returncode or not told or told.split()[-1][:1] == "Z" else told[:24]
