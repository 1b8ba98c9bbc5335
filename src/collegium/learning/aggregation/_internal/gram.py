"""The Gram matrix of updates, exact, and what follows from it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from collegium.learning.aggregation._internal.inner_products import inner_products
from collegium.learning.aggregation._internal.integers import Integers


def gram_matrix(values: NDArray[np.int16]) -> Integers:
    """Return all inner products of the rows of int16 [n, d], n x n Python integers.

    Each block's products are integers below 2^53, which float64 adds exactly in any order;
    blocks are added as integers. Good for d up to 2^33.
    """
    total = np.zeros((len(values), len(values)), np.int64)
    for one in inner_products(values):
        total += one.astype(np.int64)
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
