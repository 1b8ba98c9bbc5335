"""The ring in which an attempt's updates are summed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from collegium.ledger.contract.declared import opens_one_key
from collegium.ledger.contract.encoding import LARGEST_UPDATE, reduced_total, room_of
from collegium.ledger.contract.members import contract_version
from collegium.ledger.contract.rules import each
from collegium.ledger.contract.series import is_sum
from collegium.ledger.contract.tables import StudyRecord
from collegium.ledger.state import State


def room_for(record: StudyRecord, weights: Iterable[int], contract: int) -> int:
    """Return how many bits beyond 16 a round's updates may take.

    0 where their length is bounded, and noise made for it, in the encoding's units.
    """
    if any(bounds(record) for bounds in each(record.modules, lambda rules: rules.bounds)):
        return 0
    return room_of(weights, contract)


def ring_of(weights: Iterable[int], contract: int) -> Literal[32, 64]:
    """Return how many bits hold every sum of updates with these weights, signs included."""
    known = tuple(weights)
    total = sum(known) if contract < 2 else reduced_total(known)
    return 32 if 2 * (LARGEST_UPDATE << room_of(known, contract)) * total < 2**32 else 64


def ring_in(state: State, design: str, number: int, weights: Iterable[int]) -> Literal[32, 64]:
    """Return the ring of a round; counts always have the wide one."""
    return 64 if is_sum(number) else ring_for(design, weights, contract_version(state))


def ring_for(design: str, weights: Iterable[int], contract: int) -> Literal[32, 64]:
    """Return the ring of updates.

    Encrypted ones have the wide one from contract 2 on: the narrow one's lattice is of degree 2048,
    which is too small (docs/decisions/0150).
    """
    return 64 if opens_one_key(design) and contract >= 2 else ring_of(weights, contract)
