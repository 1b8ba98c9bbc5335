"""The vectors that robust rules reduce: recorded updates, or exact integer mixtures of them.

A pre-aggregation replaces n updates by m rows, each a mixture of updates with integer weights
over one common denominator. Rows are kept as that matrix: inner products follow from those of the
updates, a weighted mean of rows is one of updates, and a row's coordinates are made block by
block where a rule asks for them. Nothing is rounded on the way.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from collegium.learning.aggregation._internal.columns import each_block
from collegium.learning.aggregation._internal.gram import gram_matrix, squared_distances
from collegium.learning.aggregation._internal.integers import Integers, integers, product
from collegium.learning.aggregation._internal.shifted_columns import (
    Choose,
    ShiftedColumns,
    added,
)
from collegium.learning.aggregation._internal.weighing import MixingMatrix, weighted_total
from collegium.learning.aggregation.rule import Aggregate, Rule
from collegium.learning.aggregation.scores import Scores
from collegium.learning.aggregation.updates import Updates
from collegium.learning.blobs import LIMIT

WEIGHT_BITS = 46
"""Fractional bits that weights keep where their exact product with updates has no room."""

_BLOCK_VALUES = 1 << 20
_WIDEST = 1 << 15


class _Recorded:
    """The updates behind rows, with their Gram matrix once somebody has asked for it."""

    def __init__(self, values: NDArray[np.int16], shifts: tuple[int, ...] = ()) -> None:
        self.values = values
        self.shifts = shifts

    @cached_property
    def scale(self) -> Integers | None:
        """What updates are multiples of, n integers; None where all have 16 bits."""
        return integers(1 << shift for shift in self.shifts) if any(self.shifts) else None

    @cached_property
    def gram(self) -> Integers:
        found = gram_matrix(self.values)
        return found if self.scale is None else found * np.outer(self.scale, self.scale)

    def columns(self, chosen: Sequence[int] | None) -> ShiftedColumns:
        """Return all updates, or some, as a rule by columns has them."""
        shifts = self.shifts or (0,) * len(self.values)
        if chosen is None:
            return ShiftedColumns(self.values, shifts)
        return ShiftedColumns(self.values[list(chosen)], [shifts[place] for place in chosen])


class UpdateRows:
    """m integer vectors of d coordinates over one denominator.

    Attributes:
        keys: one a row, at best different; ties fall by it.
        weights: the registered weights, where each row stands for one participant; else ones.
        denominator: row i is ``vector(i) / denominator`` in units of the encoding.
        scores: of the updates that rows stand for, one each, if there are any.
    """

    def __init__(
        self, recorded: _Recorded, keys: tuple[bytes, ...], weights: tuple[int, ...],
        denominator: int = 1, mixing: Integers | None = None, scores: Scores | None = None,
    ) -> None:  # fmt: skip
        self.keys = keys
        self.weights = weights
        self.denominator = denominator
        self.scores = scores
        self._recorded = recorded
        self._mixing = mixing

    @property
    def count(self) -> int:
        """m, the number of rows."""
        return len(self.keys)

    @property
    def size(self) -> int:
        """d, the number of coordinates."""
        return int(self._recorded.values.shape[1])

    @cached_property
    def gram(self) -> Integers:
        """All inner products of the rows' integer vectors, m x m."""
        if self._mixing is None:
            return self._recorded.gram
        return product(product(self._mixing, self._recorded.gram), self._mixing.T)

    @cached_property
    def distances(self) -> Integers:
        """All squared distances between the rows' integer vectors, m x m."""
        return squared_distances(self.gram)

    def of_columns(self, columns: NDArray[np.intp]) -> UpdateRows:
        """Return the same rows with some of their coordinates only."""
        kept = np.ascontiguousarray(self._recorded.values[:, columns])
        part = _Recorded(kept, self._recorded.shifts)
        return UpdateRows(part, self.keys, self.weights, self.denominator, self._mixing)

    def mixed(
        self, matrix: Integers, denominator: int, keys: tuple[bytes, ...], weights: tuple[int, ...]
    ) -> UpdateRows:
        """Return rows ``matrix @ rows / denominator``; `keys` and `weights` are theirs."""
        mixing = matrix if self._mixing is None else product(matrix, self._mixing)
        denominator *= self.denominator
        scores = self.scores if keys == self.keys else None
        return UpdateRows(self._recorded, keys, weights, denominator, mixing, scores)

    def combination(self, weights: Sequence[int], denominator: int) -> Aggregate:
        """Return the sum of weights[i] * row i over a denominator, exact while there is room.

        Weights on the updates that leave no room in 64 bits are first rounded down to
        `WEIGHT_BITS` fractional bits, or to as many fewer as there is room for: a rule that
        lengthens updates (FLTrust) must not fail for one that is as good as nothing.
        """
        row = integers(weights)
        by_update = row if self._mixing is None else product(row, self._mixing)
        if self._recorded.scale is not None:
            by_update = by_update * self._recorded.scale
        denominator *= self.denominator
        exact, whole, bits = by_update, denominator, WEIGHT_BITS
        while LIMIT * sum(map(abs, by_update.tolist())) >= 1 << 62:
            by_update, denominator = (exact << bits) // whole, 1 << bits
            bits -= 1
        return Aggregate(weighted_total(self._recorded.values, by_update.tolist()), denominator)

    def mean_of(self, chosen: Sequence[int]) -> Aggregate:
        """Return the mean of some rows."""
        taken = set(chosen)
        weights = [int(index in taken) for index in range(self.count)]
        return self.combination(weights, len(taken))

    def by_columns(
        self, choose: Choose, denominator: int, chosen: Sequence[int] | None = None
    ) -> Aggregate:
        """Return the sum of what a rule chooses in each coordinate, over a denominator.

        Args:
            choose: is given integers [rows, w] that it may spend, int16, int32 or int64; a sum of
                what it returns must not leave 64 bits.
            denominator: of its results, besides that of the rows.
            chosen: the rows that count; all if None.
        """
        count = self.count if chosen is None else len(chosen)
        width = min(_WIDEST, max(_BLOCK_VALUES // count, 1024))
        denominator *= self.denominator
        if self._mixing is None:
            return Aggregate(self._recorded.columns(chosen).sums(choose, width), denominator)
        total = np.empty(self.size, np.int64)
        scale = 1 if self._recorded.scale is None else self._recorded.scale
        rows = self._mixing if chosen is None else self._mixing[list(chosen)]
        mixture = MixingMatrix(rows * scale)

        def work(block: slice) -> None:
            total[block] = added(choose(mixture.of(self._recorded.values[:, block])))

        each_block(self.size, width, work)
        return Aggregate(total, denominator)


def rows_of(updates: Updates) -> UpdateRows:
    """Return recorded updates as rows."""
    recorded = _Recorded(updates.values, updates.shifts)
    return UpdateRows(recorded, updates.digests, updates.weights, scores=updates.scores)


@runtime_checkable
class RowRule(Rule, Protocol):
    """A rule that reduces rows, so that pre-aggregations may stand before it."""

    def fewest(self, tolerate: int) -> int:
        """Return how many rows it needs in order to bear `tolerate` bad ones."""
        ...

    def reduce(self, rows: UpdateRows, tolerate: int) -> Aggregate:
        """Return the aggregate of rows, the same bits on every machine.

        Raises:
            RunError: the rows cannot be aggregated.
        """
        ...


class PreAggregation(Protocol):
    """What is done to updates before a rule: rows in, rows out, exact and deterministic."""

    @property
    def name(self) -> str:
        """Versioned name, such as ``nnm@1``."""
        ...

    @property
    def about(self) -> str:
        """One line on what it does."""
        ...

    def check(self, participants: int, tolerate: int) -> None:
        """Refuse numbers with which it has no meaning.

        Raises:
            StudyError: it cannot work with these numbers.
        """
        ...

    def rows_after(self, participants: int, tolerate: int, fewest: int) -> int:
        """Return how many rows it makes of as many, where what follows needs `fewest`."""
        ...

    def apply(self, rows: UpdateRows, tolerate: int, fewest: int) -> UpdateRows:
        """Return the rows that what follows works on."""
        ...
