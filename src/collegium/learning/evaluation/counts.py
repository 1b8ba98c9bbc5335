"""The numbers that a site counts of its test rows for a sum over all sites, one after another.

Of a binary task, `LENGTH` of them: negative and then positive rows by score in `BINS` bins
(`binned_ranking`); rows called negative and positive of each class at the registered threshold;
rows, positive rows and the sum of scores in ten bins of a reliability table; the sums of
(score - y)^2 and of the log loss. Sums of reals are in units of 2^-20, rounded row by row.
docs/spec/19-summed-statistics.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from collegium.learning.evaluation.binned_ranking import BINS

Counts = NDArray[np.int64]

UNIT = 1 << 20
"""A score of 1 in a sum."""

TABLE_BINS = 10
"""Bins of the reliability table, as in `calibration`."""

MOST_ROWS = 1 << 24
"""Test rows of a site that a sum has room for."""

_PARTS = (2 * BINS, 4, 3 * TABLE_BINS, 2)
_ENDS = np.cumsum(_PARTS)
LENGTH = int(_ENDS[-1])
"""Numbers that a site counts."""

LARGEST_LOSS = 37
"""No row's log loss is larger: -log(2^-52) is 36.04."""


def largest() -> Counts:
    """Return the largest value of each number that a site may count, int64 [LENGTH]; 0 is least."""
    table = np.tile(np.array([1, 1, UNIT], np.int64), TABLE_BINS)
    most = np.concatenate([np.ones(2 * BINS + 4, np.int64), table, [UNIT, LARGEST_LOSS * UNIT]])
    return most * MOST_ROWS


def parts(counts: Counts) -> tuple[Counts, Counts, Counts, Counts]:
    """Return histogram [2, BINS], calls [2, 2] by class, table [TABLE_BINS, 3], the two sums."""
    scores, calls, table, sums = np.split(counts, _ENDS[:-1])
    return scores.reshape(2, BINS), calls.reshape(2, 2), table.reshape(-1, 3), sums


def agrees(counts: Counts, sites: int) -> bool:
    """Return whether a sum over sites agrees with itself, as that of honest sites does.

    Args:
        counts: int64 [LENGTH], none below 0.
        sites: how many there are, with `MOST_ROWS` rows at most.
    """
    scores, calls, table, sums = parts(counts)
    rows = int(calls.sum())
    if not 0 < rows <= sites * MOST_ROWS or not np.array_equal(
        scores.sum(axis=1), calls.sum(axis=1)
    ):
        return False
    told, hits, risk = table.T
    low, high = (np.arange(TABLE_BINS) + end for end in (0, 1))
    fits = (
        int(told.sum()) == rows
        and int(hits.sum()) == int(calls[1].sum())
        and bool((hits <= told).all())
        and bool((TABLE_BINS * risk >= (low * UNIT - TABLE_BINS) * told).all())
        and bool((TABLE_BINS * risk <= (high * UNIT + TABLE_BINS) * told).all())
    )
    return fits and int(sums[0]) <= rows * UNIT and int(sums[1]) <= rows * LARGEST_LOSS * UNIT
