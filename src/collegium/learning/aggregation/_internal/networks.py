"""Order statistics of many columns at once: compare-exchange networks on whole rows.

A step exchanges two rows so that each column has its lower value in the first. One step is two
vector operations, whatever the columns hold, and needs no data-dependent branch. The network is
Batcher's odd-even merge sort for any number of rows (Knuth, TAOCP volume 3, 5.2.2, algorithm M),
without the steps that what is asked for does not need.
"""

from __future__ import annotations

from collections.abc import Hashable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Step = tuple[int, int, bool, bool]
"""Rows i < j, whether the lower value is needed in i, whether the higher one in j."""


@lru_cache(maxsize=64)
def network(labels: tuple[Hashable | None, ...]) -> tuple[Step, ...]:
    """Return the steps that bring each rank among rows into its place, as far as is needed.

    Args:
        labels: what each rank is needed for, from the lowest: ranks of one label may come in any
            order among themselves, and None is not needed at all.
    """
    touched: set[int] = set()
    steps: list[Step] = []
    for i, j in reversed(_odd_even_merges(len(labels))):
        low = i in touched or labels[i] is not None
        high = j in touched or labels[j] is not None
        settled = not ({i, j} & touched) and labels[i] == labels[j]
        if settled or not (low or high):
            continue
        steps.append((i, j, low, high))
        touched |= {i, j}
    return tuple(reversed(steps))


def _odd_even_merges(count: int) -> list[tuple[int, int]]:
    """Return the pairs of rows that Batcher's merge exchange compares, in order."""
    pairs = []
    half = 1 << max(0, (count - 1).bit_length() - 1)
    p = half
    while p > 0:
        q, r, distance = half, 0, p
        while True:
            pairs += [(i, i + distance) for i in range(count - distance) if i & p == r]
            if q == p:
                break
            distance, q, r = q - p, q >> 1, p
        p >>= 1
    return pairs


def arrange(
    block: NDArray[np.signedinteger], steps: tuple[Step, ...]
) -> list[NDArray[np.signedinteger]]:
    """Return the rows of a block, each column brought into order by `steps`; the block is spent."""
    rows = list(block)
    spare = np.empty_like(rows[0])
    for i, j, low, high in steps:
        if low and high:
            np.minimum(rows[i], rows[j], out=spare)
            np.maximum(rows[i], rows[j], out=rows[j])
            rows[i], spare = spare, rows[i]
        elif low:
            np.minimum(rows[i], rows[j], out=rows[i])
        else:
            np.maximum(rows[i], rows[j], out=rows[j])
    return rows
