"""The area under the ROC curve from ranks, for many resamplings of the same rows at once.

It is the probability that a positive row has a higher score than a negative one, a tie counting
half (Mann and Whitney 1947; Hanley and McNeil 1982). A resampling is a count for each row, so
rows are sorted once, and what remains is integer arithmetic on [resamplings, rows].
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def auc(
    positive: NDArray[np.bool_], score: NDArray[Any], counts: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the area under the ROC curve, float64 [resamplings].

    Args:
        positive: [rows], which rows are of the positive class.
        score: [rows], larger where a model believes more in the positive class.
        counts: [resamplings, rows], how often each row is in each resampling.

    Returns:
        NaN where a resampling has no positive or no negative row.
    """
    order = np.argsort(score, kind="stable")
    ranked = score[order]
    starts = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]]))
    in_order = counts[:, order]
    positives = np.add.reduceat(in_order * positive[order], starts, axis=1)
    negatives = np.add.reduceat(in_order, starts, axis=1) - positives
    # Twice the number of pairs in the right order, so that ties stay integers.
    below = 2 * np.cumsum(negatives, axis=1) - negatives
    won = (positives * below).sum(axis=1)
    pairs = 2 * positives.sum(axis=1) * negatives.sum(axis=1)
    result = np.full(len(counts), np.nan)
    np.divide(won, pairs, out=result, where=pairs > 0)
    return result
