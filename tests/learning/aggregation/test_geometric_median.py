"""The geometric median by 32 Weiszfeld steps in fixed point."""

from __future__ import annotations

import numpy as np
import pytest
from tests.learning.aggregation.cases import cloud, mean, updates

from collegium.learning.aggregation.geometric_median import (
    median_weights,
    squared_distances_to_mean,
)
from collegium.learning.aggregation.rows import rows_of


def total_distance(rows: np.ndarray[tuple[int, int], np.dtype[np.int16]],
                   point: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:  # fmt: skip
    return float(np.linalg.norm(rows - point, axis=1).sum())


@pytest.mark.parametrize("seed", range(5))
def test_no_nearby_point_is_nearer_to_all(seed: int) -> None:
    rows = np.vstack([cloud(seed, 9, 5), cloud(seed + 9, 4, 5, center=6000)])
    found = mean("geometric_median", rows, 4)
    best = total_distance(rows, found)
    moves = np.random.default_rng(seed).normal(0, 40, (200, 5))
    assert min(total_distance(rows, found + move) for move in moves) > best - 1e-3


def test_it_is_the_floating_point_iteration_to_many_digits() -> None:
    rows = np.vstack([cloud(1, 8, 6), cloud(2, 3, 6, center=3000)])
    wide = rows.astype(float)
    point = wide.mean(axis=0)
    for _ in range(32):
        inverse = 1 / np.maximum(np.linalg.norm(wide - point, axis=1), 1)
        point = (inverse[:, None] * wide).sum(axis=0) / inverse.sum()
    assert mean("geometric_median", rows, 5) == pytest.approx(point, abs=1e-6)


def test_distances_to_a_mean_follow_from_inner_products() -> None:
    rows = cloud(3, 6, 4)
    weights = np.array([5, 0, 7, 1, 2, 9], object)
    center = weights @ rows.astype(object)
    expected = [int(((weights.sum() * row.astype(object) - center) ** 2).sum()) for row in rows]
    gram = rows_of(updates(rows)).gram
    assert squared_distances_to_mean(gram, weights).tolist() == expected


def test_an_update_that_the_point_falls_on_does_not_divide_by_zero() -> None:
    rows = [[0, 0]] * 5 + [[300, 0], [-7, 9]]
    assert mean("geometric_median", rows, 2) == pytest.approx([0, 0], abs=1.5)
    weights = median_weights(rows_of(updates(rows)).gram, 1)
    assert sum(weights[:5]) > 0.98 * weights.sum()
