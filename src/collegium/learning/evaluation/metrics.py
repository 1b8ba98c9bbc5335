"""Measures of quality by task, each for one set of rows or for many resamplings of it.

Input is always (y, scores): class numbers [rows] and probabilities, [rows, 1] of the positive
class for a binary task, [rows, classes] for a multi-class one; or values [rows] and predictions
[rows, 1] for a regression. A resampling of the rows is a count for each; the measures of the
rows themselves are the resampling where every count is 1.

An ordinal task is like a multi-class one. Of a count the scores are its means; of survival y is
[rows, 2], time and event, and the scores are larger where the event is expected earlier. Of a
segmentation both are [rows, pixels].
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from collegium.data.table import CLASSIFYING, Task
from collegium.errors import DataError
from collegium.learning.evaluation.concordance import concordance
from collegium.learning.evaluation.overlap import overlaps
from collegium.learning.evaluation.ranking import auc

Measured = dict[str, float | None]

ROUNDING = 1e-6
"""A probability may be that much outside of 0 and 1, as a softmax in float32 can be."""


def measure(task: Task, y: NDArray[Any], scores: NDArray[Any], threshold: float = 0.5) -> Measured:
    """Return each measure of a task by name; None where it is undefined for these rows.

    - accuracy: the share of rows whose class is predicted (a binary score at or above the
      threshold is positive; otherwise the class of the largest score, the first of equals).
    - auc: see `ranking`; multi-class: the plain mean of every class against the rest, undefined
      unless all classes are there (Hand and Till 2001 discuss the choice).
    - sensitivity, specificity: the share of positive (negative) rows predicted so, undefined
      without such rows.
    - brier: the mean of (score - y)^2 (Brier 1950).
    - log_loss: the mean of -log of the true class's probability, in nats; probabilities are
      bounded by 2^-52 from 0 and from 1.
    - qwk: quadratically weighted kappa (Cohen 1968) of the predicted and the true class, undefined
      where all rows have one class and are predicted so.
    - mae, rmse: mean absolute and root mean squared error in the target's unit; r2: 1 - squared
      error over the squares around the mean, undefined where all values are equal.
    - poisson_deviance: the mean of 2 (y log(y / m) - y + m) for a predicted mean m.
    - dice, iou: see `overlap`; means over images, of pixels called by the threshold.
    - c_index: see `concordance`; undefined where no two rows can be compared.

    Raises:
        DataError: y and scores do not fit to each other or to the task, or no rows.
    """
    once = np.ones((1, len(y)), dtype=np.int64)
    values = measure_resampled(task, y, scores, threshold, once)
    return {name: None if np.isnan(value[0]) else float(value[0]) for name, value in values.items()}


def measure_resampled(
    task: Task,
    y: NDArray[Any],
    scores: NDArray[Any],
    threshold: float,
    counts: NDArray[np.int64],
) -> dict[str, NDArray[np.float64]]:
    """Return each measure of a task, float64 [resamplings], NaN where it is undefined.

    Args:
        task: what kind of question the scores answer.
        y: [rows].
        scores: [rows, 1] or [rows, classes].
        threshold: of a binary task, otherwise ignored.
        counts: [resamplings, rows], how often each row is in each resampling.

    Raises:
        DataError: y and scores do not fit to each other or to the task, or no rows.
    """
    check_scores(task, y, scores)
    exact = scores.astype(np.float64)
    if task in CLASSIFYING or task == "segmentation":
        exact = np.clip(exact, 0.0, 1.0)
    if task == "binary":
        return _binary(y == 1, exact[:, 0], threshold, counts)
    if task == "multiclass":
        return _multiclass(y, exact, counts)
    if task == "ordinal":
        return _ordinal(y, exact, counts)
    if task == "count":
        return _count(y.astype(np.float64), exact[:, 0], counts)
    if task == "survival":
        return {"c_index": concordance(y[:, 0], y[:, 1] == 1, exact[:, 0], counts)}
    if task == "segmentation":
        each = overlaps(y, exact, threshold)
        return {name: _mean(value, counts) for name, value in each.items()}
    return _regression(y.astype(np.float64), exact[:, 0], counts)


def predicted(task: Task, scores: NDArray[Any], threshold: float) -> NDArray[np.int64]:
    """Return the predicted class of each row, [rows]."""
    if task == "binary":
        return np.asarray(scores[:, 0].astype(np.float64) >= threshold, dtype=np.int64)
    return np.asarray(np.argmax(scores, axis=1), dtype=np.int64)


def check_scores(task: Task, y: NDArray[Any], scores: NDArray[Any]) -> None:
    """Refuse scores that do not fit to y or to the task.

    Raises:
        DataError: shapes, classes or probabilities are not what the task asks for.
    """
    why = None
    answers = 2 if task == "survival" else 1
    if task == "segmentation":
        why = _mask_fault(y, scores)
    elif (
        y.ndim != answers
        or y.shape[1:] not in ((), (2,))
        or scores.ndim != 2
        or len(y) != len(scores)
        or len(y) == 0
    ):
        why = f"y has shape {y.shape} and scores {scores.shape}"
    elif (scores.shape[1] >= 3) != (task in ("multiclass", "ordinal")) or scores.shape[1] == 2:
        why = f"a {task} task cannot have {scores.shape[1]} scores a row"
    elif not (np.isfinite(scores).all() and np.isfinite(y).all()):
        why = "a value is not finite"
    elif task in CLASSIFYING and np.abs(scores - 0.5).max() > 0.5 + ROUNDING:
        why = "a probability lies outside 0 and 1"
    elif task == "count" and not (scores >= 0).all():
        why = "a predicted mean is below 0"
    elif task in CLASSIFYING and not (
        np.issubdtype(y.dtype, np.integer) and y.min() >= 0 and y.max() < max(2, scores.shape[1])
    ):
        why = "y holds a number that is no class"
    if why:
        raise DataError(
            "data.scores",
            "the scores cannot be compared with the true values",
            why,
            "check the model's outputs and the data set's schema",
        )


def _mask_fault(y: NDArray[Any], scores: NDArray[Any]) -> str | None:
    if y.ndim != 2 or y.shape != scores.shape or not y.size:
        return f"masks have shape {y.shape} and scores {scores.shape}"
    if not np.isin(y, (0, 1)).all():
        return "a mask holds something else than 0 and 1"
    if not np.isfinite(scores).all() or np.abs(scores - 0.5).max() > 0.5 + ROUNDING:
        return "a probability lies outside 0 and 1"
    return None


def _binary(
    positive: NDArray[np.bool_],
    score: NDArray[np.float64],
    threshold: float,
    counts: NDArray[np.int64],
) -> dict[str, NDArray[np.float64]]:
    called = score >= threshold
    rows = counts.sum(axis=1)
    positives = counts[:, positive].sum(axis=1)
    true_positives = counts[:, positive & called].sum(axis=1)
    true_negatives = counts[:, ~positive & ~called].sum(axis=1)
    return {
        "accuracy": _ratio(true_positives + true_negatives, rows),
        "auc": auc(positive, score, counts),
        "sensitivity": _ratio(true_positives, positives),
        "specificity": _ratio(true_negatives, rows - positives),
        "brier": _mean((score - positive) ** 2, counts),
        "log_loss": _mean(_surprise(np.where(positive, score, 1 - score)), counts),
    }


def _multiclass(
    y: NDArray[Any], scores: NDArray[np.float64], counts: NDArray[np.int64]
) -> dict[str, NDArray[np.float64]]:
    right = counts[:, np.argmax(scores, axis=1) == y].sum(axis=1)
    by_class = [auc(y == label, scores[:, label], counts) for label in range(scores.shape[1])]
    return {
        "accuracy": _ratio(right, counts.sum(axis=1)),
        "auc": np.mean(by_class, axis=0),
        "log_loss": _mean(_surprise(scores[np.arange(len(y)), y]), counts),
    }


def _ordinal(
    y: NDArray[Any], scores: NDArray[np.float64], counts: NDArray[np.int64]
) -> dict[str, NDArray[np.float64]]:
    called = np.argmax(scores, axis=1)
    rows = counts.sum(axis=1)
    # Sums of whole numbers: what is off, and what two independent raters would be off.
    first, second = (counts @ place for place in (y, called))
    off = counts @ (y - called) ** 2
    by_chance = rows * (counts @ y**2 + counts @ called**2) - 2 * first * second
    return {
        "accuracy": _ratio(counts[:, called == y].sum(axis=1), rows),
        "qwk": 1 - _ratio(rows * off, by_chance),
        "log_loss": _mean(_surprise(scores[np.arange(len(y)), y]), counts),
    }


def _count(
    y: NDArray[np.float64], mean: NDArray[np.float64], counts: NDArray[np.int64]
) -> dict[str, NDArray[np.float64]]:
    positive = np.maximum(mean, np.finfo(np.float64).tiny)
    ratio = np.where(y > 0, y, 1.0) / positive
    deviance = 2 * (np.where(y > 0, y * np.log(ratio), 0.0) - y + positive)
    return {
        "poisson_deviance": _mean(np.maximum(deviance, 0.0), counts),
        "mae": _mean(np.abs(y - mean), counts),
        "rmse": np.sqrt(_mean((y - mean) ** 2, counts)),
    }


def _regression(
    y: NDArray[np.float64], value: NDArray[np.float64], counts: NDArray[np.int64]
) -> dict[str, NDArray[np.float64]]:
    squared = _mean((y - value) ** 2, counts)
    # Around the mean of all rows first: the rest of the shift is small, little cancels.
    centered = y - y.mean()
    spread = _mean(centered**2, counts) - _mean(centered, counts) ** 2
    floor = 1e-12 * float((centered**2).max()) if np.ptp(y) else np.inf
    share = np.full(len(counts), np.nan)
    np.divide(squared, spread, out=share, where=spread > floor)
    return {
        "mae": _mean(np.abs(y - value), counts),
        "rmse": np.sqrt(squared),
        "r2": 1 - share,
    }


def _surprise(probability: NDArray[np.float64]) -> NDArray[np.float64]:
    least = float(np.finfo(np.float64).eps)
    return np.asarray(-np.log(np.clip(probability, least, 1 - least)))


def _mean(value: NDArray[np.float64], counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the mean of a value of each row in each resampling.

    Not a matrix product: a BLAS may change its order of additions with the number of threads.
    """
    return np.asarray(np.einsum("sr,r->s", counts, value) / counts.sum(axis=1))


def _ratio(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    result = np.full(len(whole), np.nan)
    np.divide(part, whole, out=result, where=whole > 0)
    return result
