"""Matrix products in pieces so small that BLAS starts no threads of its own.

Blocks of columns are spread over threads already. A product's own threads would wait for those,
and on a busy machine that takes longer than the product.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_ONE_THREAD = 250_000
"""Most multiplications of a product that OpenBLAS leaves to the thread that asks (decision 6)."""

_ONE_THREAD_VECTOR = 9_000
"""The same for the product of a vector and a matrix."""

_NARROWEST = 64

_LOWEST = 63
"""Most rows of a symmetric product that OpenBLAS leaves to the thread that asks."""

_TILE = 48


def product_in_pieces(
    matrix: NDArray[np.floating], block: NDArray[np.floating]
) -> NDArray[np.floating]:
    """Return matrix @ block, a stack of products of some columns each, in one call."""
    rows, columns = len(matrix), block.shape[1]
    most = _ONE_THREAD if rows > 1 else _ONE_THREAD_VECTOR
    width = min(max(most // matrix.size, _NARROWEST), columns)
    whole = columns - columns % width
    made = np.empty((rows, columns), block.dtype)
    narrow = block[:, :whole].reshape(len(block), -1, width).transpose(1, 0, 2)
    np.matmul(matrix, narrow, out=made[:, :whole].reshape(rows, -1, width).transpose(1, 0, 2))
    np.matmul(matrix, block[:, whole:], out=made[:, whole:])
    return made


def inner_products(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return rows @ rows.T, tile by tile where there are many rows."""
    count = len(rows)
    if count <= _LOWEST:
        return rows @ rows.T
    made = np.empty((count, count))
    tiles = [slice(first, min(first + _TILE, count)) for first in range(0, count, _TILE)]
    for place, tile in enumerate(tiles):
        made[tile, tile] = rows[tile] @ rows[tile].T
        for other in tiles[:place]:
            made[tile, other] = _across(rows[tile], rows[other])
            made[other, tile] = made[tile, other].T
    return made


def _across(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a @ b.T as a sum of products over some columns each."""
    columns = a.shape[1]
    width = min(_ONE_THREAD // (len(a) * len(b)), columns)
    whole = columns - columns % width

    def stacked(one: NDArray[np.float64]) -> NDArray[np.float64]:
        return one[:, :whole].reshape(len(one), -1, width).transpose(1, 0, 2)

    found: NDArray[np.float64] = (stacked(a) @ stacked(b).transpose(0, 2, 1)).sum(axis=0)
    return found + a[:, whole:] @ b[:, whole:].T
