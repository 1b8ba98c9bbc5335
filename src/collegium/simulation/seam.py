"""The seam of mechanisms in a simulation without a ledger: what their contract would have done.

A mechanism's file `simulated` names its `SIMULATED`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

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
    reserved: ReservedRows


class Simulated(Protocol):
    """What a mechanism of a study does from round to round."""

    def weighs(self, weights: Mapping[str, int]) -> dict[str, int]:
        """Return the weights with which a round opens, given the registered ones."""
        ...

    def records(self) -> Mapping[str, Mapping[str, Any]]:
        """Return its tables of the study that are about members, as a round opens."""
        ...

    def fixes(
        self, work: Assignment, sent: Mapping[str, Contribution]
    ) -> Mapping[str, Any] | None:  # fmt: skip
        """Return fields of the round's `Attempt`; None where the attempt fails.

        Args:
            work: the round.
            sent: the updates of those who have sent one.
        """
        ...


Simulates = Callable[[Simulation], Simulated | None]
"""Returns what a mechanism does in a study, None where that does not use it."""


@cache
def every_simulated() -> tuple[Simulates, ...]:
    """Return what makes the mechanisms of this installation, in order of their names."""
    return tuple(one.SIMULATED for one in aspects("simulated").values())
