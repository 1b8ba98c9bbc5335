"""Election by correlation: one of the best proposes, drawn by lot.

Li, Xia, Li and Wang, BRFL, 2023 (arXiv 2310.13403): the node whose model correlates best with the
last one aggregates next. Whoever sends the last model unchanged is always elected by that rule.
So the contract's combined score stands for the correlation, and the turn is drawn among the upper
third; the order decided is PBFT's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

from collegium.consensus.election import in_turn, lots, scores_at
from collegium.consensus.machine import Setting, Stored
from collegium.consensus.protocols.pbft import PBFT, Replica


def leader(setting: Setting, height: int, view: int) -> int:
    """Return who leads a height and view: a lot among the upper third, then the others by score."""
    scores, lot = scores_at(setting, height), lots(setting, height)
    ranked = sorted(range(setting.count), key=lambda one: (-scores[one], one))
    upper = -(-setting.count // 3)
    order = [*sorted(ranked[:upper], key=lambda one: lot[one]), *ranked[upper:]]
    return in_turn(order, view)


@dataclass(frozen=True, slots=True)
class Ppcc:
    """The protocol; it satisfies `ConsensusProtocol` and `Elects`."""

    about: str = "one of the upper third by score proposes, PBFT decides"
    version: int = 1
    faults: Literal["none", "crash", "byzantine"] = "byzantine"
    bound: str = "f < n/3"
    finality: Literal["immediate", "probabilistic", "economic"] = "immediate"
    views: Literal["lasting", "each height", "none"] = "lasting"
    once: frozenset[str] = PBFT.once
    source: str = "Li et al., arXiv 2310.13403, 2023; mended against self-election"
    defaults: Mapping[str, int] = field(default_factory=dict)
    elects: Literal[True] = True

    def tolerated(self, powers: Sequence[int]) -> int:
        """Return f = floor((n - 1) / 3)."""
        return PBFT.tolerated(powers)

    def machine(self, setting: Setting, stored: Stored) -> Replica:
        """Return a replica that knows who leads."""
        return Replica(setting, stored, leads=partial(leader, setting))


PPCC = Ppcc()
