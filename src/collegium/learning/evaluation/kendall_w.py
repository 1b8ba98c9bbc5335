"""Whether several judges put the same things in the same order: Kendall's W.

Kendall and Babington Smith (1939): 1 for one order everywhere, near 0 for none; ties share
their mean rank and are corrected for (Kendall 1962, chapter 6).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def concordance_of_orders(values: NDArray[np.float64]) -> float | None:
    """Return Kendall's W of values [judges, things].

    Returns:
        None for fewer than two judges or things, or where every judge holds all things equal.
    """
    judges, things = values.shape
    if judges < 2 or things < 2:
        return None
    ranks = np.array([_ranks(one) for one in values])
    tied = sum(
        float((counts.astype(np.float64) ** 3 - counts).sum())
        for counts in (np.unique(one, return_counts=True)[1] for one in values)
    )
    spread = float(((ranks.sum(axis=0) - judges * (things + 1) / 2) ** 2).sum())
    most = judges**2 * (things**3 - things) / 12 - judges * tied / 12
    return spread / most if most > 0 else None


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ranks from 1, equal values sharing the mean of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[place])
