"""Minimum-diameter averaging finds what looking at every subset finds."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from tests.learning.aggregation.cases import cloud, updates

from collegium.learning.aggregation.minimum_diameter import left_out
from collegium.learning.aggregation.rows import rows_of


def by_force(distances: list[list[int]], keys: tuple[bytes, ...], count: int) -> frozenset[int]:
    """Return the best subset to leave out, by its definition."""
    rows = range(len(keys))

    def rank(kept: tuple[int, ...]) -> tuple[int, int, list[bytes]]:
        inner = [distances[i][j] for i, j in combinations(kept, 2)]
        return max(inner, default=0), sum(inner), sorted(keys[row] for row in kept)

    best = min(list(combinations(rows, len(keys) - count)), key=rank)
    return frozenset(rows) - set(best)


@pytest.mark.parametrize(("count", "bad"), [(3, 1), (7, 2), (9, 4), (12, 3)])
@pytest.mark.parametrize("seed", range(6))
def test_it_is_the_best_of_all_subsets(count: int, bad: int, seed: int) -> None:
    rows = cloud(seed, count, 2, spread=3 if seed % 2 else 500)  # odd seeds have many ties
    if seed % 3 == 0:
        rows[: bad + 1] = rows[0]
    given = rows_of(updates(rows, [bytes([seed, index]) for index in range(count)]))
    distances = given.distances.tolist()
    found = left_out(distances, given.keys, bad)
    assert len(found) == bad
    assert found == by_force(distances, given.keys, bad)


def test_so_many_subsets_are_never_looked_at_one_by_one() -> None:
    rows = np.vstack([cloud(1, 398, 3), cloud(2, 2, 3, center=9000)])
    given = rows_of(updates(rows))
    assert left_out(given.distances.tolist(), given.keys, 2) == {398, 399}
