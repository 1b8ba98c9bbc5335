"""Perturbations of a running trial: processes killed, paused, restarted, upgraded, cut off.

At each beat every process that is well is drawn for, with the probabilities of CometBFT's
end-to-end tests (0.1 each, for an upgrade 0.3 there), and is well again a fraction of a second
later. Several may be away at once, also all of them.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from time import monotonic, sleep

import msgspec
from tests.network.cables import Cable

import collegium
from collegium.network.processes import ChildProcess, is_alive, start, stop
from collegium.network.record import OUTPUT, home_of, keep_record, read_record
from collegium.transport.log_engine import SEQUENCER

BEAT = 1.0
"""Seconds between two draws."""

AWAY = (0.1, 0.8)
"""Seconds for which a perturbation lasts; a start comes on top of it."""

PERTURBATIONS = {"kill": 0.1, "pause": 0.1, "restart": 0.1, "cut": 0.05, "clog": 0.05}
UPGRADE = {"upgrade": 0.1}


@dataclass(slots=True)
class Perturber:
    """Perturbs the processes of one trial.

    Attributes:
        spared: processes to which nothing is done.
        done: what was done, in order: seconds, process, perturbation.
    """

    folder: Path
    cables: Mapping[str, Cable]
    random: Random
    release: Path | None = None
    spared: tuple[str, ...] = ()
    done: list[tuple[float, str, str]] = field(default_factory=list)
    _ill: dict[str, tuple[float, Callable[[], object]]] = field(default_factory=dict)
    _began: float = field(default_factory=monotonic)

    def perturb(self, seconds: float, enough: Callable[[], bool] = lambda: False) -> None:
        """Perturb for so many seconds, or until it is enough, and make everybody well again."""
        end, beat = monotonic() + seconds, 0.0
        while monotonic() < end and not enough():
            if monotonic() >= beat:
                beat = monotonic() + BEAT
                self._draw()
            self._heal(monotonic())
            sleep(0.02)
        self._heal(float("inf"))

    def _draw(self) -> None:
        chances = PERTURBATIONS | (UPGRADE if self.release else {})
        for name in (SEQUENCER, *read_record(self.folder).members):
            drawn, away = self.random.random(), self.random.uniform(*AWAY)
            for what, chance in chances.items():
                drawn -= chance
                if drawn < 0:
                    if name not in (*self._ill, *self.spared) and not (
                        what in ("cut", "clog") and name == SEQUENCER
                    ):
                        self._do(name, what, monotonic() + away)
                    break

    def _do(self, name: str, what: str, until: float) -> None:
        self.done.append((round(monotonic() - self._began, 2), name, what))
        child, folder = child_of(self.folder, name), self.folder
        if what == "pause":
            os.kill(child.pid, signal.SIGSTOP)
            self._ill[name] = until, lambda: os.kill(child.pid, signal.SIGCONT)
        elif what == "kill":
            os.kill(child.pid, signal.SIGKILL)
            self._ill[name] = until, lambda: begin(folder, name)
        elif what == "cut":
            self.cables[name].cut()
            self._ill[name] = until, self.cables[name].mend
        elif what == "clog":
            self.cables[name].clog()
            self._ill[name] = until, self.cables[name].mend
        else:
            stop([child])
            release = self.release if what == "upgrade" else None
            self._ill[name] = until, lambda: begin(folder, name, release)

    def _heal(self, now: float) -> None:
        for name, (until, well) in list(self._ill.items()):
            if until <= now:
                well()
                del self._ill[name]


def child_of(folder: Path, name: str) -> ChildProcess:
    """Return the process of a member, or the sequencer's."""
    return next(one for one in read_record(folder).children if one.name == name)


def begin(
    folder: Path, name: str, release: Path | None = None, more: tuple[str, ...] = ()
) -> ChildProcess:
    """Start one process of a trial, on its record as soon as it runs.

    Args:
        folder: the trial's.
        name: a member, or the sequencer.
        release: another copy of the package, if it is to run that.
        more: further arguments.
    """
    home = folder / SEQUENCER if name == SEQUENCER else home_of(folder, name)
    program = "sequencer" if name == SEQUENCER else "node"
    package = release or Path(collegium.__file__).parents[1]
    command = [
        "/usr/bin/env", f"PYTHONPATH={package}", sys.executable, "-m", "collegium",
        program, "start", str(home.resolve()), *more,
    ]  # fmt: skip
    child = start(name, command, home / OUTPUT)
    on_record(folder, child)
    return child


def on_record(folder: Path, child: ChildProcess) -> None:
    """Put a process on a trial's record, in the place of the one of that name."""
    record = read_record(folder)
    others = [one for one in record.children if one.name != child.name]
    keep_record(folder, msgspec.structs.replace(record, children=(*others, child)))


def kill(folder: Path, name: str) -> None:
    """Kill a process at once, and wait until it is gone."""
    child = child_of(folder, name)
    os.kill(child.pid, signal.SIGKILL)
    while is_alive(child):
        sleep(0.01)


def next_release(folder: Path) -> Path:
    """Return a copy of the package that differs in a comment, as a patch release would."""
    target = folder / "release"
    source = Path(collegium.__file__).parent
    shutil.copytree(source, target / "collegium", ignore=shutil.ignore_patterns("__pycache__"))
    with (target / "collegium" / "node" / "status.py").open("a") as file:
        file.write("\n# the next release\n")
    return target


@contextmanager
def seeded(seed: int) -> Iterator[Random]:
    """Yield randomness; where the block fails, its seed is printed."""
    try:
        yield Random(seed)
    except BaseException:
        print(f"seed={seed}")
        raise
