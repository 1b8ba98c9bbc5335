"""Proportional odds: ordered classes as what lies between cuts of one scale.

P(class <= k) = sigmoid(c_k - s) for a row's score s and cuts c_0 < c_1 < ... (McCullagh,
"Regression Models for Ordinal Data", JRSS B 1980, section 2). The first cut is 0, since
the model's bias moves the scale; each further one lies exp(gap) above the one before, so that no
step can cross them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]


def cuts(gaps: Float64) -> Float64:
    """Return the K - 1 cuts, [A, K - 1], for gaps [A, K - 2]."""
    return np.concatenate([np.zeros((len(gaps), 1)), np.cumsum(np.exp(gaps), axis=1)], axis=1)


def probabilities(scores: Float64, between: Float64) -> Float64:
    """Return the probability of each class, [B, K], for scores [B] and cuts [K - 1]."""
    classes = np.arange(len(between) + 1)
    inside, below, apart = _sides(scores[:, None], *_bounds(classes[None], between[None]))
    return inside * below * apart


def slopes(scores: Float64, classes: NDArray[np.int64], gaps: Float64) -> tuple[Float64, Float64]:
    """Return the derivatives of -log P(class) by the score, [A, B], and by each gap, [A, B, K - 2].

    Args:
        scores: [A, B].
        classes: [A, B], from 0.
        gaps: [A, K - 2].
    """
    inside, below, apart = _sides(scores, *_bounds(classes, cuts(gaps)))
    # With F the logistic function, (f(u) - f(l)) / (F(u) - F(l)) is 1 - F(u) - F(l).
    by_score = below - inside
    by_upper = (inside - 1.0) / (below * apart)
    by_lower = (1.0 - below) / (inside * apart)
    moved = np.arange(1, gaps.shape[1] + 1)
    by_gap = by_upper[..., None] * (classes[..., None] >= moved)
    by_gap += by_lower[..., None] * (classes[..., None] > moved)
    return by_score, by_gap * np.exp(gaps)[:, None]


def _bounds(classes: NDArray[np.int64], between: Float64) -> tuple[Float64, Float64]:
    """Return the cuts under and over each class, infinite at the ends."""
    ends = np.full((len(between), 1), np.inf)
    edges = np.concatenate([-ends, between, ends], axis=1)
    return (
        np.take_along_axis(edges, classes, axis=1),
        np.take_along_axis(edges, classes + 1, axis=1),
    )


def _sides(scores: Float64, lower: Float64, upper: Float64) -> tuple[Float64, Float64, Float64]:
    """Return three factors of F(upper - s) - F(lower - s): no difference, nothing cancels.

    They are P(below the upper cut), P(above the lower one), and 1 - exp(lower - upper).
    """
    return _sigmoid(upper - scores), _sigmoid(scores - lower), -np.expm1(lower - upper)


def _sigmoid(value: Float64) -> Float64:
    """Return 1 / (1 + exp(-value)); an exponential that overflows is meant to."""
    with np.errstate(over="ignore"):
        return np.asarray(1.0 / (1.0 + np.exp(-value)))
