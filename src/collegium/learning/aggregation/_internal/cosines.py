"""Cosines between vectors, in fixed point, from their inner products."""

from __future__ import annotations

from math import isqrt

from collegium.learning.aggregation._internal.integers import FRACTION, Integers


def cosine_matrix(gram: Integers) -> list[list[int]]:
    """Return all cosines times 2^40, rounded down; a vector of zeros has 0 with every other."""
    squares = [int(one) for one in gram.diagonal()]
    return [
        [
            (inner << 2 * FRACTION) // max(isqrt(squares[i] * squares[j] << 2 * FRACTION), 1)
            for j, inner in enumerate(row)
        ]
        for i, row in enumerate(gram.tolist())
    ]
