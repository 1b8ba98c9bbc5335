"""How far updates reach beyond 16 bits, and the exponent of a study's next round.

From contract 2 on an update is told in steps of 2**s units of its round's encoding, with the least
s that holds it, up to the round's *room*: whoever moves farther than most tells it more coarsely,
and is not cut off (docs/decisions/0146). The exponent goes by what most updates need.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

SMALL_PEAK = 8192
LARGEST_UPDATE = 32767
"""The largest magnitude of an update's integers."""

SMALLEST_EXPONENT, LARGEST_EXPONENT = -8, 30

MOST_ROOM, LEAST_ROOM = 8, 3
"""Bits beyond 16: as many as a sum of 32 bits has place for, where that is at least the least."""


def room_of(weights: Iterable[int], contract: int) -> int:
    """Return how many bits beyond 16 a round's updates may take, given its weights."""
    if contract < 2:
        return 0
    fits = (2**31 - 1) // (LARGEST_UPDATE * reduced_total(weights))
    room = min(fits.bit_length() - 1, MOST_ROOM)
    return room if room >= LEAST_ROOM else MOST_ROOM


def reduced_total(weights: Iterable[int]) -> int:
    """Return the sum of weights over their greatest common divisor, which sums leave out."""
    known = tuple(weights)
    return sum(known) // math.gcd(*known)


def divisor_of(weights: Iterable[int], room: int) -> int:
    """Return what a round's weights are divided by before updates enter a sum: 1 without room."""
    return math.gcd(*weights) if room else 1


def aim_of(room: int) -> int:
    """Return how many of these bits most updates take: a quarter, so that small ones are exact."""
    return room // 4


def indicated(
    contract: int, room: int, peak: int, saturated: int, parameters: int
) -> tuple[bool, bool]:
    """Return whether an update asks for a coarser encoding, and whether for a finer one.

    Args:
        contract: version of the rules.
        room: of the round, 0 in contract 1.
        peak: its largest magnitude, in units of the round's encoding.
        saturated: how many of its coordinates are at the range's end.
        parameters: how many it has.
    """
    if contract < 2:
        return saturated * 1000 > parameters, peak < SMALL_PEAK
    return peak >= LARGEST_UPDATE << aim_of(room), peak < SMALL_PEAK << aim_of(room)


def first_exponent(registered: int, room: int) -> int:
    """Return the exponent of a study's first round: what is registered fits in any case."""
    return min(registered + room, max(registered, LARGEST_EXPONENT))


def next_exponent(exponent: int, room: int, updates: int, coarser: int, finer: int) -> int:
    """Return the exponent after a round of so many updates, of which some ask for another one.

    More than half ask for a coarser one: one less. More than half ask for a finer one, the lower
    half of an even number not counting: one more, or two where nothing is cut off by that.
    """
    if 2 * coarser > updates:
        return max(exponent - 1, SMALLEST_EXPONENT)
    if finer > updates // 2:
        return min(exponent + (2 if room else 1), LARGEST_EXPONENT)
    return exponent
