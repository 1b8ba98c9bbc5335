"""FLAME: the like-minded majority, clipped to the median norm, with noise from a public seed."""

from __future__ import annotations

import numpy as np
import pytest
from tests.learning.aggregation.cases import cloud, mean, updates

from collegium.errors import RunError
from collegium.learning.aggregation._internal.cosines import cosine_matrix
from collegium.learning.aggregation.flame import admitted
from collegium.learning.aggregation.rows import UpdateRows, rows_of
from collegium.learning.aggregation.rule import Aggregate

ONE = 2**40


def test_the_first_group_of_more_than_half_is_admitted() -> None:
    # 0-1 are most alike, then 2-3, then 1-2 joins both; 4 and 5 come too late.
    cosines = np.full((6, 6), -ONE)
    for place, (i, j) in enumerate([(0, 1), (2, 3), (1, 2), (3, 4), (4, 5)]):
        cosines[i, j] = cosines[j, i] = ONE - place
    assert admitted(cosines.tolist(), tuple(bytes([i]) for i in range(6))) == [0, 1, 2, 3]
    assert admitted([[0]], (b"a",)) == [0]


def test_pairs_alike_are_joined_in_order_of_their_keys() -> None:
    same = np.zeros((3, 3), int).tolist()
    assert admitted(same, (b"c", b"a", b"b")) == [1, 2]
    assert admitted(same, (b"a", b"b", b"c")) == [0, 1]


def test_the_admitted_are_clipped_to_the_median_norm_and_averaged() -> None:
    rows = np.vstack([cloud(1, 7, 300, center=400, spread=60), cloud(2, 3, 300, center=-4000)])
    rows[0] *= 10
    norms = np.linalg.norm(rows.astype(float), axis=1)
    clip = np.sort(norms)[4]
    given = rows_of(updates(rows))
    chosen = admitted(cosine_matrix(given.gram), given.keys)
    assert set(chosen) <= set(range(7))
    shortened = rows * np.minimum(1, clip / norms)[:, None]
    found = mean("flame", rows, 3) - shortened[chosen].mean(axis=0)
    deviation = clip / 1000
    assert np.abs(found).max() < 4.7 * deviation
    assert found.std() == pytest.approx(deviation, rel=0.2)
    assert abs(found.mean()) < 4 * deviation / np.sqrt(300)


def test_the_noise_is_the_same_for_the_same_updates_alone() -> None:
    rows = cloud(3, 7, 50, center=300)
    first, again = mean("flame", rows, 3), mean("flame", rows, 3)
    assert first.tolist() == again.tolist()
    rows[0, 0] += 1
    other = mean("flame", rows, 3)
    assert (np.abs(other - first) > 0.01).mean() > 0.9


def test_a_total_without_room_for_noise_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        UpdateRows, "combination",
        lambda self, weights, denominator: Aggregate(np.full(self.size, 2**62), denominator),
    )  # fmt: skip
    with pytest.raises(RunError, match="cannot be aggregated"):
        mean("flame", cloud(0, 5, 3), 1)
