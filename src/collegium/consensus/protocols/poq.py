"""Proof of training quality: whoever did the best work proposes.

Lu, Huang, Dai, Maharjan and Zhang, "Blockchain and Federated Learning for Privacy-Preserved Data
Sharing in Industrial IoT", IEEE TII 16(6), 2020: a committee votes, and the member with the lowest
error leads next. Here the error is the contract's combined score (higher is better), the committee
are the validators, and its vote is PBFT's, which the paper does not fix.
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
    """Return who leads a height and view: by score, the best first, then by number."""
    scores = scores_at(setting, height)
    order = sorted(range(setting.count), key=lambda one: (-scores[one], one))
    return in_turn(order, view)


@dataclass(frozen=True, slots=True)
class Poq:
    """The protocol; it satisfies `ConsensusProtocol` and `Elects`."""

    about: str = "the best work of the last round proposes, PBFT decides"
    version: int = 1
    faults: Literal["none", "crash", "byzantine"] = "byzantine"
    bound: str = "f < n/3"
    finality: Literal["immediate", "probabilistic", "economic"] = "immediate"
    views: Literal["lasting", "each height", "none"] = "lasting"
    once: frozenset[str] = PBFT.once
    source: str = "Lu et al., IEEE TII 16(6), 2020; its vote is reconstructed"
    defaults: Mapping[str, int] = field(default_factory=dict)
    elects: Literal[True] = True

    def tolerated(self, powers: Sequence[int]) -> int:
        """Return f = floor((n - 1) / 3)."""
        return PBFT.tolerated(powers)

    def machine(self, setting: Setting, stored: Stored) -> Replica:
        """Return a replica that knows who leads."""
        return Replica(setting, stored, leads=partial(leader, setting))


POQ = Poq()
