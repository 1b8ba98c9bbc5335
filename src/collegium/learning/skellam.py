"""Skellam noise: the difference of two Poisson numbers, integers whose sums are Skellam again.

Agarwal, Kairouz and Liu, NeurIPS 2021: noise that many add up in parts, without floating point.
"""

from __future__ import annotations

from functools import lru_cache
from math import lgamma, log, sqrt

import numpy as np
from numpy.typing import NDArray

from collegium.learning.noise import SecretStream

_REACH = 12.0
"""Standard deviations that a table covers; what lies beyond has a chance below 1e-30."""


def skellam(stream: SecretStream, variance: float, count: int) -> NDArray[np.int64]:
    """Return independent numbers of mean 0 and the variance: int64 [count]."""
    first, chances = _poisson(variance / 2)
    uniform = (stream.words(2 * count) >> np.uint64(11)).astype(np.float64) * 2.0**-53
    drawn = first + np.searchsorted(chances, uniform, side="right").astype(np.int64)
    noise: NDArray[np.int64] = drawn[:count] - drawn[count:]
    return noise


@lru_cache(maxsize=8)
def _poisson(mean: float) -> tuple[int, NDArray[np.float64]]:
    """Return where a Poisson distribution's table begins, and its cumulative chances."""
    reach = _REACH * sqrt(mean) + 30.0
    first, last = max(0, int(mean - reach)), int(mean + reach)
    steps = log(mean) - np.log(np.arange(first + 1, last + 1))
    logs = np.concatenate([[first * log(mean) - mean - lgamma(first + 1)], steps])
    chances = np.exp(np.cumsum(logs))
    table: NDArray[np.float64] = np.cumsum(chances / chances.sum())
    return first, table
