"""The geometric median: the point with the least sum of distances, by the smoothed Weiszfeld step.

Pillutla, Kakade and Harchaoui, "Robust Aggregation for Federated Learning", IEEE Transactions on
Signal Processing 2022 (RFA), algorithm 2. The point stays a weighted mean of the rows, so only
its weights are calculated, in fixed point, from inner products.
"""

from __future__ import annotations

from collegium.learning.aggregation._internal.integers import (
    FRACTION,
    Integers,
    integers,
    product,
    roots,
)
from collegium.learning.aggregation.robust import MAJORITY, Robust
from collegium.learning.aggregation.rows import RowRule, UpdateRows
from collegium.learning.aggregation.rule import Aggregate

STEPS = 32
"""Weiszfeld steps, always as many: a test of convergence could fall differently somewhere."""


def squared_distances_to_mean(gram: Integers, weights: Integers) -> Integers:
    """Return, for each row, the squared distance to a weighted mean times (sum of weights)^2."""
    total = weights.sum()
    with_mean = product(gram, weights)
    found: Integers = (
        total**2 * gram.diagonal() - 2 * total * with_mean + (weights * with_mean).sum()
    )
    return found


def median_weights(gram: Integers, smoothing: int) -> Integers:
    """Return weights whose weighted mean of the rows is near their geometric median.

    Args:
        gram: the rows' inner products.
        smoothing: distances below it count as if they were that large; in the rows' units.
    """
    weights = integers([(1 << FRACTION) // len(gram)] * len(gram))
    for _ in range(STEPS):
        least = smoothing * int(weights.sum())
        far = roots(squared_distances_to_mean(gram, weights).tolist())
        far = integers(max(one, least) for one in far.tolist())
        inverse = (max(far.tolist()) << FRACTION) // far
        weights = (inverse << FRACTION) // inverse.sum()
    return weights


def _geometric_median(rows: UpdateRows, tolerate: int) -> Aggregate:
    # The smoothing is one unit of the encoding: below it distances are rounding.
    weights = median_weights(rows.gram, rows.denominator)
    return rows.combination(weights.tolist(), int(weights.sum()))


GEOMETRIC_MEDIAN: RowRule = Robust(
    "geometric_median@1", "the point with the least sum of distances (RFA); n >= 2f + 1",
    MAJORITY, _geometric_median,
)  # fmt: skip
