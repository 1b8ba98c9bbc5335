"""What of an evaluation a site may tell others, and what it must keep to itself.

A class with few rows is a few patients. Where a class has fewer than five rows, none of the
class counts is told (the others would give the small one away), nor any measure from which it
could be worked out: sensitivity, specificity and AUC are fractions whose denominators are the
class counts; the Brier score and the log loss are sums that a model made for the purpose (one
with two outputs only) turns into counts. What stays is how many rows were predicted correctly;
and not even that where all rows are predicted alike, for then it is a class count itself.

A C-index is a fraction whose denominator follows from who had the event: where fewer than five rows
had it, or fewer than five had it not, it is not told.

Where a sum over all sites tells of classes, a site tells its rows alone: what the others tell would
give away the classes of a small one.

This bounds what one statement says exactly. It is not differential privacy: who may choose
many models learns more with each.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from collegium.canonical import LARGEST_INTEGER
from collegium.data.table import CLASSIFYING, Task
from collegium.learning.evaluation.intervals import Interval, intervals
from collegium.learning.evaluation.metrics import measure, predicted
from collegium.learning.evaluation.statement import (
    MEASURES,
    SMALLEST_COUNT,
    UNITS,
    Statement,
    Value,
    units_of_ratio,
)

Withheld = Literal["nothing", "by-class", "all"]


def statement_of(
    task: Task,
    y: NDArray[Any],
    scores: NDArray[Any],
    *,
    threshold: float,
    replicates: int,
    seed: int,
    model: str,
    kind: Literal["federated", "local"],
    person: NDArray[np.int64] | None = None,
    hides: bool = False,
) -> Statement:
    """Return what a site says about a model on its test part.

    Args:
        task: what the scores answer.
        y: [rows], the test part's true values.
        scores: [rows, 1] or [rows, classes], what the model says of these rows.
        threshold: of a binary task, as registered.
        replicates: resamplings behind the intervals, none for 0.
        seed: the study's.
        model: SHA-256 of the model's blob, base64url without padding.
        kind: the study's model, or the one that the site trained alone.
        person: [rows], the same number where rows are of one person.
        hides: whether all is withheld, because a sum over all sites tells of classes.

    Raises:
        DataError: y and scores do not fit to each other or to the task, or no rows.
    """
    measured = measure(task, y, scores, threshold)
    withheld, classes, right = _judged(task, y, scores, threshold, hides=hides)
    # Resamplings depend on the order of rows; with the correct ones first, the interval of
    # accuracy depends on their number alone, and tells nothing more.
    order = np.arange(len(y)) if withheld == "nothing" else np.argsort(~right, kind="stable")
    drawn = person if withheld == "nothing" else None
    bounds = intervals(
        task, y[order], scores[order], threshold=threshold, replicates=replicates, seed=seed,
        person=drawn,
    )  # fmt: skip
    exact = _exact(task, y, classes, right)
    values = [
        _value(name, units, bounds[name])
        for name in {"nothing": MEASURES[task], "by-class": ("accuracy",), "all": ()}[withheld]
        if (units := exact.get(name, _units(measured[name]))) is not None
    ]
    counted = task in CLASSIFYING
    return Statement(
        classes=tuple(classes.tolist()) if counted and withheld == "nothing" else msgspec.UNSET,
        correct=int(right.sum()) if counted and withheld != "all" else msgspec.UNSET,
        kind=kind,
        model=model,
        rows=len(y),
        task=task,
        values=tuple(values),
        withheld=withheld,
    )


def _judged(
    task: Task, y: NDArray[Any], scores: NDArray[Any], threshold: float, *, hides: bool
) -> tuple[Withheld, NDArray[np.int64], NDArray[np.bool_]]:
    """Return what must be withheld, rows by class, and which rows are predicted correctly."""
    few = len(y) < SMALLEST_COUNT
    if task == "survival":
        events = int(y[:, 1].sum())
        few = min(events, len(y) - events) < SMALLEST_COUNT
    if task not in CLASSIFYING:
        return "all" if few else "nothing", np.zeros(0, np.int64), np.zeros(len(y), np.bool_)
    called = predicted(task, scores, threshold)
    classes = np.bincount(y, minlength=max(2, scores.shape[1]))
    right = np.asarray(called == y)
    if hides:
        return "all", classes, right
    if classes.min() >= SMALLEST_COUNT:
        return "nothing", classes, right
    return "all" if few or (called == called[0]).all() else "by-class", classes, right


def _exact(
    task: Task, y: NDArray[Any], classes: NDArray[np.int64], right: NDArray[np.bool_]
) -> dict[str, int]:
    """Return the measures that are ratios of counts, from the counts; others go by floats."""
    if task not in CLASSIFYING:
        return {}
    shares = {"accuracy": units_of_ratio(int(right.sum()), len(y))}
    if task == "binary" and classes.min() > 0:
        for label, name in enumerate(("specificity", "sensitivity")):
            shares[name] = units_of_ratio(int(right[y == label].sum()), int(classes[label]))
    return shares


def _units(value: float | None) -> int | None:
    """Return a value in units of 1e-9; None where it is undefined or too large to be told."""
    if value is None or not abs(value) * UNITS <= LARGEST_INTEGER:
        return None
    return round(value * UNITS)


def _value(name: str, value: int, interval: Interval | None) -> Value:
    low, high = (None, None) if interval is None else map(_units, (interval.low, interval.high))
    if low is None or high is None:
        return Value(name=name, value=value)
    return Value(name=name, value=value, low=low, high=high)
