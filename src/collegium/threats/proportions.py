"""Bounds on a proportion from counts that hold with a stated confidence."""

from __future__ import annotations

import numpy as np

_HALVINGS = 60


def at_least(successes: int, trials: int, error: float) -> float:
    """Return the lower bound on a proportion that is wrong with a chance of at most `error`.

    One-sided, exact (C. J. Clopper and E. S. Pearson, Biometrika 1934).
    """
    return 1.0 - at_most(trials - successes, trials, error)


def at_most(successes: int, trials: int, error: float) -> float:
    """Return the upper bound: the proportion at which so few successes have a chance of `error`."""
    if successes >= trials:
        return 1.0
    counts = np.arange(1, trials + 1)
    whole = np.concatenate([[0.0], np.cumsum(np.log(counts))])
    chosen = whole[trials] - whole[: successes + 1] - whole[trials : trials - successes - 1 : -1]
    k = np.arange(successes + 1)
    low, high = successes / trials, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        logs = chosen + k * np.log(middle) + (trials - k) * np.log1p(-middle)
        if np.exp(logs).sum() > error:
            low = middle
        else:
            high = middle
    return high
