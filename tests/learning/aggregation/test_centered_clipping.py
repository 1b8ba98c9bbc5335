"""Centered clipping: eight steps from zero, the radius the lower median of distances."""

from __future__ import annotations

import numpy as np
import pytest
from tests.learning.aggregation.cases import cloud, mean, updates

from collegium.learning.aggregation.centered_clipping import center_weights
from collegium.learning.aggregation.rows import rows_of


def test_it_is_the_floating_point_iteration_to_many_digits() -> None:
    rows = np.vstack([cloud(1, 8, 6, center=200), cloud(2, 4, 6, center=-7000)])
    wide, center = rows.astype(float), np.zeros(6)
    for _ in range(8):
        away = wide - center
        far = np.linalg.norm(away, axis=1)
        shorten = np.minimum(1, np.sort(far)[5] / far)
        center = center + (away * shorten[:, None]).mean(axis=0)
    assert mean("centered_clipping", rows, 4) == pytest.approx(center, abs=1e-5)


def test_one_step_is_a_mean_of_updates_clipped_to_the_median_norm() -> None:
    rows = cloud(4, 9, 7, center=500)
    clipped = mean("norm_clipping+fedavg", rows, 0)
    weights = center_weights(rows_of(updates(rows)).gram, steps=1)
    one_step = (weights.astype(float) / 2**40) @ rows
    assert one_step == pytest.approx(clipped, abs=1e-2)


def test_no_majority_means_no_pull_however_far() -> None:
    stay = cloud(5, 7, 6, center=100, spread=30)
    ends = [
        mean("centered_clipping", np.vstack([stay, np.full((4, 6), far)]), 4)
        for far in (3000, 30_000)
    ]
    assert ends[0] == pytest.approx(ends[1], abs=3)
