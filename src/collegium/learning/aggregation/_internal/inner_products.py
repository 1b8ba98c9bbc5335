"""Inner products of rows of 16-bit integers, in floating point, on one thread.

Blocks of columns are spread over threads already, so BLAS must start none of its own, nor wait for
the lock that its threads share: on two cores that made a Gram matrix take as long as on one
(decision 86). So every product is smaller than what BLAS leaves to the thread that asks. For the
interpreter's own lock there are few calls, and nothing is allocated between them.

Few rows are multiplied as they lie. Many are turned first, some columns at a time, since BLAS
multiplies factors faster whose columns come first.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from collegium.learning.aggregation._internal.pieces import ONE_THREAD

MOST_COLUMNS = 1 << 22
"""Columns whose sum of products of two 16-bit integers stays within float64's 53 bits."""

_MANY = 32
"""Rows from which they are turned."""

_DEEP = 104
"""Columns of one product of turned rows."""

_STACK = 20
"""Such products in one call, at most."""

_WIDE = 32
_TALL = 72
"""Rows of the right and of the left factor; `_WIDE` * `_TALL` * `_DEEP` multiplications."""

_TILE_VALUES = 1 << 17

_BLOCK_TILES = 40

_Stack = NDArray[np.float64]
"""[stack, rows, columns]."""


def block_width(count: int) -> int:
    """Return how many columns of so many rows are one thread's work."""
    if count < _MANY:
        return max((1 << 18) // count, 1024)
    return _BLOCK_TILES * _tile_width(count)


def _tile_width(count: int) -> int:
    return min(max(_TILE_VALUES // (count * _DEEP), 1), _STACK) * _DEEP


def inner_products(values: NDArray[np.int16]) -> NDArray[np.float64]:
    """Return the inner products of the rows of int16 [n, w], w <= 2^22, exact, float64 [n, n]."""
    if len(values) >= _MANY:
        return _of_many(values)
    rows = values.astype(np.float64)
    count, columns = rows.shape
    deep = ONE_THREAD // count**2
    whole = columns - columns % deep
    stack, rest = rows[:, :whole].reshape(count, -1, deep).transpose(1, 0, 2), rows[:, whole:]
    found: NDArray[np.float64] = (stack @ stack.transpose(0, 2, 1)).sum(axis=0)
    return found + rest @ rest.T


def _of_many(values: NDArray[np.int16]) -> NDArray[np.float64]:
    """Return the same by tiles, each of as many columns as stay near the processor."""
    count, columns = values.shape
    width = _tile_width(count)
    turned = np.empty((width, count), np.int16)
    tile = np.empty((width, count))
    made = np.zeros((width // _DEEP, count, count))
    products = list(_lower_products(tile.reshape(-1, _DEEP, count), made))
    sums = np.zeros((-(-columns // width), count, count))
    for place, first in enumerate(range(0, columns, width)):
        part = values[:, first : first + width].T
        np.copyto(turned[: len(part)], part)
        if len(part) < width:
            turned[len(part) :] = 0
        np.copyto(tile, turned)
        for left, right, found in products:
            np.matmul(left, right, out=found)
        np.add.reduce(made, axis=0, out=sums[place])
    total = sums.sum(axis=0)
    whole: NDArray[np.float64] = np.where(np.tri(count, dtype=bool), total, total.T)
    return whole


def _lower_products(stack: _Stack, made: _Stack) -> Iterator[tuple[_Stack, _Stack, _Stack]]:
    """Yield factors, and where their products go: together all on and below the diagonal."""
    count = stack.shape[2]
    for right in range(0, count, _WIDE):
        for left in range(right, count, _TALL):
            rows, others = slice(left, left + _TALL), slice(right, right + _WIDE)
            yield stack[:, :, rows].transpose(0, 2, 1), stack[:, :, others], made[:, rows, others]
