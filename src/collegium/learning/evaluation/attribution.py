"""Why one row has its score: Shapley values of its features against a reference patient.

The game (Lundberg and Lee 2017; "baseline Shapley", Sundararajan and Najmi 2020): a coalition of
features has the score of the row with every other feature set to the reference's value. A
feature's value is its mean contribution over all orders of features, so that the values add up
to the row's score less the reference's. Few features are counted exactly; for more, orders are
drawn, each with its reverse, and the sum still is exact.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import factorial

import numpy as np
from numpy.typing import NDArray

from collegium.data.randomness import draws

Score = Callable[[NDArray[np.float32]], NDArray[np.float64]]

EXACT_FEATURES = 10
"""Up to that many features every coalition is scored, 2^10 of them."""

ORDERS = 128
"""Orders drawn where there are more features, half of them the reverses of others."""


def attributions(
    score: Score, x: NDArray[np.float32], reference: NDArray[np.float32],
    features: Sequence[Sequence[int]],
) -> NDArray[np.float64]:  # fmt: skip
    """Return each feature's part in each score, float64 [rows, features, outputs].

    Args:
        score: of rows of inputs, [rows, outputs].
        x: [rows, inputs].
        reference: [inputs], what a feature that is absent is set to.
        features: the inputs that each feature has; together all inputs, each once.
    """
    owner = np.empty(x.shape[1], dtype=np.int64)
    for number, columns in enumerate(features):
        owner[list(columns)] = number
    count = len(features)
    weigh = _exact if count <= EXACT_FEATURES else _drawn
    coalitions, weights = weigh(count)
    outputs = score(x[:1]).shape[1] if len(x) else 0
    found = np.zeros((len(x), count, outputs))
    inside = coalitions[:, owner]
    for row, own in enumerate(x):
        values = score(np.where(inside, own, reference).astype(np.float32))
        found[row] = weights @ values
    return found


def _exact(count: int) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return all coalitions [2^n, n], and what each weighs for each feature [n, 2^n]."""
    members = (np.arange(2**count)[:, None] >> np.arange(count)) & 1 == 1
    size = members.sum(axis=1)
    ways = np.array([factorial(k) * factorial(count - 1 - k) for k in range(count)], dtype=float)
    ways = np.append(ways, 0.0) / factorial(count)
    weights = np.where(members.T, ways[np.maximum(size - 1, 0)], -ways[size])
    return members, weights


def _drawn(count: int) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return the coalitions that some orders pass through, and what each weighs [n, coalitions]."""
    generator = draws("attribution", count)
    orders = [generator.permutation(count) for _ in range(ORDERS // 2)]
    orders += [order[::-1] for order in orders]
    members = np.zeros((ORDERS, count + 1, count), dtype=np.bool_)
    weights = np.zeros((count, ORDERS, count + 1))
    for number, order in enumerate(orders):
        for step, feature in enumerate(order, 1):
            members[number, step:, feature] = True
            weights[feature, number, step] += 1 / ORDERS
            weights[feature, number, step - 1] -= 1 / ORDERS
    flat = members.reshape(-1, count)
    return flat, weights.reshape(count, -1)
