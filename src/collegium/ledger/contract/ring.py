"""The ring in which an attempt's updates are summed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from collegium.ledger.contract.series import is_sum

LARGEST_UPDATE = 32767


def ring_of(weights: Iterable[int]) -> Literal[32, 64]:
    """Return how many bits hold every sum of updates with these weights, signs included."""
    return 32 if 2 * LARGEST_UPDATE * sum(weights) < 2**32 else 64


def ring_in(number: int, weights: Iterable[int]) -> Literal[32, 64]:
    """Return the ring of a round; counts always have the wide one."""
    return 64 if is_sum(number) else ring_of(weights)
