"""The section about calls: by true class, and at every threshold."""

from __future__ import annotations

from collections.abc import Sequence

from collegium.report import charts
from collegium.report.content import ReportContent
from collegium.report.figures import Figure
from collegium.report.markup import Child, Markup, element, join, paragraph, table
from collegium.report.measurements import CalledRows
from collegium.report.quality_sections import computed, figure
from collegium.report.wording import MEANINGS, count, number, title_of

_MANY = 12
"""A confusion matrix of more classes is not printed."""

_SHORT = 11
"""Letters of a word of which three stand side by side on a phone."""


def calls(content: ReportContent) -> Markup:
    """Return the confusion matrix over all sites and, of two classes, the curves."""
    tested = content.tested
    if tested is None or not (tested.confusion or tested.roc):
        return paragraph(
            "No confusion matrix is available: a site withholds its rows by class. A secure sum "
            "over all sites would give it."
        )
    if content.task != "binary":
        return join(_matrix(content, tested))
    return join(
        _matrix(content, tested),
        paragraph(
            "Predictive values and average precision depend on how common the outcome is. They "
            "hold for places in which it is as common as in these test rows.",
            class_="note",
        ),
        _values(content) if tested.values else "",
        _curves(content, tested) if tested.roc else "",
    )


def _matrix(content: ReportContent, tested: CalledRows) -> Markup:
    if not tested.confusion:
        return paragraph(
            "No confusion matrix is available: one of its cells is too small to be told."
        )
    if len(tested.confusion) > _MANY:
        return paragraph(f"{len(tested.confusion)} classes are too many for a confusion matrix.")
    names = content.schema.classes or ("without the outcome", "with the outcome")
    rows: list[Sequence[Child]] = [
        [name, *(count(number) for number in row), count(sum(row))]
        for name, row in zip(names, tested.confusion, strict=True)
    ]
    called = [sum(column) for column in zip(*tested.confusion, strict=True)]
    rows.append(["All", *map(count, called), count(sum(called))])
    short = max(len(word) for name in names for word in name.split()) <= _SHORT
    at = f" at the threshold {content.threshold:g}" if content.task == "binary" else ""
    return table(
        join(f"Confusion matrix{at}: test rows by true and by predicted class ", computed(content)),
        ["True class", *(f"Predicted: {name}" for name in names), "All"],
        rows,
        class_="figures numbers words" if short else "figures",
    )


def _values(content: ReportContent) -> Markup:
    return table(
        "What calls are worth, with 95\u00a0% intervals",
        ["Measure", "All sites", "Meaning"],
        [
            [title_of(name), figure(name, one), MEANINGS[name]]
            for name, one in content.predictive.items()
        ],
        class_="figures values",
    )


def _curves(content: ReportContent, tested: CalledRows) -> Markup:
    told = content.quality.federated | content.predictive
    spared, found, right = (_value(told, name) for name in ("specificity", "sensitivity", "ppv"))
    prevalence = _value(told, "prevalence")
    drawn = [
        _drawing(
            f"ROC curve (AUC {_told(told, 'auc')})",
            "Vertical axis: sensitivity. The dashed line is guessing.",
            tested.roc, None if spared is None or found is None else (1 - spared, found),
            ((0.0, 0.0), (1.0, 1.0)), "1 − specificity",
        )
    ]  # fmt: skip
    if tested.precision and prevalence is not None:
        drawn.append(
            _drawing(
                f"Precision-recall curve (average precision {_told(told, 'average_precision')})",
                "Vertical axis: positive predictive value. The dashed line is guessing.",
                tested.precision, None if found is None or right is None else (found, right),
                ((0.0, prevalence), (1.0, prevalence)), "Sensitivity (recall)",
            )
        )  # fmt: skip
    return join(
        element("div", *drawn, class_="panels"),
        paragraph(
            f"The points are at the registered threshold of {content.threshold:g}. ",
            computed(content),
            class_="note",
        ),
    )


def _drawing(
    title: str,
    words: str,
    curve: Sequence[tuple[float, float]],
    marked: tuple[float, float] | None,
    guess: tuple[tuple[float, float], tuple[float, float]],
    x_title: str,
) -> Markup:
    return element(
        "figure",
        element("figcaption", title),
        charts.square(title, words, curve, marked, guess, x_title),
        paragraph(words, class_="note"),
        class_="square",
    )


def _value(told: dict[str, Figure], name: str) -> float | None:
    return told[name].value if name in told else None


def _told(told: dict[str, Figure], name: str) -> str:
    value = _value(told, name)
    return "not told" if value is None else number(name, value)
