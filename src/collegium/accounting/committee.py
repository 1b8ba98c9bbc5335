"""How likely a small committee falls into bad hands, and how large one has to be.

A committee of m members is drawn without replacement from n of whom b are bad, so the number of bad
ones in it is hypergeometric. A third of it, ceil(m / 3), can stop a quorum of more than two thirds;
a majority, more than half, decides every median of scores.
"""

from __future__ import annotations

from fractions import Fraction
from math import comb


def third(size: int) -> int:
    """Return how many members of a committee are a third of it or more."""
    return -(-size // 3)


def majority(size: int) -> int:
    """Return how many members of a committee are more than half of it."""
    return size // 2 + 1


def capture(members: int, bad: int, size: int, least: int) -> Fraction:
    """Return the probability that at least so many of a committee are bad, exactly.

    Args:
        members: n, from whom it is drawn.
        bad: b of them.
        size: m, drawn without replacement.
        least: how many of the committee it takes.

    Raises:
        ValueError: there are not so many members.
    """
    if not 0 <= bad <= members or not 1 <= size <= members:
        raise ValueError(f"a committee of {size} of {members}, {bad} of them bad")
    ways = sum(
        comb(bad, k) * comb(members - bad, size - k)
        for k in range(max(least, size - (members - bad), 0), min(size, bad) + 1)
    )
    return Fraction(ways, comb(members, size))


def over_rounds(chance: Fraction, rounds: int) -> float:
    """Return the probability of at least one capture where a committee is drawn every round."""
    return float(1 - (1 - chance) ** rounds) if rounds < 1000 else 1 - float(1 - chance) ** rounds


def smallest(members: int, bad: int, limit: Fraction) -> int | None:
    """Return the smallest committee that has a bad majority at most as likely as a limit.

    Only odd sizes: an even one is captured by half of it in a median.
    """
    for size in range(1, members + 1, 2):
        if capture(members, bad, size, majority(size)) <= limit:
            return size
    return None
