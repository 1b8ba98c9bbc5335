"""Votes that are weighted by power, and proposers who take turns by it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import gcd


@dataclass(slots=True)
class Votes:
    """Who has voted, and their power together."""

    power: int = 0
    who: set[int] = field(default_factory=set)

    def add(self, voter: int, power: int) -> bool:
        """Add a vote; return whether it is the voter's first one."""
        if voter in self.who:
            return False
        self.who.add(voter)
        self.power += power
        return True


@dataclass(slots=True)
class Tally:
    """Votes of one kind in one round: for each block, and for whatever."""

    by_block: dict[bytes, Votes] = field(default_factory=dict)
    all: Votes = field(default_factory=Votes)


class Turns:
    """Who proposes: each turn adds everybody's power to its priority, and the first one pays.

    CometBFT, "Proposer Selection Procedure in CometBFT": over as many turns as all have power
    together, each has as many as its own power.
    """

    def __init__(self, powers: Sequence[int]) -> None:
        self._powers, self._total = powers, sum(powers)
        self._priorities, self._turns = [0] * len(powers), list[int]()
        self._period = self._total // gcd(*powers)

    def __getitem__(self, turn: int) -> int:
        """Return whose turn it is, from turn 0 on; ties go to the lower number."""
        turn %= self._period
        while len(self._turns) <= turn:
            for who, power in enumerate(self._powers):
                self._priorities[who] += power
            chosen = max(range(len(self._powers)), key=self._priorities.__getitem__)
            self._priorities[chosen] -= self._total
            self._turns.append(chosen)
        return self._turns[turn]
