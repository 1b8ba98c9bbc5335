"""How well a segmentation covers what it should: Dice and IoU, image by image.

For a called set of pixels A and a true one B, Dice is 2 |A and B| / (|A| + |B|) (Dice 1945) and
IoU, or Jaccard's index, |A and B| / |A or B|. Where both are empty nothing was missed and nothing
invented: both are 1. A measure over images is their mean, so that a small object counts as much as
a large one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

SMOOTHING = 1.0
"""Pixels that are added to both sides of the fraction that is trained on."""


def overlaps(
    y: NDArray[Any], scores: NDArray[np.float64], threshold: float
) -> dict[str, NDArray[np.float64]]:
    """Return each image's Dice and IoU, float64 [n].

    Args:
        y: [n, pixels], 1 where the object is, else 0.
        scores: [n, pixels], probabilities.
        threshold: a pixel at or above it is called.
    """
    called, true = scores >= threshold, y == 1
    both = (called & true).sum(axis=1)
    either = (called | true).sum(axis=1)
    found = {"dice": np.ones(len(y)), "iou": np.ones(len(y))}
    np.divide(2 * both, both + either, out=found["dice"], where=either > 0)
    np.divide(both, either, out=found["iou"], where=either > 0)
    return found


def overlap_losses(library: Any, outputs: Any, y: Any) -> Any:
    """Return each image's loss, [n]: mean cross-entropy of pixels, and 1 - a soft Dice.

    The soft Dice has probabilities in the place of called pixels (Milletari, Navab and Ahmadi,
    "V-Net", 3DV 2016, with sums in the denominator): it weighs an object by itself, however few
    of the pixels are its own.

    Args:
        library: numpy, or jax.numpy.
        outputs: [n, pixels], log odds.
        y: [n, pixels], 0 or 1.
    """
    surprise = (library.logaddexp(0.0, outputs) - y * outputs).mean(axis=1)
    risk = 0.5 * (1.0 + library.tanh(0.5 * outputs))
    both = 2.0 * (risk * y).sum(axis=1) + SMOOTHING
    return surprise + 1.0 - both / (risk.sum(axis=1) + y.sum(axis=1) + SMOOTHING)
