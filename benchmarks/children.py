"""Runs in processes of their own: whole commands timed, and runners that tell their outcome."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from threading import Event, Thread
from time import perf_counter, time
from typing import Any

SLOWING = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
"""Set on some machines for old libraries' sake; they slow a current NumPy, ours and a peer's."""

ROOT = Path(__file__).parent.parent
"""The repository's folder."""

_SAMPLED_EVERY = 0.25
"""Seconds between two looks at how much memory a run's processes take together."""


@dataclass(frozen=True, slots=True)
class Timed:
    """A whole process: seconds from its start to its end, and its peak of memory in megabytes."""

    seconds: float
    peak_mb: float


@dataclass(frozen=True, slots=True)
class Span:
    """Median, least and greatest of some repeats."""

    median: float
    least: float
    greatest: float

    def text(self, form: str = ".2f") -> str:
        """Return them as ``2.10 (1.98 to 2.35)``."""
        return f"{self.median:{form}} ({self.least:{form}} to {self.greatest:{form}})"


def span(values: Sequence[float]) -> Span:
    """Return the span of repeats."""
    return Span(median(values), min(values), max(values))


def environment() -> dict[str, str]:
    """Return the environment of a child: this one's, without what slows NumPy."""
    return {name: value for name, value in os.environ.items() if name not in SLOWING}


def outcome(python: str, module: str, *arguments: str) -> dict[str, Any]:
    """Run a runner in somebody's Python and return what it tells on its last line.

    A Python that is not ours finds these programs, as it is run from the repository's folder, and
    nothing else of this environment. `peak_mb` is that of all processes of the run together,
    as far as looks now and then show it.

    Raises:
        RuntimeError: it failed; its standard error is in the message.
    """
    inherited = environment()
    if python != sys.executable:
        inherited.pop("PYTHONPATH", None)
    child = subprocess.Popen(
        [python, "-m", module, *arguments], env={**inherited, "BENCHMARK_BEGAN": str(time())},
        text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT,
    )  # fmt: skip
    with _watched(child.pid) as peaks:
        told, wrong = child.communicate()
    if child.returncode:
        raise RuntimeError(f"{module} {' '.join(arguments)}: {wrong[-2000:]}")
    found: dict[str, Any] = json.loads(told.splitlines()[-1])
    found["peak_mb"] = max([found.get("peak_mb", 0.0), *peaks])
    return found


@contextmanager
def _watched(pid: int) -> Iterator[list[float]]:
    """Collect what a process and those it started take together in memory, in megabytes."""
    peaks: list[float] = []
    ended = Event()

    def watch() -> None:
        while not ended.wait(_SAMPLED_EVERY):
            peaks.append(_memory_of(pid))

    watching = Thread(target=watch, daemon=True)
    watching.start()
    try:
        yield peaks
    finally:
        ended.set()
        watching.join()


def _memory_of(root: int) -> float:
    """Return the memory of a process and its descendants, what they share once, in megabytes.

    0 where the system does not tell it (``/proc`` of Linux, proportional set size).
    """
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            parents[int(folder.name)] = int(fields[1])
    family, found = {root}, 0
    for _ in range(5):
        family |= {one for one, parent in parents.items() if parent in family}
    for one in family:
        with suppress(OSError):
            lines = Path(f"/proc/{one}/smaps_rollup").read_text().splitlines()
            found += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return found / 1024


def timed(command: Sequence[str]) -> Timed:
    """Run a command quietly and time it as a whole.

    Raises:
        RuntimeError: it failed.
    """
    began = perf_counter()
    child = subprocess.Popen(command, env=environment(), stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    seconds = perf_counter() - began
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {child.returncode}")
    return Timed(seconds, usage.ru_maxrss / 1024)


def collegium(*arguments: str) -> list[str]:
    """Return the command line of the installed package, beside this Python."""
    return [str(Path(sys.executable).with_name("collegium")), *arguments]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
