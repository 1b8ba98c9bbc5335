"""The study's model against another one: what the paired intervals allow to say, and no more.

Only a task's primary measure, fixed in `wording.PRIMARY` before any run, decides. An interval of
the difference that includes 0 shows no difference, in either direction: it never becomes a
benefit in words, and neither does it become "as good as". With several measures some interval
excludes 0 by chance, so what the others show is told as a hint, whomever it favors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from collegium.data.table import Task
from collegium.learning.evaluation.statement import MEASURES
from collegium.report.figures import Figure
from collegium.report.measurements import Interval
from collegium.report.wording import (
    PRIMARY,
    SMALLER_IS_BETTER,
    change,
    in_sentence,
    listed,
    span,
)

Verdict = Literal["better", "worse", "unclear", "unknown"]


@dataclass(frozen=True, slots=True)
class Difference:
    """The federated model's measure minus the other's, on the same rows and resamplings."""

    measure: str
    value: float | None
    interval: Interval | None
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Comparison:
    """Differences by measure in the task's order, and the sentence that follows from them."""

    other: str
    differences: tuple[Difference, ...]
    sentence: str


def verdict_of(measure: str, interval: Interval | None) -> Verdict:
    """Return what an interval shows: better and worse need a whole interval on one side of 0."""
    if interval is None:
        return "unknown"
    if interval.low <= 0 <= interval.high:
        return "unclear"
    higher = interval.low > 0
    return "worse" if higher == (measure in SMALLER_IS_BETTER) else "better"


def compare(
    task: Task,
    other: str,
    federated: Mapping[str, Figure],
    figures: Mapping[str, Figure],
    intervals: Mapping[str, Interval | None],
) -> Comparison:
    """Return the comparison with another model.

    Args:
        task: says which measures there are.
        other: what the other model is called in a sentence.
        federated: the study's model over all sites.
        figures: the other model over all sites.
        intervals: of the paired difference, federated minus other, by measure.
    """
    differences = []
    for name in MEASURES[task]:
        one, two, interval = federated[name].value, figures[name].value, intervals.get(name)
        value = None if one is None or two is None else one - two
        differences.append(Difference(name, value, interval, verdict_of(name, interval)))
    return Comparison(other, tuple(differences), _sentence(task, other, differences))


def _sentence(task: Task, other: str, differences: list[Difference]) -> str:
    first = next(one for one in differences if one.measure == PRIMARY[task])
    rest = [one for one in differences if one is not first and one.verdict != "unknown"]
    if first.interval is None:
        return f"A comparison with {other} by {in_sentence(first.measure)} could not be made."
    if first.verdict == "unclear":
        decided = (
            f"In {in_sentence(first.measure)} no difference from {other} is shown: the interval "
            f"of the difference, {_bounds(first)}, includes 0. That does not prove them equally "
            "good."
        )
    else:
        decided = (
            f"In {in_sentence(first.measure)} the federated model is {first.verdict} than {other} "
            f"({_bounds(first)})."
        )
    return " ".join([decided, *_hints(rest)])


def _hints(rest: list[Difference]) -> list[str]:
    """Return what the other measures show, at most a hint."""
    told = {
        verdict: [
            f"{in_sentence(one.measure)} ({_bounds(one)})" for one in rest if one.verdict == verdict
        ]
        for verdict in ("better", "worse")
    }
    if not any(told.values()):
        return []
    sides = {"better": "in its favor", "worse": "against it"}
    parts = [f"{sides[verdict]} in {listed(names)}" for verdict, names in told.items() if names]
    return [
        f"Of {len(rest)} other measures the interval excludes 0 {' and '.join(parts)}: "
        "uncorrected for looking at several, a hint and no proof."
    ]


def _bounds(one: Difference) -> str:
    """Return the interval of a difference."""
    if one.interval is None:
        return "no interval"
    return span(change(one.measure, one.interval.low), change(one.measure, one.interval.high))
