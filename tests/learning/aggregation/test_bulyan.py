"""Bulyan: repeated Krum, then every coordinate around its median."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.learning.aggregation.cases import cloud, mean, updates

from collegium.errors import StudyError
from collegium.learning.aggregation.bulyan import selected
from collegium.learning.aggregation.rows import rows_of


def naive(rows: NDArray[np.int64], keys: tuple[bytes, ...], bad: int) -> list[int]:
    """Return what repeated Krum chooses, step by step."""
    left, chosen = list(range(len(rows))), []
    for _ in range(len(rows) - 2 * bad):
        scores = []
        for index in left:
            others = sorted(
                int(((rows[index] - rows[other]) ** 2).sum()) for other in left if other != index
            )
            scores.append((sum(others[: max(len(left) - bad - 2, 1)]), keys[index]))
        chosen.append(left.pop(scores.index(min(scores))))
    return chosen


@pytest.mark.parametrize(("count", "bad"), [(7, 1), (11, 2), (16, 3)])
def test_it_is_its_two_stages(count: int, bad: int) -> None:
    rows = np.vstack([cloud(count, count - bad, 6), cloud(9, bad, 6, center=2000)])
    given = rows_of(updates(rows))
    chosen = selected(given.distances, given.keys, bad, count - 2 * bad)
    assert chosen == naive(rows.astype(np.int64), given.keys, bad)
    kept = rows[chosen].astype(float)
    middle = np.median(kept, axis=0)
    nearest = np.argsort(np.abs(kept - middle), axis=0, kind="stable")[: count - 4 * bad]
    expected = np.take_along_axis(kept, nearest, axis=0).mean(axis=0)
    assert mean("bulyan", rows, bad) == pytest.approx(expected)


def test_four_f_plus_three_updates_are_needed() -> None:
    for participants, most in ((10, 1), (20, 4), (30, 6)):
        mean("bulyan", cloud(0, participants, 2), most)
        with pytest.raises(StudyError, match=rf"bulyan .* {most + 1} bad updates"):
            mean("bulyan", cloud(0, participants, 2), most + 1)
