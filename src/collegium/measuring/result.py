"""What a run came to: the same for members in one process and for members in processes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from collegium.assembly.privacy import Spending
from collegium.report.measurements import FinalLine, read_lines
from collegium.report.metrics import read_metrics
from collegium.study.document import Study
from collegium.study.notice import Notice

Progress = Callable[[int, int], None]
"""Is told how many rounds are closed, and of how many."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run came to.

    `outcome` is "completed" or "failed"; a failed study keeps its last good model and has no
    quality. `measured` is the last line of metrics.jsonl.
    """

    folder: Path
    outcome: str
    model: str
    rounds: int
    entries: int
    app_hash: str
    genesis: str
    measured: FinalLine
    study: Study
    notices: tuple[Notice, ...]
    attackers: tuple[str, ...]
    spending: Spending | None = None

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        from collegium.report.notebook import run_html

        title, metrics = self.study.study.title, read_metrics(self.folder)
        return run_html(title, self.outcome, str(self.folder), self.model, metrics)


def read_final(folder: Path) -> FinalLine | None:
    """Return a run's last line of measurements, or None where it has not got that far."""
    lines = [line for line in read_lines(folder / "metrics.jsonl") if isinstance(line, FinalLine)]
    return lines[-1] if lines else None
