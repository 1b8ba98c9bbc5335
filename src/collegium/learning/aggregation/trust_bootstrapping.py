"""FLTrust: updates count as far as they point where validators' own updates do, at their length.

X. Cao, M. Fang, J. Liu and N. Gong, "FLTrust: Byzantine-robust Federated Learning via Trust
Bootstrapping", NDSS 2021, section IV. In theirs one server makes the reference; here each
validator makes one, an update is trusted by the median of their cosines, and the length is the
median of their lengths. A median of ReLU(cosine) is the ReLU of the median.
"""

from __future__ import annotations

from math import isqrt

from collegium.learning.aggregation.given_scores import GivenScores
from collegium.learning.aggregation.rows import RowRule, UpdateRows
from collegium.learning.aggregation.rule import Aggregate
from collegium.learning.aggregation.scores import Scores


def _fltrust(rows: UpdateRows, scores: Scores, tolerate: int) -> Aggregate:
    """Return sum TS_i * (norm / |row_i|) * row_i / sum TS_i; nothing where nobody is trusted."""
    trust = [max(0, value) for value in scores.values]
    length = scores.norm or 0
    weights = []
    for one, square in zip(trust, rows.gram.diagonal(), strict=True):
        root = isqrt(int(square) << 40)
        weights.append((one * length * rows.denominator << 40) // root if root else 0)
    return rows.combination(weights, sum(trust) << 20 if any(trust) else 1)


FLTRUST: RowRule = GivenScores(
    "fltrust@1", "updates weighted by their cosine with validators' own, all at these's length",
    by="direction", tolerates=True, weighs=False, reduction=_fltrust,
)  # fmt: skip
