"""What messages meet on their way: delays, bandwidth, losses, partitions, crashes.

All times are virtual microseconds, all rates integers; what is left to chance is drawn by the
simulator's generator.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random


@dataclass(frozen=True, slots=True)
class Links:
    """The ways between validators.

    Attributes:
        low, high: one-way delay in microseconds; each pair has one in between, drawn once.
        jitter: mean of what an exponential adds to each message.
        bandwidth: bits a second that a validator sends at, all receivers together.
        about: what it stands for.
        source: where the figures are from.
    """

    low: int
    high: int
    jitter: int
    bandwidth: int
    about: str = ""
    source: str = ""


PRESETS: Mapping[str, Links] = {
    "lan": Links(50, 200, 20, 1_000_000_000, "one data centre", "datasheet order of magnitude"),
    "metro": Links(
        1_000, 3_000, 200, 1_000_000_000, "hospitals of one city",
        "5 us/km of fibre, 100 to 300 km with detours, and hops",
    ),
    "wan": Links(
        15_000, 45_000, 2_000, 100_000_000, "hospitals of one continent",
        "etcd documentation: about 50 ms round trip across the United States; to twice that",
    ),
    "world": Links(
        40_000, 200_000, 5_000, 50_000_000, "hospitals on several continents",
        "etcd documentation: up to 400 ms round trip between continents",
    ),
    "cellular": Links(
        30_000, 60_000, 20_000, 5_000_000, "gateways on LTE",
        "Huang et al. 2012 (MobiSys), section 4: LTE's one-way delays and uplinks",
    ),
}  # fmt: skip
DEFAULT = "wan"


@dataclass(frozen=True, slots=True)
class Partition:
    """From `start` to `end` only validators of one group hear each other; others are a group."""

    start: int
    end: int
    groups: tuple[tuple[int, ...], ...]

    def parts(self, one: int, other: int) -> bool:
        """Return whether it keeps two validators apart."""
        return self._group(one) != self._group(other)

    def _group(self, validator: int) -> int:
        return next((at for at, group in enumerate(self.groups) if validator in group), -1)


@dataclass(frozen=True, slots=True)
class Crash:
    """A validator that stops at a time, and is made anew from what it wrote, or never."""

    validator: int
    at: int
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Weather:
    """What goes wrong on the way, and with validators.

    Attributes:
        loss, duplicate: how many of 1,000 messages are lost, or come twice.
        reorder: microseconds by which messages overtake each other, at most.
        skew: how many of 1,000 a validator's timers are too fast or too slow by, at most.
        sync: microseconds until what is written is durable.
        verify: microseconds of work for a signature that is verified.
        heals: when losses, duplicates and disorder end; None for never.
    """

    loss: int = 0
    duplicate: int = 0
    reorder: int = 0
    skew: int = 0
    sync: int = 0
    verify: int = 0
    partitions: tuple[Partition, ...] = ()
    crashes: tuple[Crash, ...] = ()
    heals: int | None = None


@dataclass(frozen=True, slots=True)
class Network:
    """Links and weather."""

    links: Links = field(default_factory=lambda: PRESETS[DEFAULT])
    weather: Weather = Weather()


def delays_of(links: Links, count: int, seed: int) -> list[list[int]]:
    """Return the one-way delay from each validator to each, in microseconds; the same back."""
    drawn = Random(f"delays {seed}")
    delays = [[0] * count for _ in range(count)]
    for one in range(count):
        for other in range(one):
            delays[one][other] = delays[other][one] = drawn.randint(links.low, links.high)
    return delays
