"""Draws by stake that everybody can check: of public numbers, by a hash.

A seed that is known in advance can be ground: who makes it chooses who is drawn. That is not done
here; seeds are the study's.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256


def draw(powers: Sequence[int], *public: int) -> int:
    """Return one validator, each with its share of all power as probability.

    Args:
        powers: of the validators, by number.
        public: what the draw depends on: a seed, a height, an attempt.
    """
    said = " ".join(map(str, public)).encode()
    ticket = int.from_bytes(sha256(said).digest()) % sum(powers)
    for who, power in enumerate(powers):
        ticket -= power
        if ticket < 0:
            return who
    raise ValueError("nobody has power")


def draw_committee(powers: Sequence[int], size: int, *public: int) -> tuple[int, ...]:
    """Return validators drawn one after the other without replacement, in the order of the draw.

    Each draw is by power among those who are left; validators without power come in only where all
    others are drawn, by number.
    """
    left, chosen = list(powers), list[int]()
    for number in range(min(size, len(powers))):
        if not any(left):
            chosen += [one for one in range(len(powers)) if one not in chosen][: size - number]
            break
        chosen.append(draw(left, *public, number))
        left[chosen[-1]] = 0
    return tuple(chosen)
