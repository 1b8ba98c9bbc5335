"""Nearest-neighbor mixing: every row is the mean of its n - f nearest, itself among them."""

from __future__ import annotations

import numpy as np
import pytest
from tests.learning.aggregation.cases import cloud, updates

from collegium.errors import StudyError
from collegium.learning.aggregation.mixing import NNM
from collegium.learning.aggregation.rows import rows_of


@pytest.mark.parametrize(("count", "bad"), [(3, 1), (7, 3), (12, 2)])
def test_a_row_is_the_mean_of_its_nearest(count: int, bad: int) -> None:
    rows = cloud(count, count, 4).astype(float)
    apart = np.linalg.norm(rows[:, None] - rows[None], axis=2)
    nearest = np.argsort(apart, axis=1)[:, : count - bad]
    expected = rows[nearest].mean(axis=1)
    mixed = NNM.apply(rows_of(updates(rows)), bad, 1)
    assert mixed.denominator == count - bad
    for index in range(count):
        weights = [int(index == other) for other in range(count)]
        found = mixed.combination(weights, 1)
        assert found.total / found.denominator == pytest.approx(expected[index])
    gram = expected @ expected.T
    assert mixed.gram.astype(float) / mixed.denominator**2 == pytest.approx(gram)


def test_a_row_belongs_to_its_own_neighborhood_even_among_copies() -> None:
    mixed = NNM.apply(rows_of(updates([[1, 1]] * 4 + [[9, 9]])), 1, 1)
    found = mixed.combination([0, 0, 0, 0, 1], 1)
    assert found.total.tolist() == [12, 12]  # itself, and three of the copies


def test_with_no_bad_update_it_has_nothing_to_do() -> None:
    NNM.check(3, 1)
    for participants, tolerate in ((3, 0), (2, 1)):
        with pytest.raises(StudyError) as caught:
            NNM.check(participants, tolerate)
        assert caught.value.code == "rule.tolerate"
