"""Proof of Shapley: whoever is nearest to the mean of all proposes.

Liu, Sun, Ai, Zhang, Liu and Yu, "FedCoin: A Peer-to-Peer Payment System for Federated Learning",
2020 (arXiv 2002.11711): miners estimate Shapley values, and the one nearest to the mean of all
estimates wins the block. Here the estimate is the contract's combined score, so that nobody can
copy the mean of others and win with distance 0, as in the paper's code; what the winner proposes is
decided by PBFT and not by whose chain is shorter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

from collegium.consensus.election import in_turn, scores_at
from collegium.consensus.machine import Setting, Stored
from collegium.consensus.protocols.pbft import PBFT, Replica


def leader(setting: Setting, height: int, view: int) -> int:
    """Return who leads a height and view: by distance from the mean score, then by number."""
    scores, count = scores_at(setting, height), setting.count
    total = sum(scores)
    order = sorted(range(count), key=lambda one: (abs(count * scores[one] - total), one))
    return in_turn(order, view)


@dataclass(frozen=True, slots=True)
class Posap:
    """The protocol; it satisfies `ConsensusProtocol` and `Elects`."""

    about: str = "nearest to the mean score proposes, PBFT decides"
    version: int = 1
    faults: Literal["none", "crash", "byzantine"] = "byzantine"
    bound: str = "f < n/3"
    finality: Literal["immediate", "probabilistic", "economic"] = "immediate"
    views: Literal["lasting", "each height", "none"] = "lasting"
    once: frozenset[str] = PBFT.once
    source: str = "Liu et al., arXiv 2002.11711, 2020; its fork choice is not taken over"
    defaults: Mapping[str, int] = field(default_factory=dict)
    elects: Literal[True] = True

    def tolerated(self, powers: Sequence[int]) -> int:
        """Return f = floor((n - 1) / 3)."""
        return PBFT.tolerated(powers)

    def machine(self, setting: Setting, stored: Stored) -> Replica:
        """Return a replica that knows who leads."""
        return Replica(setting, stored, leads=partial(leader, setting))


POSAP = Posap()
