"""A whole site as the unit of privacy: its update is clipped and gets noise, all in integers.

H. B. McMahan, D. Ramage, K. Talwar and L. Zhang, "Learning Differentially Private Recurrent
Language Models", ICLR 2018, with Skellam noise in place of normal noise, so that what is added up
over sites is exact.
"""

from __future__ import annotations

from math import isqrt

import numpy as np
from numpy.typing import NDArray

from collegium.accounting.adaptive import indicator_at
from collegium.learning.blobs import LIMIT, shift_of
from collegium.learning.encoding import Units
from collegium.learning.noise import SecretStream
from collegium.learning.skellam import skellam

Int16 = NDArray[np.int16]


def clipped(values: Units, bound: int) -> Units:
    """Return an update no longer than a bound, in the Euclidean norm of its integers, exactly.

    They are multiples of 2**s still, with the s that the largest one needs.
    """
    square = int(np.square(values.astype(np.int64)).sum())
    if square <= bound * bound:
        return values
    # Rounded towards zero no coordinate grows, and the divisor is not less than the norm.
    shrunk = np.fix(values * (bound / (isqrt(square) + 1)))
    step = 1 << shift_of(int(np.abs(shrunk).max()))
    found: Units = (np.fix(shrunk / step) * step).astype(values.dtype)
    return found


def told(values: Units, bound: int) -> Units:
    """Return a clipped update whose last coordinate tells whether it was within the bound.

    Args:
        values: integers [d + 1], of which the last one is not looked at.
        bound: the longest that the others may be.
    """
    short = clipped(values[:-1], bound)
    sign = 1 if short is values[:-1] or (short == values[:-1]).all() else -1
    return np.append(short, np.int16(sign * indicator_at(bound)))


def noised(values: Units, variance: float, stream: SecretStream) -> Int16:
    """Return a clipped update with Skellam noise of a variance, in ±32767."""
    sum_ = values.astype(np.int64) + skellam(stream, variance, values.size)
    kept: Int16 = np.clip(sum_, -LIMIT, LIMIT).astype(np.int16)
    return kept
