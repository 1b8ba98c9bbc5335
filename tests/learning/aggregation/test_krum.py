"""Krum's score, neighbors and precondition are those of Blanchard et al."""

from __future__ import annotations

import numpy as np
import pytest
from tests.learning.aggregation.cases import aggregate, cloud, mean, updates

from collegium.errors import StudyError
from collegium.learning.aggregation.krum import by_krum, krum_scores
from collegium.learning.aggregation.rows import rows_of


def test_a_score_is_the_sum_of_the_nearest_others() -> None:
    rows = cloud(1, 9, 4).astype(int)
    apart = ((rows[:, None] - rows[None]) ** 2).sum(axis=2)
    for neighbors in (1, 3, 5):
        expected = [sum(sorted(np.delete(apart[i], i))[:neighbors]) for i in range(9)]
        assert krum_scores(apart.astype(object), neighbors) == expected


def test_n_minus_f_minus_2_neighbors_count() -> None:
    # Three close together and four less close: with two neighbors one of the three has the least
    # score, with three neighbors one of the four.
    rows = rows_of(updates([[0], [1], [2], [100], [104], [108], [113]]))
    assert by_krum(rows, 3)[0] == 1
    assert by_krum(rows, 2)[0] == 5


def test_krum_is_one_update_and_multi_krum_the_mean_of_n_minus_f() -> None:
    rows = np.vstack([cloud(2, 7, 6), cloud(3, 2, 6, center=9000)])
    one = aggregate("krum", rows, 2)
    assert one.denominator == 1
    assert one.total.tolist() in rows[:7].astype(int).tolist()
    assert mean("multi_krum", rows, 2) == pytest.approx(rows[:7].astype(float).mean(axis=0))


def test_two_f_plus_three_updates_are_needed() -> None:
    aggregate("krum", cloud(0, 7, 2), 2)
    with pytest.raises(StudyError) as caught:
        aggregate("krum", cloud(0, 6, 2), 2)
    assert caught.value.code == "rule.tolerate"
    assert "at most 1" in caught.value.todo
    assert "at least 7 updates" in caught.value.todo
    assert "nnm+trimmed_mean" in caught.value.todo
    with pytest.raises(StudyError) as caught:
        aggregate("multi_krum", cloud(0, 2, 2), 0)
    assert caught.value.code == "rule.participants"


def test_one_least_number_of_updates_is_named() -> None:
    with pytest.raises(StudyError) as caught:
        aggregate("krum", cloud(0, 2, 2), 1)
    assert caught.value.code == "rule.participants"
    assert "krum needs 5 updates or more" in caught.value.what
    assert "at least 5 updates" in caught.value.todo
