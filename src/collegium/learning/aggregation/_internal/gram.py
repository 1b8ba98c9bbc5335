"""The Gram matrix of updates, exact: float64 products in blocks that cannot round."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from collegium.learning.aggregation._internal.columns import each_block
from collegium.learning.aggregation._internal.integers import Integers
from collegium.learning.aggregation._internal.pieces import inner_products

MOST_COLUMNS = 1 << 22
"""Columns whose sum of products of two 16-bit integers stays within float64's 53 bits."""

_BLOCK_VALUES = 1 << 18
"""Values converted at a time, so that a block stays near the processor."""


def gram_matrix(values: NDArray[np.int16]) -> Integers:
    """Return all inner products of the rows of int16 [n, d], n x n Python integers.

    Each block's products are integers below 2^53, which float64 adds exactly in any order;
    blocks are added as integers. Good for d up to 2^33.
    """
    count, columns = values.shape
    width = min(max(_BLOCK_VALUES // count, 1024), MOST_COLUMNS)

    def work(block: slice) -> NDArray[np.int64]:
        return inner_products(values[:, block].astype(np.float64)).astype(np.int64)

    total = np.zeros((count, count), np.int64)
    for one in each_block(columns, width, work):
        total += one
    exact: Integers = total.astype(object)
    return exact


def squared_distances(gram: Integers) -> Integers:
    """Return all squared Euclidean distances between the vectors of a Gram matrix."""
    squares = np.diagonal(gram)
    found: Integers = squares[:, None] + squares[None, :] - 2 * gram
    return found


def centered(gram: Integers) -> Integers:
    """Return m^2 times the Gram matrix of m vectors less their mean."""
    count = len(gram)
    sums = gram.sum(axis=1)
    found: Integers = count**2 * gram - count * (sums[:, None] + sums[None, :]) + sums.sum()
    return found
