"""DnC leaves out what lies farthest along the leading direction of some coordinates."""

from __future__ import annotations

import numpy as np
import pytest
from tests.learning.aggregation.cases import cloud, mean, updates

from collegium.learning.aggregation import divide_and_conquer
from collegium.learning.aggregation.divide_and_conquer import outlying
from collegium.learning.aggregation.rows import rows_of


@pytest.mark.parametrize("seed", range(5))
def test_its_scores_are_projections_on_the_leading_direction(seed: int) -> None:
    rows = cloud(seed, 10, 6)
    rows[:, 2] *= 4
    away = rows - rows.astype(float).mean(axis=0)
    along = away @ np.linalg.svd(away)[2][0]
    scores = np.array(outlying(rows_of(updates(rows))), float)
    assert scores / scores.max() == pytest.approx(along**2 / (along**2).max(), abs=1e-4)


def test_the_f_farthest_are_left_out() -> None:
    rows = np.vstack([cloud(1, 8, 6), cloud(2, 3, 6, center=5000)])
    assert mean("dnc", rows, 3) == pytest.approx(rows[:8].astype(float).mean(axis=0))


def test_of_a_large_model_some_coordinates_are_drawn_that_nobody_knew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(divide_and_conquer, "SAMPLE", 50)
    rows = cloud(1, 9, 200)
    first = outlying(rows_of(updates(rows)))
    assert first == outlying(rows_of(updates(rows)))
    other = outlying(rows_of(updates(rows, [bytes([index]) * 32 for index in range(9)])))
    assert first != other
    monkeypatch.setattr(divide_and_conquer, "SAMPLE", 200)
    assert outlying(rows_of(updates(rows))) != first
