"""Where a run stands, by its files: nothing is written there, and nothing verified."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import time
from typing import Literal

from collegium.errors import CollegiumError, reason_of
from collegium.report.measurements import parse_lines
from collegium.report.metrics import METRICS, RunMetrics, metrics_of
from collegium.serving.files import read_ordinary, status_of
from collegium.serving.finding import LOCK, STUDY, Found
from collegium.study.canonical import SIZE_LIMIT
from collegium.study.document import Study
from collegium.study.fold_checks import folds_of
from collegium.study.reading import document_of
from collegium.study.searching import trials_of

State = Literal["running", "finished", "failed", "unfinished"]

LARGEST_METRICS = 64 * 2**20
REPORT, LARGEST_REPORT = "report.html", 64 * 2**20
LOCKS = Path("/proc/locks")
"""Where Linux tells who holds which lock. Asking by trying would keep a run from its folder."""

_LATELY = 60.0
"""Seconds since the last write in which a run is held to go on, where nothing tells of locks."""

_RECENT_ROUNDS = 10


@dataclass(frozen=True, slots=True)
class RunState:
    """Where a run stands.

    Attributes:
        found: the run's folder.
        study: its document, None where that cannot be read.
        state: "unfinished" is a run that nobody goes on with now.
        metrics: what it has measured so far.
        rounds: how many rounds there are to be, None where that is not known.
        folds: of a study with folds, how many of their runs have ended, and of how many.
        troubles: what of the folder cannot be read, and why.
        has_report: whether a report lies in the folder.
    """

    found: Found
    study: Study | None
    state: State
    metrics: RunMetrics
    rounds: int | None
    folds: tuple[int, int] | None
    troubles: tuple[str, ...]
    has_report: bool

    @property
    def title(self) -> str:
        """What the study is called, or else its folder."""
        return self.found.name if self.study is None else self.study.study.title

    @property
    def closed(self) -> int:
        """How many rounds are closed."""
        return len(self.metrics.rounds)

    @property
    def remaining(self) -> float | None:
        """Seconds until the last round closes, by the latest rounds, of a run that goes on."""
        if self.state != "running" or self.rounds is None or not self.metrics.rounds:
            return None
        took = [sum(one.seconds.values()) for one in self.metrics.rounds[-_RECENT_ROUNDS:]]
        return max(0, self.rounds - self.closed) * median(took)


def run_state(found: Found) -> RunState:
    """Return where a run stands; what is torn, missing or deleted meanwhile is told as that."""
    troubles: list[str] = []
    study = _study(found.folder, troubles)
    metrics = _metrics(found.folder, troubles)
    return RunState(
        found=found,
        study=study,
        state=_state(found, metrics),
        metrics=metrics,
        rounds=None if study is None else trials_of(study) * study.training.rounds,
        folds=_folds(found.folder, study),
        troubles=tuple(troubles),
        has_report=status_of(found.folder / REPORT) is not None,
    )


def _study(folder: Path, troubles: list[str]) -> Study | None:
    try:
        return document_of(read_ordinary(folder / STUDY, SIZE_LIMIT).decode("utf-8-sig"))
    except OSError as error:
        troubles.append(f"{STUDY}: {reason_of(error)}")
    except (CollegiumError, UnicodeDecodeError):
        troubles.append(f"{STUDY} is no study document of this version")
    return None


def _metrics(folder: Path, troubles: list[str]) -> RunMetrics:
    try:
        return metrics_of(parse_lines(read_ordinary(folder / METRICS, LARGEST_METRICS), METRICS))
    except FileNotFoundError:
        pass
    except OSError as error:
        troubles.append(f"{METRICS}: {reason_of(error)}")
    except CollegiumError as error:
        troubles.append(error.what)
    return RunMetrics(rounds=(), final=None)


def _state(found: Found, metrics: RunMetrics) -> State:
    if metrics.final is not None:
        return "finished" if metrics.final.outcome == "completed" else "failed"
    held = _held(found.folder / LOCK)
    if held is None:
        held = time() - found.changed < _LATELY
    return "running" if held else "unfinished"


def _held(lock: Path) -> bool | None:
    """Return whether a process holds the lock of a run, None where the system does not tell."""
    there = status_of(lock)
    if there is None:
        return False
    try:
        lines = LOCKS.read_text("ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    return any(
        len(words := line.split()) > 5
        and words[1] == "FLOCK"
        and words[5].rpartition(":")[2] == str(there.st_ino)
        for line in lines
    )


def _folds(folder: Path, study: Study | None) -> tuple[int, int] | None:
    count = None if study is None or study.evaluation.fold is not None else folds_of(study)
    if count is None:
        return None
    ended = 0
    for number in range(1, count + 1):
        place = folder / "folds" / str(number)
        if not place.is_symlink() and not place.parent.is_symlink():
            ended += _metrics(place, []).final is not None
    return ended, count
