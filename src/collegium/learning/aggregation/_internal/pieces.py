"""Matrix products in pieces so small that BLAS starts no threads of its own.

Blocks of columns are spread over threads already. A product's own threads would wait for those,
and on a busy machine that takes longer than the product.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ONE_THREAD = 250_000
"""Most multiplications of a product that OpenBLAS leaves to the thread that asks (decision 6)."""

_ONE_THREAD_VECTOR = 9_000
"""The same for the product of a vector and a matrix."""

_NARROWEST = 64


def product_in_pieces(
    matrix: NDArray[np.floating], block: NDArray[np.floating]
) -> NDArray[np.floating]:
    """Return matrix @ block, a stack of products of some columns each, in one call."""
    rows, columns = len(matrix), block.shape[1]
    most = ONE_THREAD if rows > 1 else _ONE_THREAD_VECTOR
    width = min(max(most // matrix.size, _NARROWEST), columns)
    whole = columns - columns % width
    made = np.empty((rows, columns), block.dtype)
    narrow = block[:, :whole].reshape(len(block), -1, width).transpose(1, 0, 2)
    np.matmul(matrix, narrow, out=made[:, :whole].reshape(rows, -1, width).transpose(1, 0, 2))
    np.matmul(matrix, block[:, whole:], out=made[:, whole:])
    return made
