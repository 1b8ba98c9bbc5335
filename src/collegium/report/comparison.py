"""The study's model against another one: what the paired intervals allow to say, and no more.

Only a task's primary measure, fixed in `wording.PRIMARY` before any run, decides. An interval of
the difference that includes 0 shows no difference, in either direction: it is never reported as a
benefit, nor as "as good as". With several measures some interval excludes 0 by chance, so the
others are reported as secondary, whichever model they favor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from collegium.data.table import Task
from collegium.learning.evaluation.statement import MEASURES
from collegium.report.figures import Figure, measured
from collegium.report.measurements import FinalLine, HeldOutQuality, Interval
from collegium.report.wording import (
    PRIMARY,
    SMALLER_IS_BETTER,
    change,
    counted,
    in_sentence,
    listed,
    span,
    title_of,
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
    """Differences by measure in the task's order, and what follows from them.

    `decided` is what the primary measure says, `sentence` that and what the others hint at.
    """

    other: str
    differences: tuple[Difference, ...]
    decided: str
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
    decided, hints = _sentences(task, other, differences)
    return Comparison(other, tuple(differences), decided, " ".join([decided, *hints]))


def compare_local(
    task: Task,
    federated: Mapping[str, Figure],
    local: Mapping[str, Figure],
    final: FinalLine | HeldOutQuality,
) -> Comparison:
    """Return the comparison with each site's own model, at the sites where that is finite.

    Args:
        task: says which measures there are.
        federated: the study's model over all sites.
        local: the sites' own over theirs.
        final: says which sites' own training diverged, and the differences.
    """
    other, missing = "local-only training", final.local_missing
    if missing:
        there = len(final.rows) - len(missing)
        other += f" at {there} of {len(final.rows)} sites (it diverged at {listed(missing)})"
    if final.federated_beside_local is not None:
        federated = measured(task, final.federated_beside_local, "not measured")
    return compare(task, other, federated, local, final.difference_to_local)


def _sentences(task: Task, other: str, differences: list[Difference]) -> tuple[str, list[str]]:
    first = next(one for one in differences if one.measure == PRIMARY[task])
    rest = [one for one in differences if one is not first and one.verdict != "unknown"]
    if first.interval is None:
        return f"A comparison of {in_sentence(first.measure)} with {other} is not available.", []
    value = "" if first.value is None else f"difference {change(first.measure, first.value)}, "
    shown = f"({value}95\u00a0% CI {_bounds(first)})"
    if first.verdict == "unclear":
        decided = (
            f"{title_of(first.measure)} does not differ detectably from {other} {shown}. "
            "This does not show that they are equivalent."
        )
    else:
        decided = (
            f"The federated model has a {first.verdict} {in_sentence(first.measure)} than {other} "
            f"{shown}."
        )
    return decided, _hints(rest, other)


def _hints(rest: list[Difference], other: str) -> list[str]:
    """Return what the other measures show, at most a hint."""
    told = {
        verdict: [
            f"{in_sentence(one.measure)} ({_bounds(one)})" for one in rest if one.verdict == verdict
        ]
        for verdict in ("better", "worse")
    }
    sides = {"better": "the federated model", "worse": other}
    parts = [
        f"{listed(names)} {'favors' if len(names) == 1 else 'favor'} {sides[verdict]}"
        for verdict, names in told.items()
        if names
    ]
    if not parts:
        return []
    return [
        f"Of {counted(len(rest), 'secondary measure')}, {', and '.join(parts)}. Secondary measures "
        "are not corrected for multiple comparisons."
    ]


def _bounds(one: Difference) -> str:
    """Return the interval of a difference."""
    if one.interval is None:
        return "no interval"
    return span(change(one.measure, one.interval.low), change(one.measure, one.interval.high))
