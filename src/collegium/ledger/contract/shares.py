"""How much of a round's weight one site can have, whatever it claims (docs/decisions/0137)."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

HALF = 500
"""The bound of a study that registers none, in thousandths, on ledgers of contract 2."""

FEWEST_BOUND = 3
"""Participants from which on a bound holds: of two, one always has half or more."""


def share_in_force(registered: int | msgspec.UnsetType, contract: int) -> int:
    """Return the largest share of one site in thousandths; 1000 is no bound."""
    if isinstance(registered, int):
        return registered
    return HALF if contract >= 2 else 1000


def within_share(weights: Mapping[str, int], thousandths: int) -> dict[str, int]:
    """Return a round's weights with none above the largest cap that keeps everybody's share.

    The cap is the largest integer c with 1000 c <= s sum(min(w, c)). That holds up to some c and
    for none above it, since both sides are 0 at 0 and the right one bends down. Where even equal
    weights are above the share, they are equal.

    Args:
        weights: by participant, at least 1.
        thousandths: s, the largest share of one.
    """
    if len(weights) < FEWEST_BOUND:
        return dict(weights)
    holds, fails = min(weights.values()), max(weights.values()) + 1
    while fails - holds > 1:
        cap = (holds + fails) // 2
        total = sum(min(weight, cap) for weight in weights.values())
        holds, fails = (cap, fails) if 1000 * cap <= thousandths * total else (holds, cap)
    return {name: min(weight, holds) for name, weight in weights.items()}
