"""How far risks must be shifted and stretched to mean what they say (Cox 1958; Van Calster 2019).

A logistic regression of the outcome on the logit of the predicted risk: its slope is 1 where
risks are spread rightly, less where they are too extreme. The intercept is that of the same
regression with the slope held at 1: 0 where risks are right on average, above it where they are
too low. Intervals are Wald's, from the information at the estimate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collegium.learning.evaluation.intervals import Interval

_STEPS = 100
_Z = 1.959963984540054
_LEAST = 1e-12
"""Risks closer to 0 or 1 than that are taken for it: a logit must be finite."""


@dataclass(frozen=True, slots=True)
class Recalibration:
    """Slope, and intercept at slope 1, each with its 95 % interval."""

    slope: Interval
    intercept: Interval


def recalibration(positive: NDArray[np.bool_], score: NDArray[np.float64]) -> Recalibration | None:
    """Return how risks would have to be recalibrated.

    Args:
        positive: [rows], which rows have the outcome.
        score: [rows], predicted risks within 0 and 1.

    Returns:
        None where there is no answer: rows of one class only, all risks alike, or risks that
        part the classes completely, which a slope without bounds would fit best.
    """
    exact = np.clip(score.astype(np.float64), _LEAST, 1 - _LEAST)
    logit = np.log(exact) - np.log1p(-exact)
    if positive.all() or not positive.any() or np.ptp(logit) < 1e-9:
        return None
    high, low = logit[positive], logit[~positive]
    if high.min() >= low.max() or low.min() >= high.max():
        return None
    both = _fitted(np.stack([np.ones(len(logit)), logit], axis=1), positive, np.zeros(len(logit)))
    alone = _fitted(np.ones((len(logit), 1)), positive, logit)
    if both is None or alone is None:
        return None
    return Recalibration(slope=both[1], intercept=alone[0])


def _fitted(
    x: NDArray[np.float64], positive: NDArray[np.bool_], offset: NDArray[np.float64]
) -> list[Interval] | None:
    """Return the coefficients of a logistic regression, by Newton's method with halved steps."""
    at = np.zeros(x.shape[1])
    value = _likelihood(x, positive, offset, at)
    for _ in range(_STEPS):
        risk = 1 / (1 + np.exp(-(x @ at + offset)))
        gradient = x.T @ (positive - risk)
        information = (x * (risk * (1 - risk))[:, None]).T @ x
        if not np.linalg.cond(information) < 1e12:
            return None
        step = np.linalg.solve(information, gradient)
        if np.abs(step).max() < 1e-10:
            half = _Z * np.sqrt(np.diag(np.linalg.inv(information)))
            return [
                Interval(float(one), float(one - far), float(one + far))
                for one, far in zip(at, half, strict=True)
            ]
        while (new := _likelihood(x, positive, offset, at + step)) < value - 1e-12 * abs(value):
            step = step / 2
        at, value = at + step, new
    return None


def _likelihood(
    x: NDArray[np.float64],
    positive: NDArray[np.bool_],
    offset: NDArray[np.float64],
    at: NDArray[np.float64],
) -> float:
    logit = x @ at + offset
    return float(-np.logaddexp(0, np.where(positive, -logit, logit)).sum())
