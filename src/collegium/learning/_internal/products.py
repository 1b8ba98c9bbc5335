"""Stacked matrix products whose bits depend neither on the stack nor on the threads."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_MATRIX = 250_000
"""Most multiplications in a matrix product: OpenBLAS uses one thread below 262,144. With more
threads it cuts a product elsewhere, and many of its kernels round differently at an edge."""

_VECTOR = 9_000
"""Most multiplications in a matrix-vector product: OpenBLAS uses one thread below 9,216."""

_DEPTH = 192
"""Longest sum that is left in one piece while another side can be cut instead."""


def product(a: NDArray[np.float32], b: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    """Write the products of two stacks into a third: [s, m, k] @ [s, k, n] -> [s, m, n].

    Each item is the same sequence of BLAS calls whatever s is: large products are cut into
    pieces at places that depend on m, k and n alone.
    """
    rows, depth = a.shape[1:]
    columns = b.shape[2]
    most = _VECTOR if min(rows, columns) == 1 else _MATRIX
    if rows * depth * columns <= most:
        np.matmul(a, b, out=out)
    elif depth > max(rows, columns, _DEPTH):
        cut = _half(depth)
        product(a[:, :, :cut], b[:, :cut], out)
        rest = np.empty(out.shape, np.float32)
        product(a[:, :, cut:], b[:, cut:], rest)
        np.add(out, rest, out=out)
    elif rows > columns:
        cut = _half(rows)
        product(a[:, :cut], b, out[:, :cut])
        product(a[:, cut:], b, out[:, cut:])
    else:
        cut = _half(columns)
        product(a, b[:, :, :cut], out[:, :, :cut])
        product(a, b[:, :, cut:], out[:, :, cut:])


def _half(length: int) -> int:
    """Return about half a length: a multiple of 16 unless it is short."""
    return length // 2 if length < 48 else (length // 2 + 15) // 16 * 16
