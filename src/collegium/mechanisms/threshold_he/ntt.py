"""Polynomials modulo x^N + 1 over small primes, and their values at N points: the fast transform.

Seiler, "Faster AVX2 optimized NTT multiplication for Ring-LWE lattice cryptography", ePrint
2018/039, section 2.1, describes the transform; products by constants are after Harvey, "Faster
arithmetic for number-theoretic transforms", J. Symbolic Computation 60 (2014), section 3. All is
done on whole arrays of integers, which have the same bits on every machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

UInt64 = NDArray[np.uint64]

_SHIFT = np.uint64(32)


@dataclass(frozen=True, slots=True, eq=False)
class _Constants:
    """Constant factors below a prime, and floor(factor x 2^32 / prime) for fast products."""

    factors: UInt64
    quotients: UInt64


def to_values(polynomials: UInt64, prime: int) -> UInt64:
    """Return the values of polynomials at the odd powers of a root of unity.

    With w the root that `root_of_unity` gives, value i is at w^(2 r(i) + 1), where r turns the
    log2(N) bits of i around.

    Args:
        polynomials: uint64 [N, K], each column the coefficients of a polynomial, constant first;
            below the prime, which is below 2^27 and 1 modulo 2N. N is a power of two up to 4096.
        prime: the modulus.
    """
    size, count = polynomials.shape
    table, p = _powers(prime, size), np.uint64(prime)
    values = polynomials.copy()
    room = np.empty((2, size // 2 * count), np.uint64)
    blocks = 1
    while blocks < size:  # what is below b p before a stage is below (b + 2) p after it
        parts = values.reshape(blocks, 2, -1, count)
        product, other = room.reshape(2, blocks, -1, count)
        _times(parts[:, 1], table, blocks, p, product, other)
        np.subtract(p + p, product, out=other)
        np.add(parts[:, 0], other, out=parts[:, 1])
        parts[:, 0] += product
        blocks *= 2
    values %= p
    return values


def to_polynomials(values: UInt64, prime: int) -> UInt64:
    """Return the polynomials that have given values: `to_values` undone.

    Args:
        values: uint64 [N, K], below the prime.
        prime: the modulus.
    """
    size, count = values.shape
    table, p = _inverse_powers(prime, size), np.uint64(prime)
    twice = p + p
    polynomials = values.copy()
    room = np.empty((3, size // 2 * count), np.uint64)
    blocks = size // 2
    while blocks:  # everything is below 2 p before and after a stage
        parts = polynomials.reshape(blocks, 2, -1, count)
        total, less, other = room.reshape(3, blocks, -1, count)
        np.add(parts[:, 0], parts[:, 1], out=total)
        np.subtract(twice, parts[:, 1], out=less)
        less += parts[:, 0]
        np.subtract(total, twice, out=other)
        np.minimum(total, other, out=parts[:, 0])  # below zero wraps to the top
        _times(less, table, blocks, p, total, other)
        parts[:, 1] = total
        blocks //= 2
    polynomials %= p
    polynomials *= np.uint64(pow(size, -1, prime))
    polynomials %= p
    return polynomials


def root_of_unity(prime: int, size: int) -> int:
    """Return w with w^size = -1: the least g >= 2 whose power (prime - 1) / (2 size) is one."""
    for base in range(2, prime):
        root = pow(base, (prime - 1) // (2 * size), prime)
        if pow(root, size, prime) == prime - 1:
            return root
    raise ValueError(f"{prime} has no root of that order")


def _times(
    values: UInt64, table: _Constants, blocks: int, prime: np.uint64, product: UInt64, room: UInt64
) -> None:
    """Write values x a constant of each block, modulo the prime but for once the prime too much.

    The values are below 2^32. Arrays that are used again save the system's work for new ones.
    """
    part = slice(blocks, 2 * blocks)
    np.multiply(values, table.quotients[part][:, None, None], out=room)
    room >>= _SHIFT
    room *= prime
    np.multiply(values, table.factors[part][:, None, None], out=product)
    product -= room


@lru_cache(maxsize=16)
def _powers(prime: int, size: int) -> _Constants:
    return _constants(root_of_unity(prime, size), prime, size)


@lru_cache(maxsize=16)
def _inverse_powers(prime: int, size: int) -> _Constants:
    return _constants(pow(root_of_unity(prime, size), -1, prime), prime, size)


def _constants(root: int, prime: int, size: int) -> _Constants:
    """Return root^r(i) for each i below size."""
    powers = [1]
    for _ in range(size - 1):
        powers.append(powers[-1] * root % prime)
    bits = size.bit_length() - 1
    turned = [int(f"{i:0{bits}b}"[::-1], 2) if bits else 0 for i in range(size)]
    ordered = [powers[index] for index in turned]
    return _Constants(
        np.array(ordered, np.uint64),
        np.array([(factor << 32) // prime for factor in ordered], np.uint64),
    )
