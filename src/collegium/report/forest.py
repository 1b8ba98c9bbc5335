"""A forest plot: a line for each estimate with its 95 % interval, as inline SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from collegium.report import charts
from collegium.report.markup import Child, Markup, element
from collegium.report.measurements import Interval
from collegium.report.wording import change, number, span, title_of


@dataclass(frozen=True, slots=True)
class Estimate:
    """A line of the plot: what it is of, its value, its interval if any, what that shows."""

    name: str
    value: float
    interval: Interval | None
    verdict: str = ""


def forest(
    caption: Child, measure: str, estimates: Sequence[Estimate], *, differences: bool
) -> Markup:
    """Return the plot of one measure, of differences with a line at 0; nothing of no estimates."""
    if not estimates:
        return Markup("")
    ends = [0.0] if differences else []
    for one in estimates:
        ends += [one.value] if one.interval is None else [one.interval.low, one.interval.high]
    axis = charts.axis_over(min(ends), max(ends), 4)
    return element(
        "figure",
        element("figcaption", caption),
        *(_line(one, measure, axis, differences=differences) for one in estimates),
        element(
            "div", element("span"), charts.strip_axis(axis), element("span"),
            class_="forest-row scale",
        ),
        class_="forest",
    )  # fmt: skip


def shown(measure: str, value: float, interval: Interval | None, *, difference: bool) -> str:
    """Return an estimate as printed, with its interval."""
    told = change if difference else number
    if interval is None:
        return told(measure, value)
    bounds = span(told(measure, interval.low), told(measure, interval.high))
    return f"{told(measure, value)} ({bounds})"


def _line(one: Estimate, measure: str, axis: charts.Axis, *, differences: bool) -> Markup:
    words = shown(measure, one.value, one.interval, difference=differences)
    low, high = (None, None) if one.interval is None else (one.interval.low, one.interval.high)
    mark = charts.Mark(one.value, low, high, "federated")
    title = f"{one.name}, {title_of(measure)}: {words}"
    return element(
        "div",
        element("span", one.name, class_="forest-name"),
        charts.strip([mark], axis, title, zero=differences),
        element(
            "span", words, element("span", one.verdict, class_="forest-verdict"),
            class_="forest-value",
        ),
        class_="forest-row",
    )  # fmt: skip
