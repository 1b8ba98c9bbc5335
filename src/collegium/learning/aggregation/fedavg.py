"""Federated averaging: the mean of the updates, weighted by registered integers.

McMahan, Moore, Ramage, Hampson and Agüera y Arcas, "Communication-Efficient Learning of Deep
Networks from Decentralized Data", AISTATS 2017, algorithm 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from collegium.errors import RunError, StudyError
from collegium.learning.aggregation.rows import RowRule, UpdateRows
from collegium.learning.aggregation.rule import Aggregate, Kind
from collegium.learning.aggregation.updates import Updates
from collegium.learning.blobs import LIMIT

_BLOCK = 16384
"""Columns converted to floating point at a time, so that a block stays near the processor."""


@dataclass(frozen=True, slots=True)
class FedAvg:
    """The exact weighted sum over the sum of weights. It tolerates no bad update."""

    name: str = "fedavg@1"
    kind: Kind = "recomputed"

    def check(self, participants: int, tolerate: int) -> None:
        """Refuse a mean of nothing, and a mean that should bear bad updates."""
        if participants < 1:
            raise StudyError(
                "rule.participants",
                "fedavg has no participants",
                "the mean of no updates is undefined",
                "let at least one site take part",
            )
        if tolerate > 0:
            raise StudyError(
                "rule.tolerate",
                f"fedavg cannot tolerate {tolerate} bad updates",
                "one bad update can move a mean anywhere",
                "set aggregation.tolerate = 0, or choose a robust rule",
            )

    def aggregate(self, updates: Updates, tolerate: int) -> Aggregate:
        """Return the sum of weight x update, and the sum of weights; `tolerate` is 0."""
        if not updates.weights or min(updates.weights) < 1:
            raise _refusal("there is no update, or a weight is not positive")
        if updates.values.ndim != 2 or len(updates.weights) != len(updates.values):
            raise _refusal("updates and weights differ in number")
        total = weighted_sum(updates.values, updates.weights, updates.shifts)
        return Aggregate(total, sum(updates.weights))

    def fewest(self, tolerate: int) -> int:
        """Return 1."""
        return 1

    def reduce(self, rows: UpdateRows, tolerate: int) -> Aggregate:
        """Return the mean of rows, weighted as the participants that they stand for."""
        return rows.combination(rows.weights, sum(rows.weights))


def weighted_sum(
    values: NDArray[np.int16], weights: tuple[int, ...], shifts: tuple[int, ...] = ()
) -> NDArray[np.int64]:
    """Return the exact sum of weights[i] * values[i] * 2**shifts[i], for positive weights.

    A floating-point matrix product is exact, whatever its order of summation, as long as the sum
    of magnitudes stays within the significand. Dividing the weights by their common divisor, and
    adding up updates of each shift by themselves, keeps most studies within float32.

    Args:
        values: int16 [n, d] in ±32767.
        weights: n positive integers.
        shifts: of each update; none where all are 0.

    Returns:
        int64 [d].

    Raises:
        RunError: the sum could exceed 64 bits.
    """
    shifts = shifts or (0,) * len(weights)
    if LIMIT * sum(weights) << max(shifts) >= 2**63:
        raise _refusal("the weights are so large that the sum could exceed 64 bits")
    scaled = [weight << shift for weight, shift in zip(weights, shifts, strict=True)]
    together, apart = _exact_for(scaled), _exact_for(weights)
    if apart is None:
        exact: NDArray[np.int64] = np.einsum("n,nd->d", np.array(scaled, np.int64), values)
        return exact
    if together == apart:
        return _by_shift(values, scaled, (0,) * len(weights), together)
    return _by_shift(values, weights, shifts, apart)


def _exact_for(weights: Sequence[int]) -> type[np.floating] | None:
    """Return the smallest type in which a sum with these weights over their divisor is exact."""
    bound = LIMIT * (sum(weights) // math.gcd(*weights))
    return np.float32 if bound < 2**24 else np.float64 if bound < 2**53 else None


def _by_shift(
    values: NDArray[np.int16], weights: Sequence[int], shifts: Sequence[int],
    precision: type[np.floating],
) -> NDArray[np.int64]:  # fmt: skip
    """Return the sum, that of updates of each shift by itself."""
    divisor = math.gcd(*weights)
    order = sorted(range(len(weights)), key=shifts.__getitem__)
    reduced = np.array([weights[place] // divisor for place in order], precision)
    ordered = [shifts[place] for place in order]
    ends = [place for place in range(1, len(order)) if ordered[place] != ordered[place - 1]]
    total = np.zeros(values.shape[1], np.int64)
    block = np.empty((len(weights), min(_BLOCK, total.size)), precision)
    for first in range(0, total.size, _BLOCK):
        part = total[first : first + _BLOCK]
        columns = block[:, : part.size]
        for row, place in zip(columns, order, strict=True):
            row[...] = values[place, first : first + _BLOCK]
        for start, end in pairwise((0, *ends, len(order))):
            part += (reduced[start:end] @ columns[start:end]).astype(np.int64) << ordered[start]
    total *= divisor
    return total


def _refusal(why: str) -> RunError:
    return RunError(
        "aggregation.refused",
        "the updates cannot be aggregated",
        why,
        "check the weights that the sites registered",
    )


FEDAVG: RowRule = FedAvg()
