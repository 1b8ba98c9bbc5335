"""SMEA: the mean of the n - f updates whose greatest variance in any direction is the smallest.

Allouah, Guerraoui, Gupta, Pinot and Stephan, "On the Privacy-Robustness-Utility Trilemma in
Distributed Learning", ICML 2023, section 4 (smallest maximum eigenvalue averaging). Every subset's
leading eigenvalue is found by the same number of power iterations from the same start, all subsets
of a chunk at once. Matrix products are of integers and exact; the rest is float64 element by
element in a fixed order, and so the same everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, islice

import numpy as np
from numpy.typing import NDArray

from collegium.learning.aggregation._internal.gram import centered
from collegium.learning.aggregation._internal.integers import Integers, shortened
from collegium.learning.aggregation._internal.spectrum import STEPS, start
from collegium.learning.aggregation.robust import MAJORITY, Robust
from collegium.learning.aggregation.rows import RowRule, Rows
from collegium.learning.aggregation.rule import Aggregate

_KERNEL_BITS = 34
_LIMB = 17
_SUM_BITS = 62
"""Bits of the kernel, of each of its two limbs, and of what a sum of products may have."""

_CHUNK_VALUES = 1 << 19


def least_spread(gram: Integers, keys: tuple[bytes, ...], leave_out: int) -> list[int]:
    """Return the rows that are left by the subset with the smallest greatest variance.

    Subsets are counted in order of the keys of what they leave out; of equals the first one wins.
    """
    order = sorted(range(len(keys)), key=keys.__getitem__)
    kernel = shortened(centered(gram)[order][:, order], _KERNEL_BITS)
    low = (kernel & ((1 << _LIMB) - 1)).astype(np.float64)
    high = (kernel >> _LIMB).astype(np.float64)
    first = shortened(start([keys[row] for row in order]), _vector_bits(len(keys)))
    best, without = np.inf, tuple[int, ...]()
    for out in _chunks(len(keys), leave_out):
        masks = np.ones((len(keys), len(out)), np.int64)
        for column in out.T:
            masks[column, np.arange(len(out))] = 0
        spread = _leading_eigenvalues(high, low, masks, first.astype(np.int64))
        place = int(np.argmin(spread))
        if spread[place] < best:
            best, without = float(spread[place]), tuple(out[place].tolist())
    return [order[place] for place in range(len(keys)) if place not in without]


def _chunks(count: int, leave_out: int) -> Iterator[NDArray[np.intp]]:
    """Yield the subsets to leave out, [chunk, leave_out], in order."""
    every = combinations(range(count), leave_out)
    while chunk := list(islice(every, max(_CHUNK_VALUES // count, 1))):
        yield np.array(chunk, np.intp).reshape(len(chunk), leave_out)


def _leading_eigenvalues(
    high: NDArray[np.float64], low: NDArray[np.float64], masks: NDArray[np.int64],
    first: NDArray[np.int64],
) -> NDArray[np.float64]:  # fmt: skip
    """Return each subset's leading eigenvalue, up to a factor that all have in common."""
    sizes = masks.sum(axis=0)
    bits = _vector_bits(len(masks))

    def within(values: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return values less their mean over each subset, 0 outside of it."""
        inside = values * masks
        found: NDArray[np.int64] = (inside - inside.sum(axis=0) // sizes) * masks
        return found

    def applied(vectors: NDArray[np.int64]) -> NDArray[np.int64]:
        plain = vectors.astype(np.float64)
        upper, lower = (high @ plain).astype(np.int64), (low @ plain).astype(np.int64)
        return within((upper << _LIMB) + lower >> len(masks).bit_length())

    vectors = within(np.repeat(first[:, None], masks.shape[1], axis=1))
    for _ in range(STEPS):
        image = applied(vectors).astype(np.float64)
        top = np.maximum(np.abs(image).max(axis=0), 1.0)
        vectors = within(np.floor(image * ((1 << bits) / top)).astype(np.int64))
    image = applied(vectors).astype(np.float64)
    along, length = np.zeros(masks.shape[1]), np.zeros(masks.shape[1])
    for vector, moved in zip(vectors.astype(np.float64), image, strict=True):
        along += vector * moved
        length += vector * vector
    found: NDArray[np.float64] = along / np.maximum(length, 1.0)
    return found


def _vector_bits(count: int) -> int:
    """Return the bits of vectors whose products with the kernel, less a mean, have room."""
    return _SUM_BITS - _KERNEL_BITS - count.bit_length() - 1


def _smea(rows: Rows, tolerate: int) -> Aggregate:
    return rows.mean_of(least_spread(rows.gram, rows.keys, tolerate))


SMEA: RowRule = Robust(
    "smea@1", "the mean of the n - f updates with the least greatest variance; n >= 2f + 1",
    MAJORITY, _smea, tries_subsets=True,
)  # fmt: skip
