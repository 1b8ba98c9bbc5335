"""Where joules go beyond waiting: to work, transfers, cryptography, consensus, and radios' tails.

Members' own work is what they told when their transactions entered. Consensus is counted: every
byte between validators at both ends, hashed once; every message signed once and verified by whom
it reaches; every transaction's signature verified by each validator; and, where validators mine,
what their machines draw for it all the time. What machines draw anyway is apart: `idle`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from collegium.consensus.machine import Mines
from collegium.consensus.simulator import Simulator
from collegium.devices.links import Link
from collegium.devices.machines import Machine
from collegium.devices.work import cryptography_seconds, mined_hashes, mining_watts, tail_joules
from collegium.ledger.engines.simnet.virtual_time import PARTS, Effort

MICRO = 1_000_000


@dataclass(frozen=True, slots=True)
class Fleet:
    """The machines of a consortium.

    Attributes:
        members: every member's machine.
        validators: those of validators, by number.
        link: how they are connected.
        grid: grams of CO2 equivalents a kWh.
    """

    members: Mapping[str, Machine]
    validators: tuple[Machine, ...]
    link: Link
    grid: float


@dataclass(slots=True)
class JoulesSpent:
    """Virtual microjoules so far, by what they went to; `wakes` counts uses of members' links."""

    compute: int = 0
    transfer: int = 0
    crypto: int = 0
    consensus: int = 0
    waiting: int = 0
    wakes: int = 0

    @property
    def total(self) -> int:
        """All of it."""
        return sum(getattr(self, name) for name in PARTS)

    def add(self, effort: Effort) -> None:
        """Take a member's work for a transaction."""
        compute, transfer, crypto = effort.microjoules
        self.compute += compute
        self.transfer += transfer
        self.crypto += crypto
        self.wakes += effort.wakes

    def with_consensus(
        self, simulator: Simulator, fleet: Fleet, ordered: int, blocks: int, elapsed: int
    ) -> JoulesSpent:
        """Return it with what validators and radios have taken besides.

        Args:
            simulator: the validators.
            fleet: the machines.
            ordered: how many transactions are in the order.
            blocks: how many blocks have them.
            elapsed: microseconds up to the last of them.
        """
        seconds = elapsed / MICRO
        joules = sum(simulator.counted.bytes.values()) * (fleet.link.up + fleet.link.down)
        heard = sum(seat.heard for seat in simulator.seats)
        for seat, machine in zip(simulator.seats, fleet.validators, strict=True):
            own = {
                "signature": float(seat.signed),
                "verification": float(seat.verified + ordered),
                "hashed_byte": float(seat.heard),
            }
            joules += cryptography_seconds(own, machine) * machine.core
            if isinstance(simulator.protocol, Mines):
                joules += mining_watts(machine) * seconds
        used = self.wakes + blocks * len(fleet.validators) * (heard > 0)
        tails = tail_joules(used, len(fleet.members), seconds, fleet.link)
        return replace(self, consensus=round(MICRO * joules), waiting=round(MICRO * tails))


def idle_joules(fleet: Fleet, elapsed: int) -> float:
    """Return what all machines draw anyway, in so many microseconds."""
    return sum(machine.idle for machine in fleet.members.values()) * elapsed / MICRO


def hashes(simulator: Simulator, fleet: Fleet, elapsed: int) -> int | None:
    """Return how many hashes validators have tried; None where nobody mines."""
    if not isinstance(simulator.protocol, Mines):
        return None
    return round(sum(mined_hashes(one, elapsed / MICRO) for one in fleet.validators))
