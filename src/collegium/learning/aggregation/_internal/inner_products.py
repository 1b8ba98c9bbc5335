"""Inner products of rows of 16-bit integers, in floating point, on one thread.

Blocks of columns are spread over threads already, so BLAS must start none of its own, nor wait for
the lock that its threads share: on two cores that made a Gram matrix take as long as on one
(decision 86). So every product is smaller than what BLAS leaves to the thread that asks. For the
interpreter's own lock there are few calls, and nothing is allocated between them.

A block's columns are so few that its sums stay below 2^53: nothing is rounded.

Few rows are multiplied as they lie. Many are turned first, some columns at a time, since BLAS
multiplies factors faster whose columns come first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collegium.learning.aggregation._internal.columns import each_block
from collegium.learning.aggregation._internal.pieces import ONE_THREAD

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
_FEW_VALUES = 1 << 18

_BLOCK_TILES = 40
_SUMS_VALUES = 1 << 17

_Stack = NDArray[np.float64]
"""[stack, rows, columns]."""


def inner_products(values: NDArray[np.int16]) -> list[NDArray[np.float64]]:
    """Return the inner products of the rows of int16 [n, d], float64 [n, n] for each block.

    A block's are exact, as it has far fewer than 2^22 columns; blocks' together are the rows'.
    """
    count, columns = values.shape
    if count >= _MANY:
        return _turned_products(values)
    deep = ONE_THREAD // count**2

    def work(block: slice) -> NDArray[np.float64]:
        rows = values[:, block].astype(np.float64)
        whole = rows.shape[1] - rows.shape[1] % deep
        stack, rest = rows[:, :whole].reshape(count, -1, deep).transpose(1, 0, 2), rows[:, whole:]
        found: NDArray[np.float64] = (stack @ stack.transpose(0, 2, 1)).sum(axis=0)
        return found + rest @ rest.T

    return each_block(columns, max(_FEW_VALUES // count, 1024), work)


def _turned_products(values: NDArray[np.int16]) -> list[NDArray[np.float64]]:
    count, columns = values.shape
    most = min(max(_TILE_VALUES // (count * _DEEP), 1), _STACK)
    width = min(most, -(-columns // _DEEP)) * _DEEP
    idle: list[_Tile] = []  # buffers that no thread has at the moment

    def work(block: slice) -> NDArray[np.float64]:
        tile = idle.pop() if idle else _Tile.empty(count, width)
        made = tile.products(values[:, block])
        idle.append(tile)
        return made

    return each_block(columns, _BLOCK_TILES * width, work)


@dataclass(frozen=True, slots=True)
class _Tile:
    """Buffers for some columns of all rows, and for their products."""

    turned: NDArray[np.int16]
    factors: NDArray[np.float64]
    made: _Stack
    sums: _Stack

    @classmethod
    def empty(cls, count: int, width: int) -> _Tile:
        kept = max(_SUMS_VALUES // count**2, 1)
        return cls(
            np.empty((width, count), np.int16), np.empty((width, count)),
            np.zeros((width // _DEEP, count, count)), np.empty((kept, count, count)),
        )  # fmt: skip

    def products(self, values: NDArray[np.int16]) -> NDArray[np.float64]:
        """Return the inner products of the rows of a block."""
        count, columns = values.shape
        width, kept = len(self.turned), len(self.sums)
        total = np.zeros((count, count))
        products = list(_lower_products(self.factors.reshape(-1, _DEEP, count), self.made))
        for place, first in enumerate(range(0, columns, width)):
            part = values[:, first : first + width].T
            np.copyto(self.turned[: len(part)], part)
            if len(part) < width:
                self.turned[len(part) :] = 0
            np.copyto(self.factors, self.turned)
            for left, right, found in products:
                np.matmul(left, right, out=found)
            np.add.reduce(self.made, axis=0, out=self.sums[place % kept])
            if first + width >= columns or place % kept == kept - 1:
                total += self.sums[: place % kept + 1].sum(axis=0)
        whole: NDArray[np.float64] = np.where(np.tri(count, dtype=bool), total, total.T)
        return whole


def _lower_products(stack: _Stack, made: _Stack) -> Iterator[tuple[_Stack, _Stack, _Stack]]:
    """Yield factors, and where their products go: together all on and below the diagonal."""
    count = stack.shape[2]
    for right in range(0, count, _WIDE):
        for left in range(right, count, _TALL):
            rows, others = slice(left, left + _TALL), slice(right, right + _WIDE)
            yield stack[:, :, rows].transpose(0, 2, 1), stack[:, :, others], made[:, rows, others]
