"""Sums of what a rule chooses in each column of updates that have shifts, mostly in 16 bits.

A network of compare-exchange steps takes twice as long in 32 bits as in 16. Cutting a column's
values off at both ends changes no order, so what is chosen is right wherever all of it lies between
the ends. Where something does not, that column is chosen from again in 32 bits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from collegium.learning.aggregation._internal.columns import each_block
from collegium.learning.blobs import LIMIT

Block = NDArray[np.signedinteger]
"""Rows of some columns, int16, int32 or int64 [m, w]."""

Total = NDArray[np.int64]

Choose = Callable[[Block], list[Block]]
"""Returns, as rows, what is added up of each column of a block, which it may spend.

It goes by the order of values, and by their nearness to a median that is among the chosen.
"""

_MANY = 8
"""If more than one column in as many is beyond 16 bits, these are not tried any more."""

_NONE = np.empty(0, np.intp)


class ShiftedColumns:
    """Updates ``values[i] << shifts[i]``, of which a rule chooses in each column.

    Args:
        values: int16 [n, d] in ±32767.
        shifts: n integers of 0 to 16.
    """

    def __init__(self, values: NDArray[np.int16], shifts: Sequence[int]) -> None:
        self._values = values
        self._base = min(shifts)
        self._shifts = [shift - self._base for shift in shifts]
        self._end = min((LIMIT >> shift) << shift for shift in self._shifts)

    def sums(self, choose: Choose, width: int) -> Total:
        """Return the sums of what is chosen, int64 [d]; `width` columns are worked on at a time."""
        total: Total = np.empty(self._values.shape[1], np.int64)
        narrow = self._end > 0

        def work(block: slice) -> NDArray[np.intp]:
            nonlocal narrow
            values, part = self._values[:, block], total[block]
            if narrow:
                chosen = choose(self._cut_off(values))
                part[...] = added(chosen)
                again = self._beyond(chosen) if any(self._shifts) else _NONE
                if again.size * _MANY <= part.size:
                    again += block.start
                    return again
                # Other threads may see this later: what they do till then is right too.
                narrow = False
            part[...] = added(choose(self._wide(values)))
            return _NONE

        again = np.concatenate([_NONE, *each_block(total.size, width, work)])
        if again.size:
            total[again] = added(choose(self._wide(self._values[:, again])))
        if self._base:
            total <<= self._base
        return total

    def _beyond(self, chosen: Sequence[Block]) -> NDArray[np.intp]:
        """Return the columns of which something is chosen that may have been cut off."""
        low, high = reduce(np.minimum, chosen), reduce(np.maximum, chosen)
        return np.flatnonzero((low <= -self._end) | (high >= self._end))

    def _cut_off(self, block: NDArray[np.int16]) -> Block:
        """Return values of 16 bits, which are those of the updates between the ends."""
        found = np.empty_like(block)
        for row, values, shift in zip(found, block, self._shifts, strict=True):
            if shift:
                np.clip(values, -(LIMIT >> shift), LIMIT >> shift, out=row)
                row *= 1 << shift
            else:
                row[...] = values
        return found

    def _wide(self, values: NDArray[np.int16]) -> Block:
        found = values.astype(np.int32)
        for row, shift in zip(found, self._shifts, strict=True):
            row <<= shift
        return found


def added(rows: Sequence[Block]) -> Block:
    """Return the sum of rows of integers, in a type that has room for it."""
    found = widened(rows[0], len(rows))
    for row in rows[1:]:
        found += row
    return found


def widened(row: Block, terms: int) -> Block:
    """Return a row in a type in which as many of its kind can be added."""
    small = row.dtype == np.int16 and terms < 1 << 16
    return row.astype(np.int32) if small else row.astype(np.int64)
