"""Harrell's C-index, for many resamplings of the same rows at once.

It is the share of comparable pairs in which the row with the earlier event has the larger score,
a tie of scores counting half (Harrell, Califf, Pryor, Lee and Rosati, "Evaluating the Yield of
Medical Tests", JAMA 1982). Comparable is a row whose event was seen with every row that was
observed longer: its time is later, or equal without an event.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

CELLS = 2**22
"""Pairs are compared in portions of about that many, to bound memory."""


def concordance(
    time: NDArray[Any], event: NDArray[np.bool_], score: NDArray[Any], counts: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the C-index, float64 [resamplings].

    Args:
        time: [rows].
        event: [rows], whether the event was seen.
        score: [rows], larger where the event is expected earlier.
        counts: [resamplings, rows], how often each row is in each resampling.

    Returns:
        NaN where no two rows of a resampling can be compared.
    """
    often = counts.astype(np.float64)
    won, pairs = np.zeros(len(counts), np.int64), np.zeros(len(counts), np.int64)
    seen = np.flatnonzero(event)
    portion = max(1, CELLS // max(len(time), 1))
    for first in range(0, len(seen), portion):
        some = seen[first : first + portion, None]
        comparable = (time > time[some]) | ((time == time[some]) & ~event)
        right = comparable * (2.0 * (score[some] > score) + (score[some] == score))
        # Whole numbers far below 2^53: a matrix product has the same bits in any order.
        for total, matrix in ((won, right), (pairs, 2.0 * comparable)):
            total += (often[:, some[:, 0]] * (often @ matrix.T)).sum(axis=1).astype(np.int64)
    result = np.full(len(counts), np.nan)
    np.divide(won, pairs, out=result, where=pairs > 0)
    return result
