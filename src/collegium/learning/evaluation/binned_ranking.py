"""The AUC over many sites without anybody's scores: from sums of histograms.

Each site counts its positive and its negative rows by score, in bins of equal width; the sums of
these counts over sites are whole numbers, and from them follows exactly the AUC of the scores
rounded to their bins. Pairs within a bin count half, so what rounding can change is bounded by
half the share of pairs that meet in a bin (`tied_share`). A site's own counts are small cells:
they must leave it only inside a secure sum.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BINS = 1024
"""Fine enough for the third decimal, and less to send than a small model."""


def histogram(
    positive: NDArray[np.bool_], score: NDArray[np.float64], bins: int = BINS
) -> NDArray[np.int64]:
    """Return counts, int64 [2, bins]: of negative and of positive rows, by score in 0 to 1."""
    place = np.clip((score * bins).astype(np.int64), 0, bins - 1)
    return np.stack(
        [np.bincount(place[positive == label], minlength=bins) for label in (False, True)]
    ).astype(np.int64)


def auc_of_counts(counts: NDArray[np.int64]) -> float | None:
    """Return the AUC of binned scores from their counts [2, bins]; None without both classes."""
    won, pairs = auc_pairs(counts)
    return won / pairs if pairs else None


def auc_pairs(counts: NDArray[np.int64]) -> tuple[int, int]:
    """Return twice the pairs won, a tie counting half, and twice all pairs of two classes."""
    negative, positive = (tuple(map(int, one)) for one in counts)
    below = won = 0
    for less, more in zip(negative, positive, strict=True):
        won += more * (2 * below + less)
        below += less
    return won, 2 * sum(negative) * sum(positive)


def tied_pairs(counts: NDArray[np.int64]) -> int:
    """Return how many pairs of two classes meet in one bin."""
    negative, positive = counts.astype(object)
    return int((negative * positive).sum())


def tied_share(counts: NDArray[np.int64]) -> float:
    """Return the share of pairs that meet in one bin; half of it bounds the error of the AUC."""
    _, pairs = auc_pairs(counts)
    return 2 * tied_pairs(counts) / pairs if pairs else 0.0
