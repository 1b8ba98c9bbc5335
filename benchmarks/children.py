"""Runs in processes of their own: whole commands timed, and runners that tell their outcome."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter, time
from typing import Any

ROOT = Path(__file__).parent.parent

SLOWING = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
"""Set on some machines for old libraries' sake; they slow a current NumPy, ours and a peer's."""


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


def outcome(python: str, runner: str, *arguments: str) -> dict[str, Any]:
    """Run a runner in somebody's Python and return what it tells on its last line.

    Raises:
        RuntimeError: it failed; its standard error is in the message.
    """
    command = [python, "-m", f"benchmarks.{runner}", *arguments]
    began = {**environment(), "BENCHMARK_BEGAN": str(time())}
    done = subprocess.run(command, env=began, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{runner} {' '.join(arguments)}: {done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


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
