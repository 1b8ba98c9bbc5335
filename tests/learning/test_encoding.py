"""Fixed-point encoding and registered weights."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collegium.errors import RunError
from collegium.learning.encoding import encode, indicators, registered_weight


def _encode(steps: list[float], exponent: int = 0) -> list[int]:
    local = np.array(steps, np.float32)
    values: list[int] = encode(local, np.zeros_like(local), exponent).tolist()
    return values


def test_ties_go_to_even() -> None:
    assert _encode([0.5, 1.5, 2.5, -0.5, -1.5]) == [0, 2, 2, 0, -2]


def test_the_exponent_scales_by_powers_of_two() -> None:
    assert _encode([0.75, -1.0], 2) == [3, -4]
    assert _encode([12.0, -7.0], -2) == [3, -2]


def test_what_is_out_of_range_saturates_and_is_counted() -> None:
    local = np.array([40000, -40000, 32767, 5, 3e38], np.float32)
    encoded = encode(local, np.zeros_like(local), 0)
    assert encoded.tolist() == [32767, -32767, 32767, 5, 32767]
    assert indicators(encoded) == (32767, 4)


def test_the_difference_is_taken_in_double_precision() -> None:
    local, start = np.array([2.0**24], np.float32), np.array([-1.0], np.float32)
    assert encode(local, start, -10).tolist() == [16384]
    fine = encode(np.array([1.0], np.float32), np.array([2.0**-30], np.float32), 15)
    assert fine.tolist() == [32767]
    odd = encode(np.array([3.0], np.float32), np.array([2.0**-24], np.float32), -1)
    assert odd.tolist() == [1]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_divergence_is_an_error(bad: float) -> None:
    good = np.zeros(3, np.float32)
    worse = np.array([0, bad, 0], np.float32)
    for local, start in ((worse, good), (good, worse)):
        with pytest.raises(RunError) as caught:
            encode(local, start, 12)
        assert caught.value.code == "encoding.non-finite"


@given(st.lists(st.floats(-7.75, 7.75, width=32), min_size=1, max_size=30))
def test_the_error_is_at_most_half_a_unit(steps: list[float]) -> None:
    decoded = np.array(_encode(steps, 12)) / 2.0**12
    assert np.abs(decoded - np.array(steps, np.float32)).max() <= 2.0**-13


def test_weights_keep_two_binary_digits() -> None:
    assert [registered_weight(n) for n in range(14)] == [
        1, 1, 2, 3, 4, 4, 6, 6, 8, 8, 8, 8, 12, 12,
    ]  # fmt: skip
    assert registered_weight(303) == 256


@given(st.integers(1, 2**40))
def test_a_weight_is_at_most_the_count_and_more_than_two_thirds_of_it(rows: int) -> None:
    weight = registered_weight(rows)
    assert weight <= rows < 1.5 * weight
    assert registered_weight(weight) == weight
