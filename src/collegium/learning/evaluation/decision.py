"""Whether acting on a model helps: net benefit by risk threshold (Vickers and Elkin 2006).

Who acts above a threshold p holds one missed patient to be as bad as (1 - p) / p needless
actions. Net benefit counts what a model finds, less its false alarms in that currency: true
positives a row - p / (1 - p) x false positives a row. A model is worth using at thresholds where
it beats both acting on everybody and acting on nobody, whose net benefit is 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

THRESHOLDS = np.arange(1, 100) / 100
"""Where a decision curve is drawn."""


def net_benefit(
    positive: NDArray[np.bool_], score: NDArray[np.float64], thresholds: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the net benefit of acting on rows at or above each threshold, [thresholds].

    Args:
        positive: [rows], which rows have the outcome.
        score: [rows], predicted risks.
        thresholds: within (0, 1).
    """
    # Rows at or above a threshold are a tail of the sorted scores.
    order = np.argsort(score, kind="stable")
    first = np.searchsorted(score[order], thresholds, side="left")
    found = np.concatenate([np.cumsum(positive[order][::-1])[::-1], [0]])[first]
    called = len(score) - first
    weight = thresholds / (1 - thresholds)
    return np.asarray((found - weight * (called - found)) / len(score))


def act_on_all(positive: NDArray[np.bool_], thresholds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the net benefit of acting on everybody, [thresholds]."""
    rate = float(np.mean(positive))
    return np.asarray(rate - (1 - rate) * thresholds / (1 - thresholds))
