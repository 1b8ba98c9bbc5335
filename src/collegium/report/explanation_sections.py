"""The section about what a model looks at: importance of features, and their mean effect."""

from __future__ import annotations

from collections.abc import Sequence

from collegium.data.table import Task
from collegium.report import charts
from collegium.report.content import ReportContent
from collegium.report.markup import Child, Markup, element, folded, join, paragraph, table
from collegium.report.measurements import Importance
from collegium.report.quality_sections import computed
from collegium.report.wording import PRIMARY, change, counted, in_sentence, title_of

_DRAWN = 6
"""Features whose mean effect is drawn."""

_PREDICTS: dict[Task, str] = {"binary": "risk", "survival": "log hazard", "count": "count"}
"""What a mean prediction is of, where it is not a value of the target."""

_SITES = 4
"""Of more sites only the ends are told."""

_SHOWN = 10
"""Features that are listed; the others fold away."""

_SET_TO = (
    " Mean predictions set one feature to the same value in all rows (partial dependence). Only "
    "values that test rows have are used: of a number, from the 5th to the 95th percentile; of "
    "categories, those of five rows or more. Together with a row’s other values they may still be "
    "rare or impossible."
)


def explanation(content: ReportContent) -> Markup:
    """Return which features the model needs, and what it makes of their values."""
    found = content.explanation
    if found is None or not found.features:
        return paragraph(
            f"No feature importance is available: {found.reason if found else 'not measured'}."
        )
    primary = PRIMARY[content.task]
    telling = {one.site for one in content.quality.sites if not one.withheld}
    sites = [site for site in found.features[0].loss if site in telling]
    rows: list[Sequence[Child]] = [
        [
            one.title,
            "undefined"
            if one.drop is None
            else join(
                change(primary, one.drop),
                " ",
                element("span", f"±\u00a0{one.spread:.3f}", class_="interval"),
            ),
            *_by_site(one, sites),
        ]
        for one in found.features
    ]
    heads = ["Feature", f"Deterioration of {title_of(primary)}"]
    heads += (
        [f"Increase of loss at {site}" for site in sites]
        if len(sites) <= _SITES
        else ["Least increase of loss at a site", "Largest increase of loss at a site"]
    )
    drawn = [one for one in found.features[:_SHOWN] if len(one.effect) > 1]
    return join(
        paragraph(
            f"Permutation importance: how much {in_sentence(primary)} over all sites gets worse "
            "when a feature is shuffled among the test rows of each site, and how much the loss "
            f"increases at each site. {_agreement(found.agreement, len(found.features[0].loss))} ",
            computed(content),
        ),
        table("Features by permutation importance", heads, rows[:_SHOWN], class_="figures"),
        folded(
            f"{counted(len(rows) - _SHOWN, 'less important feature')}",
            table("Further features", heads, rows[_SHOWN:], class_="figures"),
        )
        if len(rows) > _SHOWN
        else "",
        element(
            "div", *(_effect(one, _mean(content.task)) for one in drawn[:_DRAWN]), class_="panels"
        ),
        folded("Mean predictions in numbers", *map(_numbers, drawn)) if drawn else "",
        paragraph(
            "± is the standard deviation over shuffles. Values below 0 are chance: the feature "
            "has no effect. Correlated features share their importance, so a low rank does not "
            "mean that a feature is unrelated to the outcome. Nothing here shows causes. Sites "
            f"that withhold test results have no column.{_SET_TO if drawn else ''}",
            class_="note",
        ),
    )


def _by_site(one: Importance, sites: Sequence[str]) -> list[str]:
    """Return by how much loss grows at each site, or of many sites where least and most."""
    if len(sites) <= _SITES:
        return [change("log_loss", one.loss[site]) for site in sites]
    ranked = sorted(sites, key=lambda site: one.loss[site])
    return [f"{change('log_loss', one.loss[site])} ({site})" for site in (ranked[0], ranked[-1])]


def _agreement(agreement: float | None, sites: int) -> str:
    if agreement is None:
        return ""
    return (
        f"The feature rankings of the {sites} sites agree with a Kendall’s W of {agreement:.2f} "
        "(1: same ranking, 0: no agreement)."
    )


def _mean(task: Task) -> str:
    return f"Mean predicted {_PREDICTS.get(task, 'value')}"


def _effect(one: Importance, mean: str) -> Markup:
    """Return the mean prediction by the feature's value: a curve, or a point for each category."""
    values = [value for _, value in one.effect]
    span = charts.axis_over(min(values), max(values), 4)
    words = f"From {min(values):.3f} to {max(values):.3f}; the numbers are below."
    caption = element("figcaption", f"{mean} by {one.title}")
    numeric = _numeric(one)
    if numeric is None or len(numeric) < 3:
        strips = [
            element(
                "div",
                element("span", shown, class_="note"),
                charts.strip([charts.Mark(value, None, None, "federated")], span, shown),
            )
            for shown, value in one.effect
        ]
        return element("figure", caption, *strips, charts.strip_axis(span))
    points = tuple(zip(numeric, values, strict=True))
    drawing = charts.lines(
        f"{mean} by {one.title}", words, [charts.Series(mean, points, 0)],
        charts.axis_over(numeric[0], numeric[-1], 4), span, _with_unit(one),
    )  # fmt: skip
    return element("figure", caption, drawing)


def _with_unit(one: Importance) -> str:
    return f"{one.title} ({one.unit})" if one.unit else one.title


def _numeric(one: Importance) -> list[float] | None:
    try:
        return [float(shown) for shown, _ in one.effect]
    except ValueError:
        return None


def _numbers(one: Importance) -> Markup:
    return table(
        _with_unit(one),
        ["Value", "Mean prediction"],
        [[shown, f"{value:.3f}"] for shown, value in one.effect],
        class_="figures",
    )
