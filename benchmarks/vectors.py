"""The updates that aggregation is measured on, from a fixed seed; NumPy is all that it needs."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Mapping
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

BAD = 5
"""One update of so many is bad."""

CALLS = 2


def updates(count: int, size: int) -> NDArray[np.int16]:
    """Return updates around a common step, the first `count // BAD` against it, int16 [n, d]."""
    random = np.random.RandomState(7)
    common = random.normal(0, 1500, size).astype(np.float32)
    values = np.empty((count, size), np.int16)
    for row in range(count):
        sign = -1.0 if row < count // BAD else 1.0
        values[row] = np.rint(sign * common + random.normal(0, 3000, size)).clip(-32767, 32767)
    return values


def asked() -> tuple[int, int]:
    """Return the count and the size that a runner was started with."""
    return int(sys.argv[1]), int(sys.argv[2])


def digest(values: NDArray[np.int16]) -> str:
    """Return the digest of updates."""
    return hashlib.sha256(values.tobytes()).hexdigest()


def least(call: Callable[[], object]) -> float:
    """Return the seconds of the fastest of some calls."""
    seconds = []
    for _ in range(CALLS):
        began = perf_counter()
        call()
        seconds.append(perf_counter() - began)
    return min(seconds)


def timed(rules: Mapping[str, Callable[[Any], object]], updates: Any) -> dict[str, float]:
    """Return the seconds of each rule, by name."""
    return {name: least(partial(rule, updates)) for name, rule in rules.items()}
