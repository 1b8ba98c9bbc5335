"""CAF: weigh down what lies out along the direction of most variance, until enough is gone.

Allouah, Guerraoui and Stephan, "Towards Trustworthy Federated Learning with Untrusted
Participants", ICML 2025 (covariance bound-agnostic filter). Of all weighted means on the way, the
one with the smallest leading eigenvalue is the result. Each step takes the last of its weight from
one row at least, so there are fewer steps than rows.
"""

from __future__ import annotations

from fractions import Fraction

from collegium.learning.aggregation._internal.integers import ONE, Integers, integers, product
from collegium.learning.aggregation._internal.spectrum import leading_direction, start
from collegium.learning.aggregation.robust import MAJORITY, Robust
from collegium.learning.aggregation.rows import RowRule, UpdateRows
from collegium.learning.aggregation.rule import Aggregate


def filtered_weights(gram: Integers, keys: tuple[bytes, ...], tolerate: int) -> Integers:
    """Return the rows' weights with 40 fractional bits; each is at most 1."""
    first = start(keys)
    weights = best = integers([ONE] * len(keys))
    least: Fraction | None = None
    while weights.sum() > (len(keys) - 2 * tolerate) * ONE:
        total = weights.sum()
        with_mean = product(gram, weights)
        kernel = (
            total**2 * gram
            - total * (with_mean[:, None] + with_mean[None, :])
            + (weights * with_mean).sum()
        )
        direction = leading_direction(kernel, first, weights)
        along = product(kernel, direction)
        length = (direction * along).sum()
        if length == 0:
            return weights  # nothing varies any more
        squares = along * along
        spread = Fraction(int((weights * squares).sum()), int(total**3 * length))
        if least is None or spread < least:
            least, best = spread, weights
        # Only rows that still count: one that is gone may lie farther, and nothing would shrink.
        farthest = max(int(one) for one in squares[weights > 0])
        if farthest == 0:
            return weights
        weights = weights * (farthest - squares) // farthest
    return best


def _caf(rows: UpdateRows, tolerate: int) -> Aggregate:
    weights = filtered_weights(rows.gram, rows.keys, tolerate)
    return rows.combination(weights.tolist(), int(weights.sum()))


CAF: RowRule = Robust(
    "caf@1", "a mean that weighs down what varies most; n >= 2f + 1", MAJORITY, _caf
)
