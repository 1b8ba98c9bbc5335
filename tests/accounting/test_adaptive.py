"""A clip that follows the updates: its grid, its moves, and what its indicator costs."""

from __future__ import annotations

from decimal import Decimal
from math import exp, log

import pytest
from hypothesis import given
from hypothesis import strategies as some

from collegium.accounting.adaptive import (
    FINE,
    POWERS,
    SHRINK,
    bound_at,
    grid_step,
    indicator_at,
    moved,
    nearest_below,
)
from collegium.accounting.gaussian import gaussian_rdp


def test_the_grid_is_eight_steps_an_octave_rounded_down() -> None:
    for r, power in enumerate(POWERS):
        assert power**8 <= 2 ** (120 + r) < (power + 1) ** 8
    assert bound_at(0, 9) == 512
    assert bound_at(8, 8) == 512
    assert bound_at(-8, 10) == 512
    assert bound_at(4, 9) == 724
    assert bound_at(7, 16) == 2 * POWERS[7]


@given(k=some.integers(-256, 256))
def test_a_clip_on_the_grid_is_the_one_below_and_next_to_it(k: int) -> None:
    assert nearest_below(2.0 ** (k / 8) * 1.000001) == k
    assert nearest_below(2.0 ** (k / 8) * 0.999999) == k - 1


@pytest.mark.parametrize(("clip", "k"), [(1.0, 0), (2.0, 8), (0.5, -8), (1.5, 4), (0.1, -27)])
def test_a_document_s_clip_is_taken_exactly(clip: float, k: int) -> None:
    assert nearest_below(clip) == k


@given(
    share=some.floats(0, 1), updates=some.integers(1, 400), indicator=some.integers(21, 8000),
    before=some.integers(-9000, 9000),
)  # fmt: skip
def test_it_moves_by_the_published_rule(
    share: float, updates: int, indicator: int, before: int
) -> None:
    """C exp(-0.2 (share within - 1/2)), in thousandths of an eighth of an octave."""
    total = round((2 * share - 1) * indicator * updates)
    exact = total / (2 * indicator * updates)
    expected = before - 0.2 * exact / log(2) * 8 * FINE
    assert abs(moved(before, total, indicator, updates) - expected) <= 0.51


def test_noise_moves_it_no_further_than_all_sites_could() -> None:
    most = moved(0, -(10**9), 100, 10)
    assert most == moved(0, -1000, 100, 10) == round(8 * FINE * log(exp(0.1)) / log(2))
    assert moved(0, 10**9, 100, 10) == -most


def test_small_moves_add_up() -> None:
    position = 0
    for _ in range(40):
        position = moved(position, -20, 100, 10)  # 49 % within: 23 thousandths a round
    assert grid_step(position) == 1


def test_it_goes_to_the_middle_of_the_lengths() -> None:
    lengths = [3.0, 4.0, 5.0, 6.0, 50.0]
    position = FINE * nearest_below(0.1)
    for _ in range(200):
        clip = 2.0 ** (grid_step(position) / 8)
        inside = sum(length <= clip for length in lengths)
        position = moved(position, 100 * (2 * inside - len(lengths)), 100, len(lengths))
    assert 4.0 <= 2.0 ** (grid_step(position) / 8) <= 6.0


def test_the_indicator_costs_what_two_gaussians_together_do() -> None:
    """z = (z_D^-2 + (2 sigma_b)^-2)^-1/2, where sigma_b is 3/2 z_D."""
    z = Decimal("1.7")
    noise_in_sites = Decimal("1.5") * z
    both = (1 / z**2 + 1 / (2 * noise_in_sites) ** 2) ** Decimal("-0.5")
    for one, other in zip(
        gaussian_rdp(both, Decimal(1)), gaussian_rdp(z * SHRINK.sqrt(), Decimal(1)), strict=True
    ):
        assert float(one) == pytest.approx(float(other), rel=1e-12)


def test_update_and_indicator_are_no_longer_than_what_is_charged() -> None:
    for bound in range(64, 3000):
        indicator = indicator_at(bound)
        assert 9 * (bound**2 + indicator**2) <= 10 * bound**2
