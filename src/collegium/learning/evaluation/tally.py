"""What a site counts of its test rows for a sum over all sites; `counts` says what lies where."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from collegium.data.table import Task
from collegium.learning.evaluation.binned_ranking import histogram
from collegium.learning.evaluation.counts import TABLE_BINS, UNIT, Counts
from collegium.learning.evaluation.metrics import check_scores, predicted

_FLOOR = 2.0**-52
"""How near a probability comes to 0 and to 1 in a log loss, as in `metrics`."""


def layout_of(task: Task) -> str | None:
    """Return what sites count of test rows of a task; None where that is nothing yet."""
    return "binary@2" if task == "binary" else None


def tally(y: NDArray[Any], scores: NDArray[Any], threshold: float) -> Counts:
    """Return what a site counts of its test rows, int64 [LENGTH].

    Args:
        y: [rows], 0 or 1.
        scores: [rows, 1], predicted risks.
        threshold: as registered.

    Raises:
        DataError: y and scores do not fit to each other, or no rows.
    """
    check_scores("binary", y, scores)
    positive = np.asarray(y == 1)
    score = np.clip(scores[:, 0].astype(np.float64), 0.0, 1.0)
    called = predicted("binary", scores, threshold)
    place = np.minimum(
        np.searchsorted(np.arange(TABLE_BINS + 1) / TABLE_BINS, score, side="right") - 1,
        TABLE_BINS - 1,
    )
    truth = np.clip(np.where(positive, score, 1.0 - score), _FLOOR, 1.0 - _FLOOR)
    table = [_summed(place, what) for what in (np.ones(len(y)), positive, _units(score))]
    return np.concatenate(
        [
            histogram(positive, score).ravel(),
            np.bincount(2 * positive + called, minlength=4),
            np.stack(table, axis=1).ravel(),
            [_units((score - positive) ** 2).sum(), _units(-np.log(truth)).sum()],
        ]
    ).astype(np.int64)


def _units(values: NDArray[Any]) -> Counts:
    return np.asarray(np.rint(values * UNIT), np.int64)


def _summed(place: NDArray[np.int64], values: NDArray[Any]) -> Counts:
    total = np.zeros(TABLE_BINS, np.int64)
    np.add.at(total, place, values.astype(np.int64))
    return total
