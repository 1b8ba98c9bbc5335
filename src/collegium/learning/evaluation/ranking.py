"""The area under the ROC curve from ranks, for many resamplings of the same rows at once.

It is the probability that a positive row has a higher score than a negative one, a tie counting
half (Mann and Whitney 1947; Hanley and McNeil 1982). A resampling is a count for each row, so
rows are sorted once, and what remains is integer arithmetic on [resamplings, rows of a class].
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
    of_class = np.flatnonzero(positive), np.flatnonzero(~positive)
    few, many = sorted((one[np.argsort(score[one], kind="stable")] for one in of_class), key=len)
    # How many of the larger class have lower scores, for every place in its order.
    before = np.zeros((len(counts), len(many) + 1), dtype=np.int64)
    np.cumsum(counts[:, many], axis=1, out=before[:, 1:])
    often = counts[:, few]
    # Twice the number of pairs in which the smaller class has the larger score: ties stay integers.
    above = np.zeros(len(counts), dtype=np.int64)
    for side in ("left", "right"):
        place = np.searchsorted(score[many], score[few], side=side)
        above += np.einsum("sr,sr->s", often, before[:, place])
    pairs = 2 * often.sum(axis=1) * before[:, -1]
    won = above if positive[few].all() else pairs - above
    result = np.full(len(counts), np.nan)
    np.divide(won, pairs, out=result, where=pairs > 0)
    return result
