"""An update as fixed-point integers, and the integer weight that a site registers.

Whatever is reduced over participants is an integer, because integer sums do not depend on the
order, the machine or the library. Range is not clipping: a saturated coordinate is a hint that
the exponent is too high, and the contract lowers it for the next round.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collegium.errors import RunError
from collegium.learning.blobs import LIMIT


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """An update in integers, with the two indicators that steer the next round's exponent.

    Attributes:
        values: int16 [d] in ±32767.
        peak: the largest magnitude among them.
        saturated: how many have the magnitude 32767.
    """

    values: NDArray[np.int16]
    peak: int
    saturated: int


def encode(local: NDArray[np.float32], start: NDArray[np.float32], exponent: int) -> Encoded:
    """Return ``rint((local - start) * 2**exponent)``, ties to even, clamped to ±32767.

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


def encode_step(step: NDArray[np.float64], exponent: int) -> Encoded:
    """Return ``rint(step * 2**exponent)``, ties to even, clamped to ±32767; the step is spent.

    Args:
        step: float64 [d], what a site would add to the global parameters.
        exponent: e, within ±64.

    Raises:
        RunError: a coordinate is not finite.
    """
    if not np.isfinite(step).all():
        raise RunError(
            "encoding.non-finite",
            "an update cannot be encoded",
            "a model parameter is not finite: local training diverged",
            "lower training.learning_rate, or check the inputs' scale",
        )
    step *= 2.0**exponent
    np.rint(step, out=step)
    np.clip(step, -LIMIT, LIMIT, out=step)
    values = step.astype(np.int16)
    return Encoded(values, *indicators(values))


def indicators(values: NDArray[np.int16]) -> tuple[int, int]:
    """Return (peak, saturated) of encoded values, so that a validator can check a site's claim."""
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
