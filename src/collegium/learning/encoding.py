"""An update as fixed-point integers, and the integer weight that a site registers.

Whatever is reduced over participants is an integer, because integer sums do not depend on the
order, the machine or the library. Range is not clipping: a saturated coordinate is a hint that
the exponent is too high, and the contract lowers it for the next round.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from collegium.errors import RunError
from collegium.learning.blobs import LIMIT


def encode(
    local: NDArray[np.float32], start: NDArray[np.float32], exponent: int
) -> NDArray[np.int16]:
    """Return ``rint((local - start) * 2**exponent)``, ties to even, int16 [d] in ±32767.

    Args:
        local: float32 [d], the site's parameters after training.
        start: float32 [d], the round's global parameters.
        exponent: e, within ±64.

    Raises:
        RunError: a parameter is not finite.
    """
    steps = local.astype(np.float64)
    with np.errstate(invalid="ignore"):
        steps -= start
    return encode_step(steps, exponent)


def encode_step(step: NDArray[np.float64], exponent: int) -> NDArray[np.int16]:
    """Return ``rint(step * 2**exponent)``, ties to even, int16 [d] in ±32767; the step is spent.

    Whatever is beyond ±32767 becomes ±32767.

    Args:
        step: float64 [d], what a site would add to the global parameters.
        exponent: e, within ±64.

    Raises:
        RunError: a coordinate is not finite.
    """
    low, high = float(step.min()), float(step.max())  # neither is finite where a number is none
    if not (math.isfinite(low) and math.isfinite(high)):
        raise RunError(
            "encoding.non-finite",
            "an update cannot be encoded",
            "a model parameter is not finite: local training diverged",
            "lower training.learning_rate, or check the inputs' scale",
        )
    scale = 2.0**exponent
    step *= scale
    np.rint(step, out=step)
    if max(-low, high) * scale > LIMIT:
        np.clip(step, -LIMIT, LIMIT, out=step)
    return step.astype(np.int16)


def indicators(values: NDArray[np.int16]) -> tuple[int, int]:
    """Return what steers the next round's exponent, as a site claims and validators check it.

    That is the largest magnitude among encoded values, and how many have the magnitude 32767.
    """
    low, high = int(values.min()), int(values.max())
    peak = max(-low, high)
    if peak < LIMIT:
        return peak, 0
    return peak, int(np.count_nonzero(values == LIMIT) + np.count_nonzero(values == -LIMIT))


def registered_weight(rows: int) -> int:
    """Return training rows rounded down to two significant binary digits, at least 1.

    The values are 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, …: the exact count stays at home. A weight
    of zero would let a study's weights add up to nothing, so no rows give 1.
    """
    drop = max(0, rows.bit_length() - 2)
    return max(1, rows >> drop << drop)
