"""Rules that look at each coordinate by itself: median, trimmed mean, mean around the median.

Yin, Chen, Kannan and Bartlett, "Byzantine-Robust Distributed Learning: Towards Optimal
Statistical Rates", ICML 2018 (median, trimmed mean); Xie, Koyejo and Gupta, "Generalized
Byzantine-tolerant SGD", 2018 (mean around the median).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable

import numpy as np

from collegium.learning.aggregation._internal.networks import arrange, network
from collegium.learning.aggregation.robust import MAJORITY, Robust
from collegium.learning.aggregation.rows import Block, RowRule, Total, UpdateRows
from collegium.learning.aggregation.rule import Aggregate


def _median(rows: UpdateRows, tolerate: int) -> Aggregate:
    """Return the middle value of each coordinate, of an even number the mean of both."""
    low, high = _middles(rows.count)
    labels = tuple("middle" if low <= rank <= high else None for rank in range(rows.count))
    steps = network(labels)

    def reduce(block: Block, total: Total) -> None:
        ordered = arrange(block, steps)
        total[...] = ordered[low]
        if high > low:
            total += ordered[high]

    return rows.by_columns(reduce, high - low + 1)


def _trimmed_mean(rows: UpdateRows, tolerate: int) -> Aggregate:
    """Return the mean of each coordinate without its f lowest and its f highest values."""
    kept = range(tolerate, rows.count - tolerate)
    steps = network(tuple("kept" if rank in kept else None for rank in range(rows.count)))

    def reduce(block: Block, total: Total) -> None:
        ordered = arrange(block, steps)
        add([ordered[rank] for rank in kept], total)

    return rows.by_columns(reduce, len(kept))


def _meamed(rows: UpdateRows, tolerate: int) -> Aggregate:
    return rows.by_columns(
        around_median(rows.count, rows.count - tolerate), rows.count - tolerate
    )  # fmt: skip


def around_median(count: int, kept: int) -> Callable[[Block, Total], None]:
    """Return what adds, in each coordinate, the `kept` of `count` values nearest to the median.

    These lie side by side in order, so each of the count - kept lowest makes way for the value
    `kept` ranks above it where that one is nearer; of two equally near, the lower one stays.
    """
    dropped = count - kept
    low, high = _middles(count)

    def label(rank: int) -> Hashable:
        if rank < dropped or rank >= kept:
            return rank
        return "middle" if low <= rank <= high else "kept"

    steps = network(tuple(label(rank) for rank in range(count)))

    def reduce(block: Block, total: Total) -> None:
        ordered = arrange(block, steps)
        add(ordered[:kept], total)
        middle = widened(ordered[low], 2) + widened(ordered[high], 2)
        for rank in range(dropped):
            lower, higher = widened(ordered[rank], 2), widened(ordered[rank + kept], 2)
            total += np.where(higher + lower < middle, higher - lower, 0)

    return reduce


def add(rows: list[Block], total: Total) -> None:
    """Write the sum of rows of integers to `total`."""
    found = widened(rows[0], len(rows))
    for row in rows[1:]:
        found += row
    total[...] = found


def widened(row: Block, terms: int) -> Block:
    """Return a row in a type in which as many of its kind can be added."""
    small = row.dtype == np.int16 and terms < 1 << 16
    return row.astype(np.int32) if small else row.astype(np.int64)


def _middles(count: int) -> tuple[int, int]:
    return (count - 1) // 2, count // 2


MEDIAN: RowRule = Robust(
    "median@1", "the median of each coordinate; n >= 2f + 1", MAJORITY, _median
)
TRIMMED_MEAN: RowRule = Robust(
    "trimmed_mean@1", "the mean without each coordinate's f lowest and highest; n >= 2f + 1",
    MAJORITY, _trimmed_mean,
)  # fmt: skip
MEAMED: RowRule = Robust(
    "meamed@1", "the mean of each coordinate's n - f values nearest to the median; n >= 2f + 1",
    MAJORITY, _meamed,
)  # fmt: skip
