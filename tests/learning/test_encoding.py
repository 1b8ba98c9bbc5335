"""Fixed-point encoding and registered weights."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collegium.errors import RunError
from collegium.learning.blobs import shifted
from collegium.learning.encoding import encode, encode_step, registered_weight


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
    assert (shifted(encoded).peak, shifted(encoded).at_the_end) == (32767, 4)


def test_what_reaches_farther_is_told_in_coarser_steps_and_not_cut_off() -> None:
    steps = np.array([100_000.0, -40_001.0, 2.0, 6.0, 0.0])
    assert encode_step(steps.copy(), 0, 8).tolist() == [100_000, -40_000, 0, 8, 0]
    assert encode_step(steps.copy(), 0, 1).tolist() == [65534, -40_000, 2, 6, 0], "room for one bit"
    assert encode_step(np.array([65535.0, 1.0]), 0, 8).tolist() == [65536, 0], "it rounds up"
    assert encode_step(np.array([1e12, 8191.0, 1024.0]), 0, 8, 2).tolist() == [
        32767 << 8, 8191, 1024,
    ], "whole numbers at the end keep their unit"  # fmt: skip


@given(st.lists(st.floats(-8e6, 8e6), min_size=1, max_size=8), st.integers(0, 8))
def test_an_update_within_the_round_s_room_is_told_to_a_part_in_2_16(
    steps: list[float], room: int
) -> None:
    peak = max(map(abs, steps))
    encoded = encode_step(np.array(steps), 0, room)
    if peak <= 32767 << room:
        assert np.abs(encoded - np.array(steps)).max() <= max(0.5, peak / 32767)
    assert int(np.abs(encoded).max()) <= 32767 << room
    told = shifted(encoded)
    assert (told.units == encoded).all()
    assert told.shift <= room


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
