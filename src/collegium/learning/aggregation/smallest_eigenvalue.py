"""SMEA: the mean of the n - f updates whose greatest variance in any direction is the smallest.

Allouah, Guerraoui, Gupta, Pinot and Stephan, "On the Privacy-Robustness-Utility Trilemma in
Distributed Learning", ICML 2023 (smallest maximum eigenvalue averaging). Every subset's leading
eigenvalue is found by the same number of power iterations from the same start, many subsets at
once. Numbers are integers held in float64, small enough for every sum to be exact; what is left
is element by element in a fixed order, and so the same everywhere.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from collegium.learning.aggregation._internal.columns import each_block
from collegium.learning.aggregation._internal.gram import centered
from collegium.learning.aggregation._internal.integers import Integers, shortened
from collegium.learning.aggregation._internal.pieces import product_in_pieces
from collegium.learning.aggregation._internal.spectrum import STEPS, start
from collegium.learning.aggregation.robust import MAJORITY, Robust
from collegium.learning.aggregation.rows import RowRule, UpdateRows
from collegium.learning.aggregation.rule import Aggregate

Vector = NDArray[np.float64]

KERNEL_BITS = 28
_EXACT_BITS = 53
_BLOCK_VALUES = 1 << 15


def vector_bits(count: int) -> int:
    """Return the bits of vectors for which sums of `count` products with the kernel are exact."""
    return _EXACT_BITS - KERNEL_BITS - count.bit_length() - 1


def least_spread(gram: Integers, keys: tuple[bytes, ...], leave_out: int) -> list[int]:
    """Return the rows that are left by the subset with the smallest greatest variance.

    Subsets are counted in order of the keys of what they leave out; of equals the first one wins.
    """
    count = len(keys)
    order = sorted(range(count), key=keys.__getitem__)
    kernel = shortened(centered(gram)[order][:, order], KERNEL_BITS).astype(np.float64)
    first = shortened(start([keys[row] for row in order]), vector_bits(count)).astype(np.float64)
    subsets = list(combinations(range(count), leave_out))
    out = np.array(subsets, np.intp).reshape(len(subsets), leave_out)
    spreads = each_block(
        len(subsets),
        max(_BLOCK_VALUES // count, 1),
        lambda block: _leading_eigenvalues(kernel, _masks(out[block], count), first),
    )
    without = subsets[int(np.argmin(np.concatenate(spreads)))]
    return sorted(order[place] for place in range(count) if place not in without)


def _masks(out: NDArray[np.intp], count: int) -> Vector:
    """Return 1 where a row is in a subset and 0 where it is left out, [count, subsets]."""
    masks = np.ones((count, len(out)))
    for column in out.T:
        masks[column, np.arange(len(out))] = 0
    return masks


def _leading_eigenvalues(kernel: Vector, masks: Vector, first: Vector) -> Vector:
    """Return each subset's leading eigenvalue, up to a factor that all have in common."""
    count = len(masks)
    size = masks[:, 0].sum()
    full = float(1 << vector_bits(count) - 1)
    room = 2.0 ** -count.bit_length()

    def within(values: Vector) -> Vector:
        """Return values less their mean over each subset, 0 outside of it."""
        values *= masks
        values -= np.floor(values.sum(axis=0) / size)
        values *= masks
        return values

    def applied(vectors: Vector) -> Vector:
        return within(np.floor(product_in_pieces(kernel, vectors) * room))

    vectors = within(np.repeat(first[:, None], masks.shape[1], axis=1))
    for _ in range(STEPS):
        image = applied(vectors)
        longest = np.maximum(np.abs(image).max(axis=0), 1.0)
        vectors = within(np.floor(image * (full / longest)))
    image = applied(vectors)
    along, length = np.zeros(masks.shape[1]), np.zeros(masks.shape[1])
    for vector, moved in zip(vectors, image, strict=True):
        along += vector * moved
        length += vector * vector
    found: Vector = along / np.maximum(length, 1.0)
    return found


def _smea(rows: UpdateRows, tolerate: int) -> Aggregate:
    return rows.mean_of(least_spread(rows.gram, rows.keys, tolerate))


SMEA: RowRule = Robust(
    "smea@1",
    "the mean of the n - f updates with the least greatest variance; n >= 2f + 1",
    MAJORITY,
    _smea,
    tries_subsets=True,
)
