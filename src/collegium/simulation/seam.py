"""The seam of mechanisms in a simulation without a ledger: what their contract would have done.

A mechanism's file `simulated` names its `SIMULATED`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from collegium.assembly.preparation import Prepared
from collegium.federation.identity import Identity
from collegium.federation.local_updates import Assignment
from collegium.federation.speaking import ReservedRows
from collegium.learning.aggregation.updates import Contribution
from collegium.plugins import aspects


@dataclass(frozen=True, slots=True)
class Simulation:
    """What is simulated: a study, its members, and the rows that its validators reserve."""

    prepared: Prepared
    members: Mapping[str, Identity]
    reserved: Mapping[str, ReservedRows]


@dataclass(frozen=True, slots=True)
class Simulated:
    """What a mechanism of a study does from round to round.

    Attributes:
        fixes: fields of a round's `Attempt`, given the round and the updates of those who have sent
            one; None where the attempt fails.
        weighs: the weights with which a round opens, given the registered ones.
        records: its tables of the study that are about members, as a round opens.
    """

    fixes: Callable[[Assignment, Mapping[str, Contribution]], Mapping[str, Any] | None]
    weighs: Callable[[Mapping[str, int]], Mapping[str, int]] = dict
    records: Callable[[], Mapping[str, Mapping[str, Any]]] = dict


Simulates = Callable[[Simulation], Simulated | None]
"""Returns what a mechanism does in a study, None where that does not use it."""


@cache
def every_simulated() -> tuple[Simulates, ...]:
    """Return what makes the mechanisms of this installation, in order of their names."""
    return tuple(one.SIMULATED for one in aspects("simulated").values())
