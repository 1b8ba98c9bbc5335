"""Zeno: the mean of the n - b updates that lower the loss most for their length.

C. Xie, S. Koyejo and I. Gupta, "Zeno: Distributed Stochastic Gradient Descent with Suspicion-based
Fault-tolerance", ICML 2019, definitions 1 and 2: the score of an update u is
L(w) - L(w + u) - rho |u|^2. In theirs one trusted server has the rows; here L is the median over
validators, and the length is the update's own, exact.
"""

from __future__ import annotations

from collegium.learning.aggregation._internal.order import ranked
from collegium.learning.aggregation.given_scores import GivenScores
from collegium.learning.aggregation.rows import RowRule, UpdateRows
from collegium.learning.aggregation.rule import Aggregate
from collegium.learning.aggregation.scores import Scores


def suspicion(rows: UpdateRows, scores: Scores) -> list[int]:
    """Return each row's score after the penalty, negated, in one unit for all: small is good.

    With penalty p / q and rows in units of 2^-e over a denominator D, score s in units of 2^-20:
    s - p / q * 2^20 * |row|^2 / (D^2 2^2e), times q D^2 and a power of two that makes it whole.
    """
    numerator, denominator = scores.penalty.as_integer_ratio()
    squares = [int(square) for square in rows.gram.diagonal()]
    shift = 2 * scores.exponent
    up, down = max(shift, 0), max(-shift, 0)
    scale = denominator * rows.denominator**2
    return [
        (numerator * square << 20 + down) - (score * scale << up)
        for score, square in zip(scores.values, squares, strict=True)
    ]


def _zeno(rows: UpdateRows, scores: Scores, tolerate: int) -> Aggregate:
    order = ranked(suspicion(rows, scores), rows.keys)
    return rows.mean_of(order[: rows.count - tolerate])


ZENO: RowRule = GivenScores(
    "zeno@1", "the mean of the n - f updates that lower validators' loss most for their length",
    by="loss", tolerates=True, weighs=False, reduction=_zeno,
)  # fmt: skip
