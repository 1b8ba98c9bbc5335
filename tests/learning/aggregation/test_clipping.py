"""Norm clipping and adaptive robust clipping: who is shortened, and to what."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.learning.aggregation.cases import cloud, updates

from collegium.errors import StudyError
from collegium.learning.aggregation.clipping import ARC, FULL, NORM_CLIPPING, coefficient
from collegium.learning.aggregation.rows import PreAggregation, rows_of


def norms(part: PreAggregation, rows: NDArray[np.int16], tolerate: int) -> NDArray[np.float64]:
    """Return the norms after a part, in units of the encoding."""
    found = part.apply(rows_of(updates(rows)), tolerate, 1)
    return np.sqrt([float(one) for one in found.gram.diagonal()]) / found.denominator


def test_the_longer_half_is_shortened_to_the_lower_median() -> None:
    rows = np.array([[3, 4], [6, 8], [30, 40], [300, 400]], np.int16)
    assert norms(NORM_CLIPPING, rows, 0) == pytest.approx([5, 10, 10, 10], rel=1e-4)


@pytest.mark.parametrize(
    ("count", "bad", "longest"), [(10, 2, 3), (10, 4, 4), (11, 5, 5), (5, 1, 1)]
)
def test_two_f_by_n_times_n_minus_f_are_shortened_to_the_next(
    count: int, bad: int, longest: int
) -> None:
    assert longest == int(2 * bad / count * (count - bad))
    rows = cloud(count, count, 5, spread=4000)
    before = np.linalg.norm(rows.astype(float), axis=1)
    after = norms(ARC, rows, bad)
    order = np.argsort(before)
    stay, cut = order[: count - longest], order[count - longest :]
    assert after[stay] == pytest.approx(before[stay])
    assert after[cut] == pytest.approx(before[stay[-1]], rel=1e-4)


def test_a_coefficient_never_lengthens_and_is_rounded_down() -> None:
    assert coefficient(9, 9) == coefficient(8, 9) == coefficient(0, 0) == FULL
    for square, clip in ((10, 9), (10**12, 7), (3, 0)):
        found = coefficient(square, clip)
        assert found**2 * square <= clip * FULL**2 < (found + 1) ** 2 * square


def test_weights_and_keys_stay_with_their_updates() -> None:
    rows = rows_of(updates(cloud(0, 5, 3)))
    found = NORM_CLIPPING.apply(rows, 0, 1)
    assert (found.keys, found.weights) == (rows.keys, rows.weights)
    assert NORM_CLIPPING.rows_after(5, 0, 1) == 5


def test_what_they_need() -> None:
    NORM_CLIPPING.check(3, 0)
    ARC.check(3, 1)
    for part, tolerate in ((ARC, 0), (ARC, 2), (NORM_CLIPPING, 2)):
        with pytest.raises(StudyError) as caught:
            part.check(3, tolerate)
        assert caught.value.code == "rule.tolerate"
