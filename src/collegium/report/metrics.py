"""A run's measurements as a whole: to be looked at, drawn and handed to other programs.

All figures are over all sites. Those of single sites stay with the report, which knows what a site
withholds; ``metrics.jsonl`` has them, for whoever holds the run folder.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from collegium.learning.evaluation.statement import MEASURES
from collegium.report.csv_cells import Cell, csv_text
from collegium.report.measurements import AttackLine, FinalLine, Quality, RoundLine, read_lines
from collegium.report.wording import PRIMARY

METRICS = "metrics.jsonl"


class RunMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """What a run has measured so far.

    Attributes:
        rounds: the closed rounds, in order.
        final: the end of the run, None where it has not got there.
        attacks: what attacks on the study found.
    """

    rounds: tuple[RoundLine, ...]
    final: FinalLine | None
    attacks: tuple[AttackLine, ...] = ()

    @property
    def primary(self) -> str | None:
        """The measure that decides, by what was measured; None where nothing was."""
        names = next(
            (set(one.overall) for _, one in self.models()),
            next((_measured(one).keys() - {"loss"} for one in self.rounds if _measured(one)), None),
        )
        tasks = (task for task, measures in MEASURES.items() if set(measures) == names)
        return next((PRIMARY[task] for task in tasks), None)

    def models(self) -> Iterator[tuple[str, Quality]]:
        """Yield the models that were tested, by name: federated, local-only and pooled."""
        if self.final is not None:
            for name, quality in (
                ("federated", self.final.federated), ("local-only", self.final.local),
                ("pooled", self.final.pooled),
            ):  # fmt: skip
                if quality is not None:
                    yield name, quality

    def curve(self, measure: str) -> tuple[tuple[int, float], ...]:
        """Return a measure on the training rows of all sites after rounds, where it was taken."""
        values = ((one.round, _measured(one).get(measure)) for one in self.rounds)
        return tuple((number, value) for number, value in values if value is not None)

    def rows(self) -> list[dict[str, Cell]]:
        """Return a row for each round: what it measured, took and weighed (seconds and bytes)."""
        return [
            {
                "round": one.round,
                "attempt": one.attempt,
                "updates": len(one.included),
                **{f"seconds_{name}": value for name, value in one.seconds.items()},
                **{f"bytes_{name}": value for name, value in one.bytes.items()},
                **{f"train_{name}": value for name, value in _measured(one).items()},
            }
            for one in self.rounds
        ]

    def rounds_csv(self) -> str:
        """Return `rows` as CSV."""
        rows = self.rows()
        heads = list(dict.fromkeys(name for row in rows for name in row))
        return csv_text(heads, ([row.get(name) for name in heads] for row in rows))

    def quality_csv(self) -> str:
        """Return every measure of every model on the test rows, with its interval, as CSV."""
        return csv_text(
            ("model", "measure", "value", "low", "high"),
            (
                (model, name, value, *bounds(quality, name))
                for model, quality in self.models()
                for name, value in quality.overall.items()
            ),
        )

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        from collegium.report.notebook import metrics_html

        return metrics_html(self)


def read_metrics(run: str | Path) -> RunMetrics:
    """Return what the run in a folder has measured so far, be it finished or not.

    Raises:
        RunError: a line of its ``metrics.jsonl`` cannot be read.
    """
    return metrics_of(read_lines(Path(run) / METRICS))


def metrics_of(lines: list[RoundLine | FinalLine | AttackLine]) -> RunMetrics:
    """Return measurements sorted by what they are of; of several ends the last one counts."""
    ends = [one for one in lines if isinstance(one, FinalLine)]
    return RunMetrics(
        rounds=tuple(one for one in lines if isinstance(one, RoundLine)),
        final=ends[-1] if ends else None,
        attacks=tuple(one for one in lines if isinstance(one, AttackLine)),
    )


def bounds(quality: Quality, measure: str) -> tuple[float | None, float | None]:
    """Return the ends of a measure's interval, None without one."""
    interval = quality.overall_intervals.get(measure)
    return (None, None) if interval is None else (interval.low, interval.high)


def _measured(line: RoundLine) -> dict[str, float | None]:
    return line.training_metrics.get("overall", {})
