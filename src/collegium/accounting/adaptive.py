"""A clip that follows the updates, in integers: what the contract moves and what it costs.

G. Andrew, O. Thakkar, H. B. McMahan and S. Ramaswamy, "Differentially Private Learning with
Adaptive Clipping", NeurIPS 2021, section 2: every site also tells, with noise, whether its update
is within the clip C, and C becomes C exp(-eta (share within - gamma)), so that it goes to the
quantile gamma of the updates' lengths. Here gamma = 1/2 and eta = 1/5, the paper's own choice, and
C is on a grid: 2^(k/8).
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

GRID = 8
"""Steps of the grid in an octave."""

POWERS = (32768, 35733, 38967, 42494, 46340, 50535, 55108, 60096)
"""2^(15 + r/8), rounded down."""

FINE = 1000
"""A clip moves in thousandths of a grid step, so that many small moves add up."""

INDICATOR = 3
"""The indicator is this part of the clip: half of its range, in units of an update's encoding. Its
noise is that of every other coordinate, 3/2 of the noise multiplier when counted in sites, and a
tenth of all that is charged is for it."""

SHRINK = Decimal("0.9")
"""What the square of a noise multiplier shrinks by, as the indicator makes an update longer."""

_LOG_2 = 693_147
"""ln 2 in millionths."""


def nearest_below(clip: float) -> int:
    """Return the largest k for which 2^(k/8) is at most a clip above 0."""
    power = Fraction(repr(float(clip))) ** GRID
    k = power.numerator.bit_length() - power.denominator.bit_length()
    return k if Fraction(2) ** k <= power else k - 1


def bound_at(k: int, exponent: int) -> int:
    """Return the clip 2^(k/8) in steps of an encoding with an exponent, rounded down."""
    shift = k // GRID + exponent - 15
    power = POWERS[k % GRID]
    return power << shift if shift >= 0 else power >> -shift


def indicator_at(bound: int) -> int:
    """Return what an update tells beside it: this much where it is within the clip, else minus."""
    return bound // INDICATOR


def grid_step(position: int) -> int:
    """Return the k nearest to a position in thousandths."""
    return (position + FINE // 2) // FINE


def moved(position: int, total: int, indicator: int, updates: int) -> int:
    """Return where the clip goes after a round, in thousandths of a grid step.

    Args:
        position: where it was.
        total: the sum of the updates' indicators with their noise.
        indicator: what one of them is without noise.
        updates: how many updates are in the sum.
    """
    most = indicator * updates
    kept = max(-most, min(most, total))
    # 8 eta (share - 1/2) / ln 2 grid steps, where share - 1/2 = kept / (2 most).
    numerator, divisor = FINE * GRID * kept * 1_000_000, 5 * 2 * _LOG_2 * most
    return position - (2 * numerator + divisor) // (2 * divisor)
