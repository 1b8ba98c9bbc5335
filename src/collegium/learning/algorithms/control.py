"""SCAFFOLD: control variates that take the drift of unlike sites out of their local steps.

Karimireddy, Kale, Mohri, Reddi, Stich and Suresh, "SCAFFOLD: Stochastic Controlled Averaging for
Federated Learning", ICML 2020, algorithm 1 with option II:

    y <- y - lr (g(y) - c_i + c)        K local steps from the round's start x
    c_i' = c_i - c + (x - y) / (K lr)
    x <- x + lr_g mean(y - x),  c <- c + |S| / N mean(c_i' - c_i)

Shared are control variates times the study's learning rate, which have the size of a step, so that
one exponent encodes both. A site keeps as c_i what its encoded update says, rounding included:
the shared c stays the mean of the sites' own to within float32.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]


def correction(shared: Float32, own: Float32 | None, rate: float) -> Float32:
    """Return c - c_i, which is added to every gradient, float32 [d].

    Args:
        shared: [d], c times the study's learning rate, as the round's vector has it.
        own: [d], c_i; None before the site's first round: zero.
        rate: the study's learning rate.
    """
    common = shared.astype(np.float64) / rate
    return (common if own is None else common - own).astype(np.float32)


def step(
    moved: Float64, shared: Float32, *, steps: int, local_rate: float, rate: float, share: float
) -> Float64:
    """Return what a site adds to the shared control variates, float64 [d].

    Args:
        moved: [d], y - x.
        shared: [d], see `correction`.
        steps: K.
        local_rate: of the round.
        rate: the study's learning rate.
        share: |S| / N, participants of the round over all sites.
    """
    change = -shared.astype(np.float64) - moved * (rate / (steps * local_rate))
    return np.asarray(change * share)


def kept(own: Float32 | None, sent: Float64, *, rate: float, share: float) -> Float32:
    """Return the site's next c_i, float32 [d], from what it sent, decoded."""
    change = sent / (rate * share)
    return (change if own is None else own + change).astype(np.float32)
