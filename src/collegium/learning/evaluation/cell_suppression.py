"""Which cells of a sum over test rows are told, so that no withheld one follows from the rest.

A breakdown is told whole or not at all: classes; the four calls; bins of scores by class. What is
told of one is a partition of the rows into cells of `SMALLEST_CELL` or more, and what several
breakdowns say together is one as well: bins are joined until each has as many negative and as many
positive rows, also where the threshold cuts one in two. Linear combinations of what is told are
then unions of such cells. Sums of reals bound how many rows can lie where: that of a bin's scores
is told if each tenth that was joined has room for `SMALLEST_CELL` rows, and those of losses only
if no tenth was. Ties between the classes say how few scores a model gives, and so where rows lie.

Complementary suppression and its audit by linear programs: Hundepool et al., "Statistical
Disclosure Control" (2012), chapter 4. docs/spec/19-summed-statistics.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from collegium.learning.evaluation.counts import TABLE_BINS, UNIT, Counts

SMALLEST_CELL = 10
"""A cell of the sum with fewer rows is not told."""


MOST_TIED = 8
"""The ties of a ranking are told if they are at most one pair in so many."""


@dataclass(frozen=True, slots=True)
class ToldBin:
    """Rows with scores from `begin` to `end`, in tenths; `scores`, their sum, None if withheld."""

    begin: int
    end: int
    rows: int
    hits: int
    scores: int | None


def leaves_calls_open(calls: Counts, won: int, pairs: int) -> bool:
    """Return whether the correct rows may be told beside classes and ranking, and not the calls.

    They leave one number open, how many positive rows are called negative. Of these and of the
    false alarms each pair is lost, of those called rightly each is won: they tie only where the
    threshold cuts a bin of the ranking in two, which nobody may count on.

    Args:
        calls: int64 [2, 2].
        won: twice the pairs won, a tie counting half.
        pairs: twice all pairs of two classes.
    """
    (negative, alarms), (missed, positive) = calls.tolist()
    correct, wrong = negative + positive, alarms + missed
    negative, positive = negative + alarms, positive + missed
    low, high = max(0, wrong - negative), min(positive, wrong)
    fits = {
        missed
        for missed in (*range(low, low + SMALLEST_CELL + 1), *range(high - SMALLEST_CELL, high + 1))
        if low <= missed <= high
        and 2 * missed * (wrong - missed) <= pairs - won
        and 2 * (positive - missed) * (negative - wrong + missed) <= won
    }
    return min(correct, wrong) >= SMALLEST_CELL and len(fits) > SMALLEST_CELL


def joined_bins(calls: Counts, table: Counts) -> tuple[ToldBin, ...]:
    """Return the bins of a reliability table that may be told beside the calls.

    Args:
        calls: int64 [2, 2]: rows by class and call, each `SMALLEST_CELL` or more.
        table: int64 [TABLE_BINS, 3]: rows, positive ones, the sum of their scores.
    """
    ends = [0, *_cuts(calls, table), TABLE_BINS]
    found = []
    for begin, end in pairwise(ends):
        rows, hits, scores = (int(one) for one in table[begin:end].sum(axis=0))
        wide = end - begin == 1 or min(
            TABLE_BINS * scores - rows * begin * UNIT, rows * end * UNIT - TABLE_BINS * scores
        ) >= SMALLEST_CELL * UNIT * (end - 1 - begin)
        found.append(ToldBin(begin, end, rows, hits, scores if wide else None))
    return tuple(found)


def _cuts(calls: Counts, table: Counts) -> Iterator[int]:
    """Yield where bins end, from the lowest on: each cell between cuts and threshold is large.

    The threshold is a cut as well, wherever it lies; a cut is below it if fewer rows of both
    classes are.
    """
    below = np.cumsum(np.stack([table[:, 0] - table[:, 1], table[:, 1]], axis=1), axis=0)
    threshold, everybody = calls[:, 0], below[-1]
    last = np.zeros(2, np.int64)
    for end, here in enumerate(below[:-1], 1):
        steps = [here - np.maximum(last, threshold), everybody - here]
        if (here <= threshold).all():
            steps = [here - last, threshold - here]
            steps = steps[: 1 if (here == threshold).all() else 2]
        if all((one >= SMALLEST_CELL).all() for one in steps):
            yield end
            last = here
