"""How sure a mean over several seeds is, where every seed cuts the same rows anew.

The training parts of two seeds overlap, so their results are not independent, and the usual
variance of a mean is too small. Nadeau and Bengio (2003, eq. 9) replace 1/k in it by
1/k + test/training rows; the interval is Student's, with k - 1 degrees of freedom.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from math import exp, lgamma, log, sqrt

import numpy as np

from collegium.learning.evaluation.intervals import LEVEL, Interval

_STEPS = 100
"""Enough halvings, and terms of the fraction, for a double."""


def mean_interval(values: Sequence[float], overlap: float) -> Interval | None:
    """Return the mean of a result over seeds, or of a paired difference, with its interval.

    Args:
        values: one a seed.
        overlap: test rows over training rows; 0 for results that are independent.

    Returns:
        None for fewer than two values: nothing is known of how they vary.
    """
    if len(values) < 2:
        return None
    mean = float(np.mean(values))
    variance = float(np.var(values, ddof=1))
    half = t_quantile((1 + LEVEL) / 2, len(values) - 1) * sqrt(
        variance * (1 / len(values) + overlap)
    )
    return Interval(mean, mean - half, mean + half)


@cache
def t_quantile(probability: float, freedom: int) -> float:
    """Return the point below which Student's t with `freedom` degrees lies with a probability.

    Args:
        probability: within [0.5, 1).
        freedom: 1 or more.
    """
    low, high = 0.0, 1.0
    while _below(high, freedom) < probability:
        high *= 2
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if _below(middle, freedom) < probability else (low, middle)
    return (low + high) / 2


def _below(point: float, freedom: int) -> float:
    """Return P(t <= point), point >= 0 (Abramowitz and Stegun 26.7.1)."""
    return 1 - _beta_share(freedom / 2, freedom / (freedom + point**2)) / 2


def _beta_share(a: float, x: float) -> float:
    """Return the regularized incomplete beta function I_x(a, 1/2) (DLMF 8.17)."""
    b = 0.5
    if x >= 1:
        return 1.0
    if x > (a + 1) / (a + b + 2):  # where the fraction converges fast, by I_x(a,b) = 1 - I_1-x(b,a)
        return 1 - _beta_fraction(b, a, 1 - x)
    return _beta_fraction(a, b, x)


def _beta_fraction(a: float, b: float, x: float) -> float:
    """Return I_x(a, b) by its continued fraction (DLMF 8.17.22), last term first."""
    value = 1.0
    for m in range(_STEPS, 0, -1):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        value = 1 + even / (1 + odd / value)
    first = -(a + b) * x / (a + 1)
    factor = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log(1 - x)) / a
    return factor / (1 + first / value)
