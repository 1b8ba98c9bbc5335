"""Pedersen commitments to integer vectors, which add up as the vectors do; docs/spec page 17.

T. P. Pedersen, "Non-Interactive and Information-Theoretic Secure Verifiable Secret Sharing",
CRYPTO 1991, over the prime-order subgroup of edwards25519. Several coordinates share a scalar:
an integer in the ring's range is one digit of it, in base 2^ring, and sums have no carry over
2^252, so what adds up as integers adds up as scalars (docs/decisions/0074).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from hashlib import sha256

import numpy as np
from nacl import bindings
from numpy.typing import NDArray

from collegium.ledger.hashing import tag, u64

ORDER = 2**252 + 27742317777372353535851937790883648493
"""L, the order of the group."""

LIMBS = 16
"""Coordinates of 16 bits that carry a blinding factor within a masked vector."""

IDENTITY = b"\1" + bytes(31)


def commitment(values: NDArray[np.int64], ring: int, blinding: int) -> bytes:
    """Return a commitment to a vector: 32 bytes, an encoded point.

    Args:
        values: int64 [m], each of less than `ring` bits with its sign.
        ring: 32 or 64.
        blinding: a scalar; uniform and secret, it hides the vector whatever that is.
    """
    total = _times(blinding, _generator(0))
    for place, scalar in enumerate(_scalars(values, ring), 1):
        total = bindings.crypto_core_ed25519_add(total, _times(scalar, _generator(place)))
    return total


def product(commitments: Iterable[bytes]) -> bytes:
    """Return the commitment to the sum of what is committed to, under the sum of the blindings."""
    total = IDENTITY
    for one in commitments:
        total = bindings.crypto_core_ed25519_add(total, one)
    return total


def blinding_limbs(blinding: int) -> NDArray[np.uint16]:
    """Return a blinding factor as it is masked: 16 limbs of 16 bits, the lowest first."""
    return np.frombuffer(blinding.to_bytes(2 * LIMBS, "little"), "<u2")


def blinding_of(limbs: NDArray[np.int64], updates: int) -> int | None:
    """Return the sum of blinding factors from that of their limbs; None if none have it."""
    if limbs.min() < 0 or limbs.max() > 0xFFFF * updates:
        return None
    return sum(int(limb) << 16 * place for place, limb in enumerate(limbs)) % ORDER


def scalars_of(coordinates: int, ring: int) -> int:
    """Return how many scalars so many coordinates have."""
    return -(-coordinates // _room(ring))


def _room(ring: int) -> int:
    """Return how many coordinates share a scalar."""
    return 251 // ring


def _scalars(values: NDArray[np.int64], ring: int) -> Iterator[int]:
    """Yield scalars, each of the signed digits of as many coordinates as have room."""
    room = _room(ring)
    for first in range(0, values.size, room):
        digits = values[first : first + room].tolist()
        yield sum(digit << ring * place for place, digit in enumerate(digits)) % ORDER


def _times(scalar: int, point: bytes) -> bytes:
    scalar %= ORDER
    if scalar == 0:
        return IDENTITY
    return bindings.crypto_scalarmult_ed25519_noclamp(scalar.to_bytes(32, "little"), point)


@lru_cache(maxsize=1 << 18)
def _generator(number: int) -> bytes:
    """Return a point of which nobody knows the logarithm; number 0 carries the blinding.

    Eight times the first of a row of hashes that encodes a point of the curve.
    """
    attempt = 0
    while True:
        point = sha256(tag("pedersen-generator") + u64(number) + u64(attempt)).digest()
        attempt += 1
        try:
            for _ in range(3):
                point = bindings.crypto_core_ed25519_add(point, point)
        except RuntimeError:
            continue
        if point != IDENTITY:
            return point
