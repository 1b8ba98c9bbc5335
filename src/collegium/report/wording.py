"""How the report names measures and prints numbers: one way for each, everywhere on the page."""

from __future__ import annotations

from collections.abc import Sequence

from collegium.data.table import Task

TITLES = {
    "accuracy": "Accuracy",
    "auc": "AUC",
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "brier": "Brier score",
    "log_loss": "Log loss",
    "qwk": "Weighted kappa",
    "c_index": "C-index",
    "dice": "Dice",
    "iou": "IoU",
    "poisson_deviance": "Poisson deviance",
    "mae": "Mean absolute error",
    "rmse": "Root mean squared error",
    "r2": "R²",
    "prevalence": "Prevalence",
    "ppv": "PPV",
    "npv": "NPV",
    "average_precision": "Average precision",
    "slope": "Calibration slope",
    "intercept": "Calibration intercept",
}

MEANINGS = {
    "accuracy": "the share of cases whose class is predicted correctly",
    "auc": "how often a case of the class is ranked above a case outside it (mean over classes "
    "if there are several); 0.5 is chance",
    "sensitivity": "the share of cases with the outcome that are classified as positive",
    "specificity": "the share of cases without the outcome that are classified as negative",
    "brier": ("the mean squared difference between predicted risk and outcome; smaller is better"),
    "log_loss": "the mean negative log-likelihood of the outcome, in nats; smaller is better",
    "qwk": "agreement with the true class beyond chance, with quadratic weights (an error of "
    "two classes counts four times as much as an error of one); 1 is perfect, 0 is chance",
    "c_index": "how often, of two cases, the one known to have had the event earlier has the "
    "higher predicted risk; 0.5 is chance",
    "dice": "twice the correctly marked pixels, divided by the sum of marked and reference "
    "pixels; mean over images, 1 is perfect",
    "iou": "the correctly marked pixels, divided by all pixels that are marked or in the "
    "reference; mean over images, 1 is perfect",
    "poisson_deviance": "twice the log-likelihood difference between a perfect fit and the "
    "predicted means, under a Poisson model; smaller is better",
    "mae": ("the mean absolute difference between prediction and true value, in the target's unit"),
    "rmse": (
        "the square root of the mean squared error, in the target's unit; large errors count more"
    ),
    "r2": "the share of the target's variance that the predictions explain",
    "prevalence": "the share of test rows with the outcome",
    "ppv": "positive predictive value: the share of cases classified as positive that have the "
    "outcome",
    "npv": "negative predictive value: the share of cases classified as negative that do not have "
    "the outcome",
    "average_precision": "the positive predictive value, averaged over the sensitivities that are "
    "reached; guessing has the prevalence",
}

SMALLER_IS_BETTER = frozenset({"brier", "log_loss", "mae", "poisson_deviance", "rmse"})

SHARES = frozenset({"accuracy", "auc", "c_index", "dice", "iou", "sensitivity", "specificity"})
"""Measures that lie within 0 and 1, where 1 is perfect."""

PRIMARY: dict[Task, str] = {
    "binary": "auc",
    "multiclass": "accuracy",
    "ordinal": "qwk",
    "regression": "mae",
    "count": "poisson_deviance",
    "survival": "c_index",
    "segmentation": "dice",
}
"""The measure that decides a comparison, and that the answer names first."""

_PROPER = frozenset(
    {"auc", "npv", "ppv", "brier", "c_index", "dice", "iou", "poisson_deviance", "r2"}
)

_IN_UNITS_OF_TARGET = frozenset({"mae", "rmse"})


def title_of(measure: str) -> str:
    """Return a measure's printed name; a name that we do not know stays as it is."""
    return TITLES.get(measure, measure)


def in_sentence(measure: str) -> str:
    """Return a measure's name as it stands within a sentence."""
    title = title_of(measure)
    return title if measure in _PROPER else title[:1].lower() + title[1:]


def number(measure: str, value: float) -> str:
    """Return a measure's value: three decimals, or four digits where the target has a unit."""
    text = f"{value:.4g}" if measure in _IN_UNITS_OF_TARGET else f"{value:.3f}"
    return _signed_text(text)


def change(measure: str, value: float) -> str:
    """Return a difference of two values of a measure, with its sign; never 0 for what is not."""
    sign = "+" if value > 0 else "−" if value < 0 else ""
    text = number(measure, abs(value))
    return f"{sign}{'<0.001' if value and text == '0.000' else text}"


def share(value: float) -> str:
    """Return a share as percent with one decimal."""
    return f"{100 * value:.1f}\u00a0%"


def span(low: str, high: str) -> str:
    """Return an interval of printed numbers; "to", since a dash could be read as a minus."""
    return f"{low} to {high}"


def count(value: int) -> str:
    """Return a whole number, thousands set apart by narrow spaces that do not break."""
    return f"{value:,}".replace(",", "\u202f")


def counted(value: int, one: str, many: str | None = None) -> str:
    """Return a count with its noun, in the plural unless it is one."""
    return f"{count(value)} {one if value == 1 else many or one + 's'}"


def rows_of(rows: int, persons: int) -> str:
    """Return how many rows there are, and of how many persons where some have several."""
    told = counted(rows, "row")
    return told if rows == persons else f"{told} of {counted(persons, 'person')}"


def seconds(value: float) -> str:
    """Return a duration with about three digits."""
    if value < 0.9995:
        return f"{value * 1000:.3g} ms" if value >= 1e-6 else "0 ms"
    if value < 120:
        return f"{value:.3g} s"
    minutes, rest = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def size(value: float) -> str:
    """Return a number of bytes with about three digits, in decimal units."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if value < 999.5:
            return f"{value:.0f} bytes" if unit == "bytes" else f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.4g} TB"


def listed(names: Sequence[str]) -> str:
    """Return names as a list in a sentence."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _signed_text(text: str) -> str:
    negative_zero = text.startswith("-") and not text.strip("-0.")
    return text[1:] if negative_zero else text.replace("-", "−", 1) if text[:1] == "-" else text
