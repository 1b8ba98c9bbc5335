"""Figures of quality: a value with its interval, or the reason why there is none.

What a site said comes from its signed statement and from nowhere else, so that nothing is printed
that the site withheld; what holds over all sites comes from the measurements.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from collegium.data.table import Task
from collegium.learning.evaluation.statement import MEASURES, SMALLEST_COUNT, UNITS, Statement
from collegium.report.measurements import CalledRows, Quality
from collegium.report.wording import in_sentence

_AGREES = 1.5 / UNITS
"""A signed value is rounded to its unit; a larger distance from a measured one is no rounding."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A value and its 95 % interval; `absent` says why a value, or else its interval, is missing.

    `value` is None without a value, `low` and `high` are None without an interval.
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None
    absent: str = ""


@dataclass(frozen=True, slots=True)
class PostedStatement:
    """A statement that a site's ``evaluation.post`` named, and the site."""

    site: str
    statement: Statement


@dataclass(frozen=True, slots=True)
class SiteFigures:
    """What one site signed: test rows, rows by class if told, and figures by measure.

    `rows` is None without a statement about the study's model; then every figure is absent.
    """

    site: str
    rows: int | None
    classes: tuple[int, ...]
    withheld: str
    federated: dict[str, Figure]
    local: dict[str, Figure]


NO_STATEMENT = "no signed statement"
WITHHELD = {
    "nothing": "",
    "by-class": f"withheld: a class has fewer than {SMALLEST_COUNT} test rows",
    "all": "withheld: too few test rows, or too few of a class with identical predictions",
}
_UNDEFINED = {
    "auc": "undefined: some class has no rows",
    "sensitivity": "undefined: no rows with the outcome",
    "specificity": "undefined: no rows without the outcome",
    "r2": "undefined: all true values are equal",
}
NO_SUM = "not measured: a figure over all sites needs a secure sum"
NO_INTERVAL = "no interval: undefined in too many resamplings, or none were made"
FROM_COUNTS = "no interval: it is the sum of counts that the sites signed"
FROM_SUM = "no interval: it follows from a secure sum over all sites"
IN_THE_SUM = "reported only as a total over all sites (secure aggregation)"
OWN_ROWS_ALONE = "not reported: a site signs only its number of rows"


def measured(
    task: Task, quality: Quality | None, why_none: str, *, by_sum: bool = False
) -> dict[str, Figure]:
    """Return the figures over all sites, by measure in the task's order.

    `by_sum` says that they follow from a secure sum, and not from everybody's rows.
    """
    if quality is None:
        return {name: Figure(absent=why_none) for name in MEASURES[task]}
    found = {}
    for name in MEASURES[task]:
        value, interval = quality.overall.get(name), quality.overall_intervals.get(name)
        if name not in quality.overall:
            found[name] = Figure(absent=NO_SUM)
        elif value is None:
            found[name] = Figure(absent=_UNDEFINED.get(name, "undefined for these rows"))
        elif interval is None:
            counted = any(other not in quality.overall for other in MEASURES[task])
            why = FROM_SUM if by_sum else FROM_COUNTS if counted else NO_INTERVAL
            found[name] = Figure(value, absent=why)
        else:
            found[name] = Figure(value, interval.low, interval.high)
    return found


PREDICTIVE = ("prevalence", "ppv", "npv", "average_precision")
_NO_CALLS = {
    "ppv": "undefined: no row is classified as positive",
    "npv": "undefined: no row is classified as negative",
}


def predictive(tested: CalledRows | None, *, by_sum: bool = False) -> dict[str, Figure]:
    """Return prevalence, predictive values and average precision, those that were told."""
    found = {}
    for name in PREDICTIVE:
        if tested is None or name not in tested.values:
            continue
        value, interval = tested.values[name], tested.intervals.get(name)
        if value is None:
            found[name] = Figure(absent=_NO_CALLS.get(name, "undefined for these rows"))
        elif interval is None:
            counted = FROM_SUM if by_sum else NO_INTERVAL if tested.intervals else FROM_COUNTS
            found[name] = Figure(value, absent=counted)
        else:
            found[name] = Figure(value, interval.low, interval.high)
    return found


def signed(task: Task, statement: Statement | None, *, hides: bool = False) -> dict[str, Figure]:
    """Return the figures that a statement tells, by measure in the task's order.

    `hides` says that they are told in a secure sum over all sites alone.
    """
    if statement is None:
        return {name: Figure(absent=NO_STATEMENT) for name in MEASURES[task]}
    told = {value.name: value for value in statement.values}
    found = {}
    for name in MEASURES[task]:
        value = told.get(name)
        if value is None:
            undefined = _UNDEFINED.get(name, "undefined for these rows")
            found[name] = Figure(absent=_why_withheld(statement, hides=hides) or undefined)
        elif value.low is msgspec.UNSET or value.high is msgspec.UNSET:
            found[name] = Figure(value.value / UNITS, absent=NO_INTERVAL)
        else:
            found[name] = Figure(value.value / UNITS, value.low / UNITS, value.high / UNITS)
    return found


def _why_withheld(statement: Statement, *, hides: bool) -> str:
    if not hides:
        return WITHHELD[statement.withheld]
    return IN_THE_SUM if statement.kind == "federated" else OWN_ROWS_ALONE


def by_site(
    task: Task, sites: Sequence[str], posted: Sequence[PostedStatement], *, hides: bool = False
) -> tuple[SiteFigures, ...]:
    """Return what each site signed about the study's model and about its own, in site order.

    `hides` says that they are told in a secure sum over all sites alone.
    """
    said = {(one.site, one.statement.kind): one.statement for one in posted}
    found = []
    for site in sites:
        statement, local = said.get((site, "federated")), said.get((site, "local"))
        counts = () if statement is None else statement.classes
        found.append(
            SiteFigures(
                site=site,
                rows=None if statement is None else statement.rows,
                classes=() if counts is msgspec.UNSET else counts,
                withheld=NO_STATEMENT
                if statement is None
                else _why_withheld(statement, hides=hides),
                federated=signed(task, statement, hides=hides),
                local=signed(task, local, hides=hides),
            )
        )
    return tuple(found)


def signed_accuracy(posted: Sequence[PostedStatement], sites: int) -> tuple[int, int] | None:
    """Return (correct rows, rows) over all sites from their signed counts; None if one is silent.

    The one figure over all sites that anybody can compute without trusting the run's process.
    """
    counts = [
        (one.statement.correct, one.statement.rows)
        for one in posted
        if one.statement.kind == "federated"
    ]
    correct = [right for right, _ in counts if right is not msgspec.UNSET]
    if not counts or len(correct) != sites:
        return None
    return sum(correct), sum(rows for _, rows in counts)


def disagreements(
    posted: Sequence[PostedStatement], quality: Quality | None, sites: int
) -> tuple[str, ...]:
    """Return in words where the measurements contradict what the sites signed."""
    if quality is None:
        return ()
    found = []
    for one in posted:
        if one.statement.kind != "federated":
            continue
        own = quality.sites.get(one.site, {})
        for value in one.statement.values:
            other = own.get(value.name)
            if other is None or abs(other - value.value / UNITS) > _AGREES:
                found.append(
                    f"{one.site} signed a different {in_sentence(value.name)} than this run "
                    "measured"
                )
    told = signed_accuracy(posted, sites)
    overall = quality.overall.get("accuracy")
    if told is not None and (overall is None or abs(overall - told[0] / told[1]) > _AGREES):
        found.append(
            "the accuracy over all sites differs from that of the sites' counts "
            "that the sites signed"
        )
    return tuple(found)
