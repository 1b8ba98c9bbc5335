"""What a model's calls are worth: counted by true class, as predictive values, at every threshold.

Positive and negative predictive values are the shares of called (not called) rows that are called
rightly (Altman and Bland 1994); they hold for the prevalence of these rows alone. The ROC curve is
of Hanley and McNeil (1982). Average precision is the mean precision over the recalls that are won,
a step for every score that occurs, without interpolation (Davis and Goadrich 2006 say why).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from collegium.data.table import Task
from collegium.learning.evaluation.metrics import predicted

MOST_POINTS = 200
"""A curve of more points has some in its course left out."""


def confusion(
    task: Task, y: NDArray[Any], scores: NDArray[Any], threshold: float
) -> NDArray[np.int64]:
    """Return how many rows of each true class have each predicted class, [classes, classes]."""
    classes = max(2, scores.shape[1])
    place = y.astype(np.int64) * classes + predicted(task, scores, threshold)
    return np.bincount(place, minlength=classes**2).reshape(classes, classes).astype(np.int64)


def predictive_resampled(
    positive: NDArray[np.bool_],
    score: NDArray[np.float64],
    threshold: float,
    counts: NDArray[np.int64],
) -> dict[str, NDArray[np.float64]]:
    """Return prevalence, ppv, npv and average_precision, float64 [resamplings], NaN if undefined.

    Args:
        positive: [rows], which rows have the outcome.
        score: [rows].
        threshold: at or above it a row is called.
        counts: [resamplings, rows], how often each row is in each resampling.
    """
    called, rows = score >= threshold, counts.sum(axis=1)
    positives, calls = counts[:, positive].sum(axis=1), counts[:, called].sum(axis=1)
    return {
        "prevalence": _ratio(positives, rows),
        "ppv": _ratio(counts[:, positive & called].sum(axis=1), calls),
        "npv": _ratio(counts[:, ~positive & ~called].sum(axis=1), rows - calls),
        "average_precision": _average_precision(positive, score, counts),
    }


def roc(positive: NDArray[np.bool_], score: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the ROC curve from (0, 0) to (1, 1), as (1 - specificity, sensitivity), [points, 2].

    Points on a straight line between others are left out. Both classes must be there.
    """
    found, called = _at_thresholds(positive, score)
    alarms = called - found
    corners = np.ones(len(found), dtype=np.bool_)
    turns = np.diff(found)[:-1] * np.diff(alarms)[1:] != np.diff(found)[1:] * np.diff(alarms)[:-1]
    corners[1:-1] = turns
    curve = np.stack([alarms / alarms[-1], found / found[-1]], axis=1)
    return _thinned(curve[corners])


def precision_recall(
    positive: NDArray[np.bool_], score: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the precision at every recall, as (recall, precision), [points, 2].

    It has a point for each score that occurs, from the highest one on.
    """
    found, called = (one[1:] for one in _at_thresholds(positive, score))
    return _thinned(np.stack([found / found[-1], found / called], axis=1))


def _at_thresholds(
    positive: NDArray[np.bool_], score: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return how many rows with the outcome, and how many, are called; first of all none."""
    order = np.argsort(-score, kind="stable")
    last = np.append(np.flatnonzero(np.diff(score[order])), len(score) - 1)
    found = np.cumsum(positive[order])[last]
    return np.concatenate([[0], found]), np.concatenate([[0], last + 1])


def _average_precision(
    positive: NDArray[np.bool_], score: NDArray[np.float64], counts: NDArray[np.int64]
) -> NDArray[np.float64]:
    order = np.argsort(-score, kind="stable")
    last = np.append(np.flatnonzero(np.diff(score[order])), len(score) - 1)
    drawn = counts[:, order]
    found = np.cumsum(drawn * positive[order], axis=1)[:, last]
    called = np.cumsum(drawn, axis=1)[:, last]
    won = np.diff(found, axis=1, prepend=0)
    return _ratio((won * found / np.maximum(called, 1)).sum(axis=1), found[:, -1])


def _ratio(part: NDArray[Any], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    result = np.full(len(whole), np.nan)
    np.divide(part, whole, out=result, where=whole > 0)
    return result


def _thinned(curve: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return so many points of a curve, at equal distances along it; the ends stay."""
    if len(curve) <= MOST_POINTS:
        return curve
    along = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(curve, axis=0)).sum(axis=1))])
    steps = np.linspace(0.0, along[-1], MOST_POINTS)
    kept = np.unique(np.concatenate([[0], np.searchsorted(along, steps[1:-1]), [len(curve) - 1]]))
    return np.asarray(curve[kept])
