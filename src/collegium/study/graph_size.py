"""How many neighbours a member of a secure sum needs, and how many of them open its secrets.

Bell, Bonawitz, Gascón, Lepoint and Raykova, CCS 2020, section 3.3, as hypergeometric tails: a
member's k neighbours are drawn without replacement from the other n - 1, and a union bound goes
over all members. The conditions approximate the paper's theorem; they are no proof of it. All of
it is exact in integers, because what a study is registered with follows from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import comb

MOST_SHARES = 250
"""Members who can share a secret: each posts a share of every other's, in one transaction."""

SECRECY = 40
"""Secrecy fails with a chance of at most 2^-40, over all members of an attempt together."""

CORRECTNESS = 30
"""An attempt can be opened but with a chance of at most 2^-30."""


@dataclass(frozen=True, slots=True)
class GraphSize:
    """A graph's degree, and how many of a member's neighbours open its secrets."""

    degree: int
    threshold: int


@dataclass(frozen=True, slots=True)
class Population:
    """A round's members and how many of them, at most, are bad or drop out.

    Attributes:
        members: n.
        corrupt: how many may act together, floor of their share times n.
        missing: how many may drop out, floor of their share times n.
    """

    members: int
    corrupt: int
    missing: int


def population(members: int, corrupt: float, missing: float) -> Population:
    """Return whole numbers of members for shares, taken as the decimals they are written as."""
    bad, gone = (int(Fraction(repr(float(share))) * members) for share in (corrupt, missing))
    return Population(members, bad, gone)


def least_threshold(trust: str, holders: int) -> int:
    """Return how few of so many holders may open a secret, by whom one trusts.

    More than two thirds where members may lie, more than half where they are only curious
    (Bonawitz et al. 2017, theorems 6.3 and 6.5).
    """
    return (2 * holders // 3 if trust == "malicious" else holders // 2) + 1


@lru_cache(maxsize=64)
def graph_size(people: Population, trust: str, secrecy: int = SECRECY) -> GraphSize:
    """Return the smallest graph for a study's attempts, of even degree.

    The degree k is the lowest even number for which there is a threshold t with: t is what `trust`
    allows for k holders; the chance that anybody has t corrupt neighbours is at most
    2^-`secrecy`; the chance that anybody has fewer than t neighbours left is at most 2^-30; who is
    honest and there stays connected but for 2^-`secrecy`. Where only the complete graph will do,
    the degree is the lowest even number that makes it complete.
    """
    everybody = people.members - 1
    for degree in range(2, everybody, 2):
        least = max(tight_threshold(people, degree, secrecy), least_threshold(trust, degree))
        if _does(people, degree, least, secrecy):
            return GraphSize(degree, least)
    least = max(tight_threshold(people, everybody, secrecy), least_threshold(trust, everybody))
    return GraphSize(everybody + everybody % 2, min(everybody, least))


def tightest(people: Population, secrecy: int = SECRECY) -> GraphSize | None:
    """Return the lowest degree, odd or even, and threshold that keep sums secret and open.

    It is the table's convention: no more is asked of t than that the tails are met. None where
    only the complete graph will do.
    """
    for degree in range(1, people.members - 1):
        least = tight_threshold(people, degree, secrecy)
        if _does(people, degree, least, secrecy):
            return GraphSize(degree, least)
    return None


def tight_threshold(people: Population, degree: int, secrecy: int = SECRECY) -> int:
    """Return the lowest t that so many corrupt neighbours have with a chance of 2^-`secrecy`.

    The chance is that of any of n members, by the union bound.
    """
    total = comb(people.members - 1, degree)
    limit = total // (people.members << secrecy)
    tail = 0
    for count, ways in _downwards(people.members - 1, people.corrupt, degree):
        tail += ways
        if tail > limit:
            return count + 1
    return 0


def secrecy_bits(people: Population, degree: int, threshold: int) -> int | None:
    """Return b such that a graph's secrecy fails with a chance of at most 2^-b; None if surely not.

    It is the sum of the chances that anybody's secrets can be opened by corrupt neighbours, and
    that those who are honest and there fall apart into parts whose sums would show.
    """
    others = people.members - 1
    degree = min(degree, others)
    ways = sum(
        found for count, found in _downwards(others, people.corrupt, degree) if count >= threshold
    )
    chance = Fraction(people.members * ways, comb(others, degree))
    if degree < others:
        lost = Fraction(people.corrupt + people.missing, people.members)
        chance += people.members * lost ** (degree // 2)
    return _bits(chance) if chance else None


def _bits(chance: Fraction) -> int:
    bits = max(0, chance.denominator.bit_length() - chance.numerator.bit_length() - 1)
    while chance * 2 ** (bits + 1) <= 1:
        bits += 1
    return bits


def _does(people: Population, degree: int, threshold: int, secrecy: int) -> bool:
    """Return whether a graph stays connected, and whether it can be opened."""
    lost = Fraction(people.corrupt + people.missing, people.members)
    if people.members**2 * lost**degree * 4**secrecy > 1 or threshold > degree:
        return False
    others = people.members - 1
    marked = _downwards(others, max(0, others - people.missing), degree)
    ways = sum(found for count, found in marked if count < threshold)
    return ways * (people.members << CORRECTNESS) <= comb(others, degree)


def _downwards(whole: int, marked: int, drawn: int) -> list[tuple[int, int]]:
    """Return the ways to draw so many marked ones of a whole, from the most marked downwards."""
    most, least = min(marked, drawn), max(0, drawn - (whole - marked))
    count, ways = most, comb(marked, most) * comb(whole - marked, drawn - most)
    found = []
    while count >= least:
        found.append((count, ways))
        rest = whole - marked - drawn + count
        ways = ways * count * rest // ((marked - count + 1) * (drawn - count + 1))
        count -= 1
    return found
