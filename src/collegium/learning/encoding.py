"""An update as fixed-point integers, and the integer weight that a site registers.

Whatever is reduced over participants is an integer, because integer sums do not depend on the
order, the machine or the library. Each update has 16 bits a coordinate and, beside the round's
exponent, a shift of its own: one that reaches farther than most is told in coarser steps. It is cut
off only where the round has no room for its shift, and the ledger says so (docs/decisions/0146).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from collegium.errors import RunError
from collegium.learning.blobs import LIMIT

Units = NDArray[np.signedinteger]
"""An update's integers in units of its round's encoding, int16 or int32 [d]."""


def encode(
    local: NDArray[np.float32], start: NDArray[np.float32], exponent: int, room: int = 0
) -> Units:
    """Return ``(local - start) * 2**exponent`` in integers, as `encode_step` does.

    Args:
        local: float32 [d], the site's parameters after training.
        start: float32 [d], the round's global parameters.
        exponent: e, within ±64.
        room: bits beyond 16 that it may take.

    Raises:
        RunError: a parameter is not finite.
    """
    steps = local.astype(np.float64)
    with np.errstate(invalid="ignore"):
        steps -= start
    return encode_step(steps, exponent, room)


def encode_step(step: NDArray[np.float64], exponent: int, room: int = 0, exact: int = 0) -> Units:
    """Return ``step * 2**exponent`` in integers, int16 or int32 [d]; the step is spent.

    They are multiples of 2**s, ties to even, with the least s up to the room for which the largest
    takes 16 bits. What is beyond that is cut off, at ±32767 * 2**room.

    Args:
        step: float64 [d], what a site would add to the global parameters.
        exponent: e, within ±64.
        room: bits beyond 16 that it may take, 0 to 8.
        exact: how many coordinates at the end are whole numbers, which keep the unit.

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
    return in_range(step, room, exact)


def in_range(units: NDArray[np.float64], room: int, exact: int = 0) -> Units:
    """Return a vector in units of the encoding as integers, as `encode_step` does; it is spent."""
    main = units[: units.size - exact]
    peak, shift = max(-float(main.min()), float(main.max())), 0
    while shift < room and round(math.ldexp(peak, -shift)) > LIMIT:
        shift += 1
    if shift:
        main *= 2.0**-shift
    np.rint(units, out=units)
    if round(math.ldexp(peak, -shift)) > LIMIT or exact:
        np.clip(units, -LIMIT, LIMIT, out=units)
    if not shift:
        return units.astype(np.int16)
    found = units.astype(np.int32)
    found[: main.size] <<= shift
    return found


def registered_weight(rows: int) -> int:
    """Return training rows rounded down to two significant binary digits, at least 1.

    The values are 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, …: the exact count stays at home. A weight
    of zero would let a study's weights add up to nothing, so no rows give 1.
    """
    drop = max(0, rows.bit_length() - 2)
    return max(1, rows >> drop << drop)
