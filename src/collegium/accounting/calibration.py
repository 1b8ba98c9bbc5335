"""The least noise that keeps given releases within an epsilon."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

STEP = Decimal("0.0001")
"""Noise multipliers are found to four decimals."""

LEAST, MOST = Decimal("0.2"), Decimal(10_000)
"""Where noise multipliers are looked for; outside, no calibration makes sense."""


def least_noise(epsilon: Callable[[Decimal], int], allowed: int) -> Decimal | None:
    """Return the smallest noise multiplier whose epsilon is allowed, or None where none is.

    Args:
        epsilon: of everything released with a noise multiplier, in millionths; it falls with it.
        allowed: the budget, in millionths.
    """
    low, high = int(LEAST / STEP), int(MOST / STEP)
    if epsilon(MOST) > allowed:
        return None
    while low < high:
        middle = (low + high) // 2
        if epsilon(middle * STEP) <= allowed:
            high = middle
        else:
            low = middle + 1
    return low * STEP
