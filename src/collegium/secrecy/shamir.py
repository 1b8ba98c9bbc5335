"""Shamir's secret sharing over the integers modulo 2^255 - 19; docs/spec page 13.

Shamir, "How to Share a Secret", Communications of the ACM 22(11), 1979. A secret is the value at 0
of a polynomial of degree t - 1, holder x has its value at x: t shares give the secret, t - 1 leave
every secret equally likely.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import prod

PRIME = 2**255 - 19
ELEMENT_SIZE = 32


def to_element(data: bytes) -> int | None:
    """Return the field element that 32 little-endian bytes hold, or None where they hold none."""
    value = int.from_bytes(data, "little")
    return value if len(data) == ELEMENT_SIZE and value < PRIME else None


def from_element(value: int) -> bytes:
    """Return a field element as 32 little-endian bytes."""
    return value.to_bytes(ELEMENT_SIZE, "little")


def split(secret: int, coefficients: Sequence[int], holders: int) -> list[int]:
    """Return the shares of holders 1 to `holders`.

    Args:
        secret: a field element.
        coefficients: t - 1 field elements that are as secret as the secret itself.
        holders: how many shares to make, at least t.
    """
    shares = []
    for x in range(1, holders + 1):
        value = 0
        for coefficient in reversed(coefficients):
            value = (value + coefficient) * x % PRIME
        shares.append((value + secret) % PRIME)
    return shares


def combine(holders: tuple[int, ...], shares: Sequence[int]) -> int:
    """Return the secret behind exactly t shares.

    Args:
        holders: t different holders, counted from 1.
        shares: their shares, in the same order.
    """
    weights = _weights_at_zero(holders)
    return sum(weight * share for weight, share in zip(weights, shares, strict=True)) % PRIME


@lru_cache(maxsize=64)
def _weights_at_zero(holders: tuple[int, ...]) -> tuple[int, ...]:
    """Return Lagrange's weights for the value at 0; secrets with the same holders share them."""
    whole = prod(holders)
    below = [x * prod(other - x for other in holders if other != x) % PRIME for x in holders]
    return tuple(whole * inverse % PRIME for inverse in _inverses(below))


def _inverses(values: Sequence[int]) -> list[int]:
    """Return the inverses of all values, at the price of one inversion (Montgomery 1987)."""
    before = [1]
    for value in values:
        before.append(before[-1] * value % PRIME)
    left, found = pow(before.pop(), -1, PRIME), []
    for value, product in zip(reversed(values), reversed(before), strict=True):
        found.append(left * product % PRIME)
        left = left * value % PRIME
    return found[::-1]
