"""MoNNA: the mean of the n - f nearest to the update whose n - f nearest are nearest."""

from __future__ import annotations

import numpy as np
import pytest
from tests.learning.aggregation.cases import cloud, mean


def test_it_is_the_mean_around_the_most_central_update() -> None:
    rows = np.vstack([cloud(1, 8, 5), cloud(2, 3, 5, center=2500)])
    wide = rows.astype(float)
    apart = np.linalg.norm(wide[:, None] - wide[None], axis=2)
    pivot = np.argmin(np.sort(apart, axis=1)[:, 7])
    nearest = np.argsort(apart[pivot])[:8]
    assert mean("monna", rows, 3) == pytest.approx(wide[nearest].mean(axis=0))


def test_a_bad_update_is_no_pivot_by_being_alone() -> None:
    rows = np.vstack([cloud(3, 8, 5), np.full((3, 5), 20_000, np.int16)])
    assert mean("monna", rows, 3) == pytest.approx(rows[:8].astype(float).mean(axis=0))
