"""CAF: weights shrink along the direction of most variance until 2f of weight are gone."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.learning.aggregation.cases import cloud, mean, updates

from collegium.learning.aggregation.covariance_filter import filtered_weights
from collegium.learning.aggregation.rows import rows_of


def naive(rows: NDArray[np.float64], bad: int) -> NDArray[np.float64]:
    """Return the filter's mean with exact eigenvectors in floating point."""
    weights, least = np.ones(len(rows)), np.inf
    found: NDArray[np.float64] = rows[0]
    while weights.sum() > len(rows) - 2 * bad:
        center = weights @ rows / weights.sum()
        away = rows - center
        values, vectors = np.linalg.eigh((away * weights[:, None]).T @ away / weights.sum())
        if values[-1] < least:
            least, found = values[-1], center
        squares = (away @ vectors[:, -1]) ** 2
        weights = weights * np.maximum(1 - squares / squares[weights > 0].max(), 0)
    return found


@pytest.mark.parametrize("seed", range(6))
def test_it_is_the_filter_to_many_digits(seed: int) -> None:
    rows = np.vstack([cloud(seed, 9, 4), cloud(seed + 20, 3, 4, center=3000, spread=900)])
    rows[:, 0] *= 3  # one direction stands out, so that power iteration finds it
    assert mean("caf", rows, 3) == pytest.approx(naive(rows.astype(float), 3), abs=0.5)


def test_what_is_far_has_no_weight_and_with_nothing_to_tolerate_all_have_the_same() -> None:
    rows = rows_of(updates(np.vstack([cloud(0, 8, 5), cloud(1, 2, 5, center=20_000)])))
    weights = filtered_weights(rows.gram, rows.keys, 2)
    assert max(weights[8:]) < 2**40 / 1000
    assert min(weights[:8]) > 2**40 / 2
    assert set(filtered_weights(rows.gram, rows.keys, 0)) == {2**40}


def test_it_ends_although_what_is_gone_lies_farther_than_what_is_left() -> None:
    rows = np.zeros((9, 3), np.int16)
    rows[0] = 32767
    rows[1:] = np.arange(8)[:, None] % 3
    assert np.abs(mean("caf", rows, 4)).max() <= 2
