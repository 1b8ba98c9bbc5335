"""Quorums of weights: who can decide, who can stop all others, and whose faults are borne.

With more than two thirds of the weight in a quorum, two quorums share more than a third, so an
honest validator, as long as less than a third lies. With more than a half, they share a validator,
which is enough where validators only stop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

BYZANTINE, CRASH = Fraction(2, 3), Fraction(1, 2)
"""The parts of all weight that a quorum exceeds, where validators may lie and where they stop."""


@dataclass(frozen=True, slots=True)
class Quorums:
    """What weights come to; validators are counted from the heaviest on.

    Attributes:
        total: of all weights.
        needed: the least weight of a quorum.
        fewest: how many validators make one at least.
        stop: how many of them can stop all quorums by their silence, at least.
        tolerated: of how many, whichever they are, every fault is borne: the others are a quorum,
            and where validators may lie these are less than a third.
    """

    total: int
    needed: int
    fewest: int
    stop: int
    tolerated: int


def quorums(weights: Sequence[int], part: Fraction = BYZANTINE) -> Quorums:
    """Return what quorums there are with these weights.

    Args:
        weights: of the validators, each at least 1.
        part: of all weight; a quorum has more.
    """
    total = sum(weights)
    needed = int(part * total) + 1
    stop = _first_to(weights, total - needed + 1)
    return Quorums(total, needed, _first_to(weights, needed), stop, stop - 1)


def _first_to(weights: Sequence[int], weight: int) -> int:
    """Return how many of the heaviest have so much together."""
    together = 0
    for count, one in enumerate(sorted(weights, reverse=True), 1):
        together += one
        if together >= weight:
            return count
    raise ValueError(f"all together have {together}, not {weight}")
