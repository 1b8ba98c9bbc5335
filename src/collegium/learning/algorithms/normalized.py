"""FedNova: a step is divided by the local work in it, so that no site pulls by many steps.

Wang, Liu, Liang, Joshi and Poor, "Tackling the Objective Inconsistency Problem in Heterogeneous
Federated Optimization", NeurIPS 2020, equations 7 and 8 and section 4: with a_i the weights of a
site's gradients in what it moved by,

    x <- x + (sum p_i |a_i|) (sum p_i (y_i - x) / |a_i|)

|a_i| in the 1-norm is the number of local steps for plain SGD; more for momentum, less for a
proximal term. A site counts it in eighths and divides by what it counted. It shares the count, and
how many make one, as two whole numbers of the encoding, whatever the exponent: the quotient of
their means is the exact mean of the counts.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from collegium.errors import RunError

Float64 = NDArray[np.float64]

UNIT = 8
LARGEST = 8191
"""A count may be no larger: an update whose largest magnitude is under 8192 gets a finer encoding,
and the count must not stand in the way of that."""


def gradient_weight(steps: int, momentum: float, shrinking: float) -> float:
    """Return |a_i| after local steps with momentum, or with a proximal term.

    Args:
        steps: K.
        momentum: of the local steps.
        shrinking: learning rate times the proximal term's mu.
    """
    if momentum:
        return (steps - momentum * (1.0 - momentum**steps) / (1.0 - momentum)) / (1.0 - momentum)
    if shrinking:
        return (1.0 - (1.0 - shrinking) ** steps) / shrinking
    return float(steps)


def step(moved: Float64, weight: float, exponent: int) -> Float64:
    """Return what a site sends: its step over its weight, and the two counts, float64 [d + 2].

    Raises:
        RunError: more local work than can be counted.
    """
    count = round(UNIT * weight)
    if not 1 <= count <= LARGEST:
        raise RunError(
            "fednova.steps", "a site's local work cannot be counted",
            f"it weighs {weight:.6g} steps, and from {1 / UNIT} to {LARGEST / UNIT} can be told",
            "choose a larger training.batch_size, or fewer training.local_epochs",
        )  # fmt: skip
    counts = np.ldexp(np.array([count, UNIT], np.float64), -exponent)
    return np.concatenate([moved / (count / UNIT), counts])
