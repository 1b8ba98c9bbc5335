"""Who proposes, by what validators' last work was worth: an order of all, from public integers.

Scores come from the ledger: those of the last round whose result was in a block at least two
heights below. Everybody who is at a height has seen that block executed, so that all elect alike.
Where no scores are known, integers drawn from the seed and the height take their place.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from collegium.consensus.machine import Setting

BEHIND = 2
"""How many heights below a block the scores must be that elect its proposer."""


def scores_at(setting: Setting, height: int) -> tuple[int, ...]:
    """Return the scores of all validators that elect a height's proposer."""
    known = [at for at in setting.worth if at <= height - BEHIND]
    return setting.worth[max(known)] if known else lots(setting, height)


def lots(setting: Setting, height: int) -> tuple[int, ...]:
    """Return an integer for each validator, drawn from the seed and a height."""
    return tuple(
        int.from_bytes(sha256(f"{setting.seed} {height} {number}".encode()).digest()[:6], "big")
        for number in range(setting.count)
    )


def in_turn(order: Sequence[int], view: int) -> int:
    """Return whose turn it is in a view: whoever does nothing is followed by the next best."""
    return order[view % len(order)]
