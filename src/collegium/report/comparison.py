"""The study's model against another one: what the paired intervals allow to say, and no more.

An interval of the difference that includes 0 shows no difference, in either direction; it never
becomes a benefit in words, and neither does it become "as good as".
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
    groups = {
        verdict: [one for one in differences if one.verdict == verdict]
        for verdict in ("better", "worse", "unclear")
    }
    known = sum(len(group) for group in groups.values())
    if not known:
        return f"A comparison with {other} could not be made."
    if len(groups["unclear"]) == known:
        first = next((one for one in groups["unclear"] if one.measure == PRIMARY[task]), None)
        first = first or groups["unclear"][0]
        more = f", and so does that of {_others(known - 1)}" if known > 1 else ""
        return (
            f"No difference from {other} is shown: the interval of the difference in "
            f"{_told(first)} includes 0{more}. That does not prove them equally good."
        )
    parts = [
        f"is {verdict} by {listed([_told(one) for one in groups[verdict]])}"
        for verdict in ("better", "worse")
        if groups[verdict]
    ]
    rest = [in_sentence(one.measure) for one in groups["unclear"]]
    tail = f"; no difference is shown in {listed(rest)}" if rest else ""
    return f"Compared with {other}, the federated model {' and '.join(parts)}{tail}."


def _others(number: int) -> str:
    return "the other measure" if number == 1 else f"each of {number} other measures"


def _told(one: Difference) -> str:
    """Return a measure's name with the interval of its difference in parentheses."""
    if one.interval is None:
        return in_sentence(one.measure)
    bounds = span(change(one.measure, one.interval.low), change(one.measure, one.interval.high))
    return f"{in_sentence(one.measure)} ({bounds})"
