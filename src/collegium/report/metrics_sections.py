"""What a run has measured, as tables and drawings that a notebook and a served page share."""

from __future__ import annotations

from collections.abc import Sequence

from collegium.report import charts
from collegium.report.forest import Estimate, forest, shown
from collegium.report.markup import Child, Markup, data, element, table
from collegium.report.measurements import Quality
from collegium.report.metrics import RunMetrics
from collegium.report.wording import title_of


def quality_table(metrics: RunMetrics) -> Markup:
    """Return every measure of every model on the test rows; nothing before the end."""
    models = list(metrics.models())
    if not models:
        return Markup("")
    names = sorted(models[0][1].overall, key=lambda name: name != metrics.primary)
    rows: list[Sequence[Child]] = [
        (model, *(_cell(quality, name) for name in names)) for model, quality in models
    ]
    return table(
        "On the test rows of all sites, with 95\u00a0% intervals",
        ("model", *map(title_of, names)), rows, class_="sortable",
    )  # fmt: skip


def quality_forest(metrics: RunMetrics) -> Markup:
    """Return the primary measure of every model as a forest plot; nothing before the end."""
    primary = metrics.primary
    if primary is None:
        return Markup("")
    estimates = [
        Estimate(model, value, quality.overall_intervals.get(primary))
        for model, quality in metrics.models()
        if (value := quality.overall.get(primary)) is not None
    ]
    caption = f"{title_of(primary)} on the test rows of all sites"
    return forest(caption, primary, estimates, differences=False)


def learning_curve(metrics: RunMetrics, measure: str) -> Markup:
    """Return a measure on all training rows, round by round; nothing where it was not taken."""
    points = metrics.curve(measure)
    if not points:
        return Markup("")
    values = [value for _, value in points]
    title = "Loss" if measure == "loss" else title_of(measure)
    drawing = charts.lines(
        f"{title} by round", f"{title} goes from {values[0]:.3g} to {values[-1]:.3g}.",
        [charts.Series("all sites", points, 0)],
        charts.whole_axis(points[0][0], points[-1][0]),
        charts.axis_over(min(values), max(values)), "Round",
    )  # fmt: skip
    caption = f"{title} on the training rows of all sites"
    return element("figure", element("figcaption", caption), drawing)


def _cell(quality: Quality, measure: str) -> Markup:
    value = quality.overall.get(measure)
    if value is None:
        return data("", "undefined")
    interval = quality.overall_intervals.get(measure)
    return data(value, shown(measure, value, interval, difference=False))
