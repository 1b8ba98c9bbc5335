"""The direction in which vectors vary most, by power iteration on inner products in fixed point."""

from __future__ import annotations

from collections.abc import Sequence

from collegium.learning.aggregation._internal.integers import (
    FRACTION,
    Integers,
    integers,
    product,
    shortened,
)

STEPS = 64
"""Power iterations, always as many: where two directions vary alike, either will do."""


def start(keys: Sequence[bytes]) -> Integers:
    """Return the fixed start of the iteration: 40 bits of each key, with a sign."""
    half = 1 << FRACTION - 1
    return integers(int.from_bytes(key[:5], "big") - half for key in keys)


def leading_direction(kernel: Integers, first: Integers, weights: Integers | None) -> Integers:
    """Return coefficients of centered vectors that add up to their leading direction.

    Args:
        kernel: inner products of the centered vectors, m x m.
        first: coefficients to begin with.
        weights: of the vectors in their covariance, not negative; all alike if None.

    Returns:
        Coefficients of 40 bits; all 0 where the iteration has lost every direction.
    """
    short = shortened(kernel, FRACTION)
    found = first
    for _ in range(STEPS):
        found = product(short, found)
        if weights is not None:
            found = weights * found
        if not found.any():
            return found
        found = shortened(found, FRACTION)
    return found
