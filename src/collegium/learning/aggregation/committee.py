"""Thresholds and weights by validators' scores: committee_median and reputation_weighted.

Committee: Y. Li, C. Chen, N. Liu, H. Huang, Z. Zheng and Q. Yan, "A Blockchain-based Decentralized
Federated Learning Framework with Committee Consensus", IEEE Network 2021 (the median of a
committee's scores); H. Chen, S. A. Asif, J. Park, C.-C. Shen and M. Bennis, "Robust Blockchained
Federated Learning with Model Validation and Proof-of-Stake Inspired Consensus", 2021 (a threshold).
What passes is averaged by weight. Reputation: J. Kang, Z. Xiong, D. Niyato, S. Xie and J. Zhang,
"Incentive Mechanism for Reliable Federated Learning", IEEE IoT Journal 2019, as weights with a cap.
"""

from __future__ import annotations

from collegium.learning.aggregation.given_scores import GivenScores
from collegium.learning.aggregation.rows import RowRule, UpdateRows
from collegium.learning.aggregation.rule import Aggregate
from collegium.learning.aggregation.scores import Scores

CAP = 2
"""No update has more than twice its part of n in a reputation-weighted mean."""


def _committee_median(rows: UpdateRows, scores: Scores, tolerate: int) -> Aggregate:
    """Return the weighted mean of the rows whose score reaches the threshold; nothing if none."""
    weights = [
        weight if value >= scores.threshold else 0
        for weight, value in zip(rows.weights, scores.values, strict=True)
    ]
    return rows.combination(weights, sum(weights) or 1)


def capped(weights: list[int]) -> tuple[list[int], int]:
    """Return weights of which none has more than CAP / n of all, and a factor they were taken by.

    The k largest are brought to the one value x at which each has exactly its most:
    n x = CAP (k x + the sum of the others). All weights are first multiplied by n - CAP k.
    """
    count, order = len(weights), sorted(range(len(weights)), key=lambda i: (-weights[i], i))
    rest = sum(weights)
    for k, index in enumerate(order):
        factor = count - CAP * k
        if factor <= 0 or factor * weights[index] <= CAP * rest:
            break
        rest -= weights[index]
    else:
        k = count
    factor = count - CAP * k
    if factor <= 0:  # so few updates that each may have its all
        return list(weights), 1
    most = CAP * rest
    return [min(weight * factor, most) for weight in weights], factor


def _reputation_weighted(rows: UpdateRows, scores: Scores, tolerate: int) -> Aggregate:
    weights, _ = capped(
        [weight * one for weight, one in zip(rows.weights, scores.reputations, strict=True)]
    )
    return rows.combination(weights, sum(weights) or 1)


COMMITTEE_MEDIAN: RowRule = GivenScores(
    "committee_median@1", "the mean of the updates whose median score reaches a threshold",
    by="loss", tolerates=True, weighs=True, reduction=_committee_median,
)  # fmt: skip
REPUTATION_WEIGHTED: RowRule = GivenScores(
    "reputation_weighted@1",
    "a mean by weight and reputation, none with more than 2/n of it; tolerate = 0",
    by="loss", tolerates=False, weighs=True, reduction=_reputation_weighted,
)  # fmt: skip
