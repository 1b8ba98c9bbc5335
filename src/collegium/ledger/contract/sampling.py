"""Who takes part in a round: lots that nobody can choose, the same for whoever draws them."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

from collegium.ledger.genesis import ledger_of
from collegium.ledger.hashing import lp, tag, u64


def sample_participants(
    genesis: str, study: str, seed: int, number: int, accepted: Iterable[str], per_round: int
) -> list[str]:
    """Return who takes part in a round, sorted: those sites whose draws are lowest."""
    chosen = sorted(accepted)
    if per_round < len(chosen):
        draw = lp(study.encode()) + u64(seed) + u64(number)
        begun = tag("draw") + ledger_of(genesis) + draw  # of a tagged hash
        lots = {name: sha256(begun + lp(name.encode())).digest() for name in chosen}
        chosen = sorted(sorted(chosen, key=lots.__getitem__)[:per_round])
    return chosen


def next_in_turn(number: int, accepted: Iterable[str], per_round: int) -> list[str]:
    """Return who takes part in a round, sorted, where sites take turns in order of their names."""
    names = sorted(accepted)
    first = (number - 1) * per_round
    last = first + min(per_round, len(names))
    return sorted(names[place % len(names)] for place in range(first, last))
