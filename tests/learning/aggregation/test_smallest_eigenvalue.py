"""SMEA chooses the subset whose covariance has the smallest leading eigenvalue."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from tests.learning.aggregation.cases import cloud, updates

from collegium.learning.aggregation.rows import rows_of
from collegium.learning.aggregation.smallest_eigenvalue import (
    KERNEL_BITS,
    least_spread,
    vector_bits,
)


def spread(rows: np.ndarray[tuple[int, int], np.dtype[np.int16]]) -> float:
    away = rows - rows.astype(float).mean(axis=0)
    return float(np.linalg.norm(away, 2) ** 2)


@pytest.mark.parametrize(("count", "bad", "size"), [(5, 1, 3), (9, 3, 4), (12, 2, 40), (13, 6, 2)])
@pytest.mark.parametrize("seed", range(4))
def test_it_is_as_good_as_the_best_of_all_subsets(
    count: int, bad: int, size: int, seed: int
) -> None:
    rows = cloud(seed, count, size)
    if seed % 2:
        rows[:bad] = cloud(seed + 50, bad, size, center=900)
    given = rows_of(updates(rows))
    found = least_spread(given.gram, given.keys, bad)
    assert len(found) == count - bad
    spreads = {one: spread(rows[list(one)]) for one in combinations(range(count), count - bad)}
    # 64 iterations tell directions apart that differ by some percent.
    assert spreads[tuple(found)] <= 1.02 * min(spreads.values())


@pytest.mark.parametrize("count", [1, 5, 63, 64, 400])
def test_every_sum_is_exact(count: int) -> None:
    assert KERNEL_BITS + vector_bits(count) + 1 + (count - 1).bit_length() <= 53
    assert vector_bits(count) >= 15
