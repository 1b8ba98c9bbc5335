"""What consensus cost: the figures of a run on a simulated network."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median, quantiles
from typing import Protocol, runtime_checkable

import msgspec

from collegium.ledger.engines.simnet.energy import Fleet, JoulesSpent
from collegium.ledger.engines.simnet.virtual_time import TimeSpent, Timing


class CommitSeconds(msgspec.Struct, frozen=True):
    """Virtual seconds from a transaction's entering to its block's decision."""

    median: float
    p95: float


def commit_seconds(waits: Sequence[float]) -> CommitSeconds:
    """Return the median of some waits, in seconds, and what 95 % of them do not exceed."""
    late = quantiles(waits, n=20, method="inclusive")[-1] if len(waits) > 1 else waits[0]
    return CommitSeconds(median(waits), late)


class Joules(msgspec.Struct, frozen=True):
    """What a study took beyond waiting, and what all its members' machines drew anyway."""

    marginal: float
    idle: float


class ConsensusFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What a protocol did for a study, all of it simulated.

    Attributes:
        protocol: its name; `network`: the links' name.
        validators: how many there are.
        commits: blocks with transactions that were decided.
        messages: what was sent for these blocks; `other_messages` everything else: elections,
            heartbeats, view changes, transactions on their way to proposers.
        bytes: all that was sent.
        seconds_a_commit: from a transaction's entering to its block.
        virtual_seconds: from the beginning to the last block.
        joules: of the whole study, not of consensus alone.
        co2e_g: grams of CO2 equivalents of both, on the grid that is assumed.
        hashes: how many were tried; None where nobody mines.
        forks: blocks that validators held and took back.
        view_changes: how many views, rounds or terms beyond the first the decided blocks needed.
        seconds_by_member: the median for each member's transactions.
        named: members who have signed two blocks where one is allowed, with what: whoever holds
            both messages can show it.
        scores: where proposers are elected by what work was worth: the kind of event that
            told it, or "seed", as long as none did; else None.
        modelled: always true: none of it was measured on a real network.
    """

    protocol: str
    network: str
    validators: int
    commits: int
    messages: int
    other_messages: int
    bytes: int
    seconds_a_commit: CommitSeconds
    virtual_seconds: float
    forks: int
    view_changes: int
    seconds_by_member: dict[str, float]
    named: dict[str, str]
    joules: Joules | None = None
    co2e_g: float | None = None
    hashes: int | None = None
    scores: str | None = None
    modelled: bool = True


@runtime_checkable
class Simulated(Protocol):
    """An ordering in virtual time."""

    def take_time(self, timing: Timing, fleet: Fleet) -> None:
        """From now on, transactions enter when their members have done what they need.

        Args:
            timing: what they need.
            fleet: the machines that take joules for it.
        """
        ...

    @property
    def spent(self) -> TimeSpent:
        """Where virtual time went so far."""
        ...

    @property
    def joules(self) -> JoulesSpent:
        """Where joules went so far, beyond waiting."""
        ...

    def figures(self) -> ConsensusFigures:
        """Return what consensus cost so far."""
        ...
