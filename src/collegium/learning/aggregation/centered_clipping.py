"""Centered clipping: a mean of updates, each pulled to within a radius of the present center.

Karimireddy, He and Jaggi, "Learning from History for Byzantine Robust Optimization", ICML 2021,
section 4. The center starts at zero, the model that the round began with. Theirs starts where the
last round ended and its radius is given; here a round knows no other round, and the radius is the
lower median of the distances from the center, so that it needs no tuning and no majority can be
pulled along.
"""

from __future__ import annotations

from collegium.learning.aggregation._internal.integers import (
    FRACTION,
    ONE,
    Integers,
    integers,
    product,
    roots,
)
from collegium.learning.aggregation._internal.order import middle
from collegium.learning.aggregation.robust import MAJORITY, Robust
from collegium.learning.aggregation.rows import RowRule, UpdateRows
from collegium.learning.aggregation.rule import Aggregate

STEPS = 8
"""Steps of the center, always as many; half of the rows are never clipped, so few are enough."""


def center_weights(gram: Integers, steps: int = STEPS) -> Integers:
    """Return the center as weights of the rows with 40 fractional bits; zero has the rest."""
    count = len(gram)
    weights = integers([0] * count)
    for _ in range(steps):
        with_center = product(gram, weights)
        squares = (
            (gram.diagonal() << 2 * FRACTION)
            - (with_center << FRACTION + 1)
            + (weights * with_center).sum()
        )
        far = roots(squares.tolist())
        radius = middle(far.tolist())
        kept = integers(
            ONE if one <= radius else (radius << FRACTION) // one for one in far.tolist()
        )
        weights = (weights * (count * ONE - kept.sum()) + kept * ONE) // (count * ONE)
    return weights


def _centered_clipping(rows: UpdateRows, tolerate: int) -> Aggregate:
    return rows.combination(center_weights(rows.gram).tolist(), ONE)


CENTERED_CLIPPING: RowRule = Robust(
    "centered_clipping@1", "a mean of updates clipped around the present center; n >= 2f + 1",
    MAJORITY, _centered_clipping,
)  # fmt: skip
