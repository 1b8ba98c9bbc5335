"""From divergences to an epsilon, in integers: what the contract adds and compares.

C. Canonne, G. Kamath and T. Steinke, "The Discrete Gaussian for Differential Privacy", NeurIPS
2020, proposition 12: epsilon = rdp(a) + log((a - 1) / a) - (log delta + log a) / (a - 1), for
whichever order a makes it smallest.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache

from collegium.accounting.orders import MICRO, NANO, ORDERS, exactly, rounded_up

Charge = tuple[int, ...]
"""A divergence at each of `ORDERS`, in billionths, rounded up, at most `MOST`."""

MOST = 2**53 - 1
"""Stands for no bound: an epsilon of nine millions, which no budget allows."""


@lru_cache(maxsize=64)
def conversion(delta: Decimal) -> tuple[int, ...]:
    """Return what is added to a divergence at each of `ORDERS`: billionths, rounded up."""
    with exactly():
        return tuple(
            rounded_up(((a - 1) / a).ln() - (delta.ln() + a.ln()) / (a - 1), NANO) for a in ORDERS
        )


def charge_of(divergences: Sequence[Decimal], releases: int = 1) -> Charge:
    """Return what a number of equal releases costs."""
    with exactly():
        return tuple(min(MOST, rounded_up(releases * one, NANO)) for one in divergences)


def added(*charges: Sequence[int]) -> Charge:
    """Return what releases cost together; divergences of one order add up."""
    return tuple(min(MOST, sum(at_order)) for at_order in zip(*charges, strict=True))


def times(charge: Sequence[int], count: int) -> Charge:
    """Return what `count` equal charges cost together."""
    return tuple(min(MOST, count * one) for one in charge)


def micro_epsilon(charge: Sequence[int], converting: Sequence[int]) -> int:
    """Return the epsilon of a charge in millionths, rounded up; 0 where nothing was charged."""
    if not any(charge):
        return 0
    best = min(one + more for one, more in zip(charge, converting, strict=True))
    return max(0, -(-best * MICRO // NANO))
