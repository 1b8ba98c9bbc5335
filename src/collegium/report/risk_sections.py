"""What predicted risks are worth: recalibration in words, and the decision curve."""

from __future__ import annotations

from collections.abc import Sequence

from collegium.report import charts
from collegium.report.calibration import recalibration_words
from collegium.report.content import ReportContent
from collegium.report.markup import Markup, element, folded, join, paragraph, table
from collegium.report.measurements import Benefit, Risks
from collegium.report.quality_sections import computed
from collegium.report.wording import number

_LOWEST = -0.05
"""A curve below that is worth less than doing nothing, however far it falls; it is not drawn."""


def recalibrated(risks: Risks) -> Markup:
    """Return calibration slope and intercept in words."""
    if risks.slope is None or risks.intercept is None:
        return paragraph(
            "No calibration slope is available: all rows have one class, all risks are equal, "
            "or the risks separate the classes completely."
        )
    return paragraph(
        f"{recalibration_words(risks.slope, risks.intercept)} The ideal values are 1 and 0. "
        "Intervals are Wald intervals."
    )


def decision(content: ReportContent) -> Markup:
    """Return whether acting on the model helps, by risk threshold."""
    risks = content.risks
    if risks is None or not risks.benefit:
        return paragraph(
            "No decision curve is available: it needs probabilities for the rows of all sites."
        )
    at = min(risks.benefit, key=lambda one: abs(one.threshold - content.threshold))
    top = max(0.05, *(max(one.model, one.everybody) for one in risks.benefit))
    drawn = [
        charts.Series("by the model", _points([(b.threshold, b.model) for b in risks.benefit]), 0),
        charts.Series(
            "for everybody", _points([(b.threshold, b.everybody) for b in risks.benefit]), 1
        ),
        charts.Series("for nobody", ((0.01, 0.0), (0.99, 0.0)), 2),
    ]
    return join(
        paragraph(
            "Choosing a threshold of p means accepting up to (1 − p) / p unnecessary "
            "interventions for each case caught (9 at p = 0.1). Net benefit is the number of "
            "cases caught minus the unnecessary interventions at this exchange rate, per test "
            "row. ",
            computed(content),
        ),
        element(
            "figure",
            element("figcaption", "Net benefit by risk threshold"),
            charts.lines(
                "Decision curve",
                "Net benefit of intervening by the model, for everybody and for nobody, by risk "
                "threshold. The table below has the numbers.",
                drawn,
                charts.Axis(0.0, 1.0, (0.0, 0.25, 0.5, 0.75, 1.0)),
                charts.axis_over(_LOWEST, top, 4),
                "Risk threshold",
            ),
        ),
        paragraph(_at_threshold(at), " ", _where_it_helps(risks.benefit)),
        folded(
            "The curve in numbers",
            table(
                "Net benefit per test row",
                ["Threshold", "By the model", "For everybody"],
                [
                    [
                        f"{one.threshold:.2f}",
                        *(number("benefit", x) for x in (one.model, one.everybody)),
                    ]
                    for one in risks.benefit[4::5]
                ],
                class_="numbers",
            ),
        ),
        paragraph(
            "The curve is based on the study's test rows, ignores the costs of care and has no "
            "confidence interval. It shows where the model could be worth a clinical trial. It "
            "does not show that using the model is right.",
            class_="note",
        ),
    )


def _points(curve: Sequence[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """Return a curve up to where it leaves the drawing."""
    shown = []
    for point in curve:
        if point[1] < _LOWEST:
            break
        shown.append(point)
    return tuple(shown) or (curve[0],)


def _at_threshold(at: Benefit) -> str:
    return (
        f"At {at.threshold:.2f}, the point nearest to the registered threshold, the net benefit "
        f"per row is {_net(at.model)} by the model and {_net(at.everybody)} when intervening "
        "for everybody."
    )


def _where_it_helps(benefit: Sequence[Benefit]) -> str:
    helps = [one.threshold for one in benefit if one.model > max(0.0, one.everybody)]
    if not helps:
        return (
            "The model is not better than intervening for everybody or for nobody at any threshold."
        )
    return (
        f"The model is better than both at {len(helps)} of {len(benefit)} thresholds, between "
        f"{helps[0]:.2f} and {helps[-1]:.2f}."
    )


def _net(value: float) -> str:
    return number("net benefit", value)
