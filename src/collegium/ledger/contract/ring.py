"""The ring in which an attempt's updates are summed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from collegium.ledger.contract.declared import opens_one_key
from collegium.ledger.contract.members import contract_version
from collegium.ledger.contract.series import is_sum
from collegium.ledger.state import State

LARGEST_UPDATE = 32767


def ring_of(weights: Iterable[int]) -> Literal[32, 64]:
    """Return how many bits hold every sum of updates with these weights, signs included."""
    return 32 if 2 * LARGEST_UPDATE * sum(weights) < 2**32 else 64


def ring_in(state: State, design: str, number: int, weights: Iterable[int]) -> Literal[32, 64]:
    """Return the ring of a round; counts always have the wide one."""
    return 64 if is_sum(number) else ring_for(design, weights, contract_version(state))


def ring_for(design: str, weights: Iterable[int], contract: int) -> Literal[32, 64]:
    """Return the ring of updates.

    Encrypted ones have the wide one from contract 2 on: the narrow one's lattice is of degree 2048,
    which is too small (docs/decisions/0150).
    """
    return 64 if opens_one_key(design) and contract >= 2 else ring_of(weights)
