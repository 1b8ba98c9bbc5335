"""The model of time and joules: what work takes on a machine behind a link.

    E = kappa FLOPs + e_up bytes up + e_down bytes down + core watts x seconds of cryptography
        + tails, beyond the watts of machines that wait

It is the usual one of studies of federated learning: linear, with constants from tables. Training
and transfers follow each other, and so does cryptography, on one core.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from collegium.devices.cryptography import SECONDS
from collegium.devices.links import Link
from collegium.devices.machines import CORES, HASHES, Machine

JOULES_A_KWH = 3.6e6


@dataclass(frozen=True, slots=True)
class Work:
    """What somebody does, as counted.

    Attributes:
        flops: floating-point operations.
        down, up: bytes from and to others.
        operations: of cryptography, by the names of `cryptography.SECONDS`.
    """

    flops: float = 0.0
    down: int = 0
    up: int = 0
    operations: Mapping[str, float] = field(default_factory=dict)

    def __add__(self, other: Work) -> Work:
        """Return both, one after the other."""
        names = dict.fromkeys((*self.operations, *other.operations))
        return Work(
            self.flops + other.flops, self.down + other.down, self.up + other.up,
            {one: self.operations.get(one, 0.0) + other.operations.get(one, 0.0) for one in names},
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Needs:
    """Seconds, or joules beyond waiting, by what they go to."""

    compute: float
    transfer: float
    crypto: float


def cryptography_seconds(operations: Mapping[str, float], machine: Machine) -> float:
    """Return how long one core of a machine takes for operations."""
    return sum(times * SECONDS[name] for name, times in operations.items()) / machine.speed


def seconds(work: Work, machine: Machine, bandwidth: float, delay: float) -> Needs:
    """Return how long work takes.

    Args:
        work: what is done.
        machine: by whom.
        bandwidth: bits a second, either way.
        delay: seconds one way. What is fetched is asked for first; what is sent is acknowledged.
    """
    turns = 2 * delay * ((work.down > 0) + (work.up > 0))
    return Needs(
        work.flops / machine.flops, 8 * (work.down + work.up) / bandwidth + turns,
        cryptography_seconds(work.operations, machine),
    )  # fmt: skip


def joules(work: Work, machine: Machine, link: Link) -> Needs:
    """Return what work takes beyond waiting, without a radio's tail."""
    return Needs(
        work.flops * machine.joules_a_flop,
        work.down * link.down + work.up * link.up,
        cryptography_seconds(work.operations, machine) * machine.core,
    )


def tail_joules(wakes: int, radios: int, elapsed: float, link: Link) -> float:
    """Return what radios take that stay awake after they were used, or wake up.

    Args:
        wakes: how often any of them was used.
        radios: how many there are.
        elapsed: seconds in which that was: nobody is awake for longer.
        link: the radios' kind.
    """
    awake = min(wakes * link.tail_seconds, radios * elapsed)
    return awake * link.tail + wakes * link.wake


def mining_watts(machine: Machine) -> float:
    """Return what a machine draws beyond waiting while it looks for hashes."""
    return min(CORES * machine.core, machine.busy - machine.idle)


def mined_hashes(machine: Machine, elapsed: float) -> float:
    """Return how many hashes it tries in so many seconds."""
    return CORES * HASHES * machine.speed * elapsed


def co2e(joules_used: float, grid: float) -> float:
    """Return grams of CO2 equivalents, of a grid of so many grams a kWh."""
    return joules_used / JOULES_A_KWH * grid
