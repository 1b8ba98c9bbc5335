"""The sections about calibration and about learning, each with its drawing."""

from __future__ import annotations

from collegium.data.table import CLASSIFYING
from collegium.report import charts
from collegium.report.content import ReportContent
from collegium.report.markup import Markup, element, folded, join, paragraph, table
from collegium.report.process import Curves
from collegium.report.quality_sections import computed
from collegium.report.risk_sections import recalibrated
from collegium.report.wording import count, counted, number, share, span, title_of

_FEW = 10
"""A bin of a reliability table with fewer rows is drawn hollow."""

_MANY = 8
"""With more sites than that, only the curve over all sites is drawn."""


def calibration(content: ReportContent) -> Markup:
    """Return whether probabilities mean what they say."""
    if content.task not in CLASSIFYING:
        return paragraph(
            "Calibration does not apply: the model predicts values, not probabilities."
        )
    found = content.reliability
    if found is None:
        why = (
            "it needs the predictions for the rows of all sites, and these as probabilities, not "
            "as scores"
            if content.task == "binary"
            else "this version supports two classes only"
        )
        return paragraph(f"No reliability table is available: {why}.")
    predicted, observed = _calibration_words(content)
    bins = [
        (one.predicted, one.observed, one.low, one.high, one.rows >= _FEW) for one in found.bins
    ]
    return join(
        paragraph(
            f"Over all {count(found.rows)} test rows, {predicted} is {share(found.predicted)} on "
            f"average, and {observed} is {share(found.observed)}. The expected calibration error "
            f"is {share(found.error)}: the mean difference between the two over bins of similar "
            "predictions. ",
            computed(content),
        ),
        element(
            "figure",
            element(
                "figcaption",
                (f"Vertical axis: {observed}. Points on the dashed line are perfectly calibrated."),
            ),
            charts.reliability(
                "Reliability diagram",
                f"{counted(len(bins), 'bin')} of test rows by prediction, the observed share of "
                "each against its mean prediction; the numbers are in the table below.",
                bins,
                predicted,
            ),
            class_="square",
        ),
        recalibrated(content.risks) if content.risks is not None else "",
        folded(
            "The bins in numbers",
            table(
                "Test rows by prediction",
                ["Mean prediction", "Observed share", "95\u00a0% interval (Wilson)", "Rows"],
                [
                    [
                        f"{one.predicted:.3f}",
                        f"{one.observed:.3f}",
                        span(f"{one.low:.3f}", f"{one.high:.3f}"),
                        count(one.rows),
                    ]
                    for one in found.bins
                ],
                class_="numbers",
            ),
        ),
        paragraph(
            f"Hollow points have fewer than {_FEW} rows. Vertical lines are 95\u00a0% intervals.",
            class_="note",
        ),
    )


def learning_curves(content: ReportContent) -> Markup:
    """Return the learning curves, on training rows."""
    if not content.curves:
        return paragraph("No performance on training rows was measured.")
    hidden = len(content.participants) - max(len(one.sites) for one in content.curves)
    return join(
        paragraph(
            "Performance on the ",
            element("strong", "training rows"),
            " after each round. The test part was opened once, after the last round. ",
            computed(content),
        ),
        element("div", *map(_curves, content.curves), class_="panels"),
        paragraph(
            f"{counted(hidden, 'site')} that withheld test results "
            f"{'has' if hidden == 1 else 'have'} no curve.",
            class_="note",
        )
        if hidden
        else "",
    )


def _calibration_words(content: ReportContent) -> tuple[str, str]:
    if content.task == "binary":
        return "the predicted risk", "the observed share with the outcome"
    return "the probability of the predicted class", "the share predicted correctly"


def _curves(one: Curves) -> Markup:
    drawn = [one.overall, *(one.sites if len(one.sites) <= _MANY else ())]
    values = [value for curve in drawn for _, value in curve.points]
    rounds = [number for number, _ in one.overall.points]
    last_round, last = one.overall.points[-1]
    first = one.overall.points[0][1]
    return element(
        "figure",
        element("figcaption", f"{title_of(one.measure)} on training rows"),
        charts.lines(
            f"{title_of(one.measure)} on training rows by round",
            f"Over all sites from {number(one.measure, first)} after round {rounds[0]} to "
            f"{number(one.measure, last)} after round {last_round}.",
            [charts.Series(curve.name, curve.points, style) for style, curve in enumerate(drawn)],
            charts.whole_axis(rounds[0], rounds[-1]),
            charts.axis_over(min(values), max(values), 4),
            "Round",
        ),
    )
