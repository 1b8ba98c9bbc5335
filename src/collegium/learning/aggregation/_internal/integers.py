"""Exact products of small matrices of integers of any size, and square roots in integers.

What follows on a Gram matrix is done in Python's integers, held in object arrays: nothing is
rounded, so nothing depends on an order of summation. Products of larger matrices go through
float64, cut into limbs so short that every sum stays exact.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.object_]
"""Python integers, in one or two dimensions."""

FRACTION = 40
"""Fractional bits of whatever is no integer by nature: weights, cosines, directions."""

ONE = 1 << FRACTION
"""The number 1 in fixed point."""

_LIMB = 20
"""Bits of a limb: products of two, summed over up to 2^13, stay within float64's 53 bits."""

_LONGEST = 1 << 13
_SMALL = 1 << 12
"""Multiplications up to which Python alone is faster."""


def integers(values: Iterable[Any]) -> Integers:
    """Return values, or rows of values, as Python integers in an array."""
    made: Integers = np.array(
        [one.tolist() if isinstance(one, np.ndarray) else one for one in values], dtype=object
    )
    return made


def product(a: Integers, b: Integers) -> Integers:
    """Return the exact matrix product a @ b; either may be a vector.

    Raises:
        OverflowError: the sums have more than 8192 terms.
    """
    terms = a.shape[-1]
    if terms > _LONGEST:
        raise OverflowError(terms)
    if a.size * (b.shape[1] if b.ndim > 1 else 1) <= _SMALL:
        small: Integers = a @ b
        return small
    by_shift: dict[int, NDArray[np.int64]] = {}
    for i, left in enumerate(_limbs(a)):
        for j, right in enumerate(_limbs(b)):
            part = (left @ right).astype(np.int64)
            found = by_shift.get(i + j)
            by_shift[i + j] = part if found is None else found + part
    total = np.zeros(by_shift[0].shape, object)
    for shift, part in by_shift.items():
        total += part.astype(object) * (1 << _LIMB * shift)
    return total


def _limbs(values: Integers) -> list[NDArray[np.float64]]:
    """Return limbs whose sum of limb[i] * 2^(20 i) is the values; the last one has the sign."""
    limbs = []
    while max(magnitude(values), 1) >> _LIMB:
        limbs.append((values & ((1 << _LIMB) - 1)).astype(np.float64))
        values = values >> _LIMB
    limbs.append(values.astype(np.float64))
    return limbs


def magnitude(values: Integers) -> int:
    """Return the largest absolute value; 0 of nothing."""
    return max((abs(one) for one in values.ravel().tolist()), default=0)


def roots(values: Iterable[int]) -> Integers:
    """Return floor(sqrt(v)) of each value that is not negative."""
    return integers(math.isqrt(one) for one in values)


def shortened(values: Integers, bits: int) -> Integers:
    """Return values shifted alike, rounding down, so that the largest has `bits` bits."""
    by = magnitude(values).bit_length() - bits
    shifted: Integers = values >> by if by >= 0 else values << -by
    return shifted


def logarithm(value: int) -> int:
    """Return floor(log2(value) * 2^40) for a positive integer, by repeated squaring.

    The mantissa is held with 60 bits, rounded down at each of the 40 squarings.
    """
    if value < 1:
        raise ValueError(value)
    whole = value.bit_length() - 1
    mantissa = value << 60 >> whole
    bits = 0
    for _ in range(FRACTION):
        mantissa = mantissa * mantissa >> 60
        bit = mantissa >> 61
        mantissa >>= bit
        bits = bits << 1 | bit
    return whole << FRACTION | bits
