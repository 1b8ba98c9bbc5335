"""The chart of a measure by site: what each model reaches, with intervals."""

from __future__ import annotations

from collections.abc import Sequence

from collegium.report import charts
from collegium.report.content import ReportContent
from collegium.report.figures import Figure
from collegium.report.markup import Markup, element
from collegium.report.wording import SHARES, number, title_of


def chart_by_site(content: ReportContent, measure: str) -> Markup:
    """Return the chart of one measure: a strip for all sites, then one for each."""
    part = content.quality
    groups: list[tuple[str, list[tuple[str, Figure]]]] = [
        (
            "All sites",
            [
                ("federated", part.federated[measure]),
                ("local", part.local[measure]),
                ("pooled", part.pooled[measure]),
            ],
        )
    ]
    groups += [
        (one.site, [("federated", one.federated[measure]), ("local", one.local[measure])])
        for one in part.sites
    ]
    values = [
        bound
        for _, models in groups
        for _, one in models
        for bound in (one.value, one.low, one.high)
        if bound is not None
    ]
    if not values:
        return Markup("")
    axis = charts.axis_over(
        min(values), 1.0 if measure in SHARES else max(values), 4 if measure in SHARES else 5
    )
    rows = [_strip_row(name, measure, models, axis) for name, models in groups]
    return element(
        "figure",
        element("figcaption", title_of(measure)),
        *rows,
        element("div", element("span"), charts.strip_axis(axis), class_="strip-row"),
    )


def _strip_row(
    name: str, measure: str, models: Sequence[tuple[str, Figure]], axis: charts.Axis
) -> Markup:
    marks = [
        charts.Mark(one.value, one.low, one.high, style)
        for style, one in models
        if one.value is not None
    ]
    words = "; ".join(
        f"{_MODEL_NAMES[style]} {number(measure, one.value)}"
        for style, one in models
        if one.value is not None
    )
    if not marks:
        reasons = element("span", models[0][1].absent, class_="absent")
        return element("div", element("span", name), reasons, class_="strip-row")
    drawing = charts.strip(marks, axis, f"{name}, {title_of(measure)}: {words}")
    return element("div", element("span", name), drawing, class_="strip-row")


_MODEL_NAMES = {"federated": "federated", "local": "local-only", "pooled": "pooled"}


def model_legend() -> Markup:
    """Return which marker is which model."""
    return element(
        "ul",
        *(element("li", charts.sample_marker(style), name) for style, name in _MODEL_NAMES.items()),
        class_="legend",
    )
