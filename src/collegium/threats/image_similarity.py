"""How alike two pictures are, as people who look at rebuilt ones measure it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

_WINDOW = 7
_FIRST, _SECOND = 0.01**2, 0.03**2


def noise_ratio(found: Float64, true: Float64) -> float:
    """Return the peak signal-to-noise ratio in decibels, of values from 0 to 1; at most 100."""
    error = float(np.square(found - true).mean())
    return 100.0 if error < 1e-10 else float(-10.0 * np.log10(error))


def structural_likeness(found: Float64, true: Float64) -> float:
    """Return the mean structural similarity of two pictures of values from 0 to 1, [c, h, w].

    Z. Wang, A. Bovik, H. Sheikh and E. Simoncelli, "Image Quality Assessment: From Error Visibility
    to Structural Similarity", IEEE TIP 2004, equation 13, over windows of 7 by 7 of equal weight,
    or of the whole picture where that is smaller.
    """
    one, other = _windows(found), _windows(true)
    mean, mean_ = one.mean(axis=-1), other.mean(axis=-1)
    spread, spread_ = one.var(axis=-1), other.var(axis=-1)
    together = ((one - mean[..., None]) * (other - mean_[..., None])).mean(axis=-1)
    light = (2 * mean * mean_ + _FIRST) / (mean**2 + mean_**2 + _FIRST)
    structure = (2 * together + _SECOND) / (spread + spread_ + _SECOND)
    return float((light * structure).mean())


def _windows(picture: Float64) -> Float64:
    """Return every window, [windows, values]."""
    size = tuple(min(_WINDOW, length) for length in picture.shape[1:])
    slid = np.lib.stride_tricks.sliding_window_view(picture, size, axis=(1, 2))
    flat: Float64 = slid.reshape(-1, size[0] * size[1])
    return flat
