"""Rules that look at each coordinate by itself: median, trimmed mean, mean around the median.

Yin, Chen, Kannan and Bartlett, "Byzantine-Robust Distributed Learning: Towards Optimal
Statistical Rates", ICML 2018 (median, trimmed mean); Xie, Koyejo and Gupta, "Generalized
Byzantine-tolerant SGD", 2018 (mean around the median).
"""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np

from collegium.learning.aggregation._internal.networks import arrange, network
from collegium.learning.aggregation._internal.shifted_columns import Block, Choose, widened
from collegium.learning.aggregation.robust import MAJORITY, Robust
from collegium.learning.aggregation.rows import RowRule, UpdateRows
from collegium.learning.aggregation.rule import Aggregate


def _median(rows: UpdateRows, tolerate: int) -> Aggregate:
    """Return the middle value of each coordinate, of an even number the mean of both."""
    low, high = _middles(rows.count)
    labels = tuple("middle" if low <= rank <= high else None for rank in range(rows.count))
    steps = network(labels)

    def choose(block: Block) -> list[Block]:
        return arrange(block, steps)[low : high + 1]

    return rows.by_columns(choose, high - low + 1)


def _trimmed_mean(rows: UpdateRows, tolerate: int) -> Aggregate:
    """Return the mean of each coordinate without its f lowest and its f highest values."""
    kept = slice(tolerate, rows.count - tolerate)
    ranks = range(rows.count)
    steps = network(tuple("kept" if rank in ranks[kept] else None for rank in ranks))

    def choose(block: Block) -> list[Block]:
        return arrange(block, steps)[kept]

    return rows.by_columns(choose, len(ranks[kept]))


def _meamed(rows: UpdateRows, tolerate: int) -> Aggregate:
    return rows.by_columns(
        around_median(rows.count, rows.count - tolerate), rows.count - tolerate
    )  # fmt: skip


def around_median(count: int, kept: int) -> Choose:
    """Return what chooses, in each coordinate, the `kept` of `count` values nearest to the median.

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

    def choose(block: Block) -> list[Block]:
        ordered = arrange(block, steps)
        middle = widened(ordered[low], 2) + widened(ordered[high], 2)
        found = ordered[:kept]
        for rank in range(dropped):
            higher = ordered[rank + kept]
            nearer = widened(ordered[rank], 2) + widened(higher, 2) < middle
            np.copyto(found[rank % kept], higher, where=nearer)
        return found

    return choose


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
