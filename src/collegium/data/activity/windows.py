"""From a phone's signals at 50 Hz to windows of 2.56 s, and from a window to 119 numbers.

Windows of 128 samples overlap by half and never leave one stretch of one activity, as in Reyes-
Ortiz, Oneto, Samà, Parra and Anguita, "Transition-Aware Human Activity Recognition Using
Smartphones", Neurocomputing 171 (2016). The numbers are the usual ones (orientation, spread,
range, energy by frequency, correlations), computed from the raw signals here so that a gateway
can compute them from its own stream.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from collegium.data.table import Feature

Float64 = NDArray[np.float64]

SAMPLES = 128
STEP = 64
HERTZ = 50.0

AXES = ("x", "y", "z")
SIGNALS = (
    *(f"acceleration_{axis}" for axis in AXES), "acceleration_norm",
    *(f"rotation_{axis}" for axis in AXES), "rotation_norm",
)  # fmt: skip
"""The eight signals of a window: body acceleration in g, rate of rotation in rad/s."""

BANDS = (1, 3, 5, 8, 13, 26, 65)
"""Edges of bands of the discrete spectrum, in multiples of 50 / 128 Hz."""

PAIRS = ((0, 1), (0, 2), (1, 2), (4, 5), (4, 6), (5, 6), (0, 4), (1, 5), (2, 6))
LEAST = 1e-3
"""What is smaller (in g, or rad/s) is the sensor's noise; logarithms go no further down."""


@dataclass(frozen=True, slots=True)
class _WindowKind:
    """One kind of number a signal: its name, words and unit, and its reference values."""

    name: str
    words: str
    unit: str
    center: float
    scale: float


_LOG = "log10"
_KINDS = (
    _WindowKind("spread", "standard deviation, decimal logarithm", _LOG, -1.5, 1.0),
    _WindowKind("change", "standard deviation of its change a second, decimal logarithm",
          _LOG, -0.5, 1.0),
    _WindowKind("least", "least value", "g or rad/s", 0.0, 1.0),
    _WindowKind("most", "largest value", "g or rad/s", 0.0, 1.0),
    _WindowKind("middle", "range of the middle half", "g or rad/s", 0.0, 0.5),
    *(
        _WindowKind(
            f"band{number}",
            f"amplitude at {low * HERTZ / SAMPLES:.1f} to {high * HERTZ / SAMPLES:.1f} Hz, "
            "decimal logarithm",
            _LOG, -2.0, 1.0,
        )
        for number, (low, high) in enumerate(pairwise(BANDS), start=1)
    ),
    _WindowKind("rhythm", "strongest frequency below 10 Hz", "Hz", 2.0, 2.0),
    _WindowKind("skewness", "skewness", "", 0.0, 1.0),
)  # fmt: skip


def features() -> tuple[Feature, ...]:
    """Return what each of the numbers is, in the order of `numbers_of`."""
    return (
        *(
            Feature(f"gravity_{axis}", f"mean acceleration, {axis}", "numeric", "g", 0.0, 0.5)
            for axis in AXES
        ),
        *(
            Feature(f"turning_{axis}", f"mean rotation, {axis}", "numeric", "rad/s", 0.0, 0.5)
            for axis in AXES
        ),
        *(
            Feature(
                f"{signal}_{kind.name}", f"{signal.replace('_', ', ')}: {kind.words}", "numeric",
                kind.unit, kind.center, kind.scale,
            )
            for kind in _KINDS
            for signal in SIGNALS
        ),
        *(
            Feature(
                f"correlation_{one + 1}_{other + 1}",
                f"correlation of {SIGNALS[one]} and {SIGNALS[other]}".replace("_", " "),
                "numeric", "", 0.0, 0.5,
            )
            for one, other in PAIRS
        ),
    )  # fmt: skip


def window_starts(label: NDArray[np.int64], stretch: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the first sample of each window that lies in one stretch of one positive label.

    Args:
        label: [samples], the activity; windows of what is not positive are left out.
        stretch: [samples], another number wherever a recording begins.
    """
    changes = np.flatnonzero((np.diff(label) != 0) | (np.diff(stretch) != 0)) + 1
    edges = [0, *changes.tolist(), len(label)]
    found = [
        np.arange(begin, end - SAMPLES + 1, STEP)
        for begin, end in pairwise(edges)
        if label[begin] > 0
    ]
    return np.concatenate(found, dtype=np.int64) if found else np.zeros(0, dtype=np.int64)


def numbers_of(acceleration: Float64, rotation: Float64) -> Float64:
    """Return the numbers of windows, float64 [windows, numbers].

    Args:
        acceleration: in g, gravity included, [windows, SAMPLES, 3].
        rotation: in rad/s, alike.
    """
    gravity, turning = acceleration.mean(axis=1), rotation.mean(axis=1)
    body = np.concatenate(
        [
            acceleration - gravity[:, None], _norm(acceleration) - 1.0,
            rotation, _norm(rotation),
        ],
        axis=2,
    )  # fmt: skip
    centered = body - body.mean(axis=1, keepdims=True)
    spread = centered.std(axis=1)
    change = np.concatenate([_change(acceleration), _change(rotation)], axis=2).std(axis=1)
    low, high = np.quantile(body, [0.25, 0.75], axis=1)
    amplitude = (np.abs(np.fft.rfft(centered, axis=1)) / SAMPLES) ** 2
    bands = [_log(np.sqrt(amplitude[:, a:b].sum(axis=1))) for a, b in pairwise(BANDS)]
    rhythm = (amplitude[:, 1 : BANDS[-2]].argmax(axis=1) + 1) * HERTZ / SAMPLES
    safe = np.maximum(spread, LEAST)
    skewness = (centered**3).mean(axis=1) / safe**3
    correlations = [
        (centered[:, :, one] * centered[:, :, other]).mean(axis=1) / (safe[:, one] * safe[:, other])
        for one, other in PAIRS
    ]
    return np.concatenate(
        [
            gravity, turning, _log(spread), _log(change), body.min(axis=1), body.max(axis=1),
            high - low, *bands, rhythm, skewness, np.stack(correlations, axis=1),
        ],
        axis=1,
    )  # fmt: skip


def _norm(vectors: Float64) -> Float64:
    return np.asarray(np.sqrt((vectors**2).sum(axis=2, keepdims=True)))


def _change(vectors: Float64) -> Float64:
    """Return the change a second of three axes, and its size, [windows, SAMPLES - 1, 4]."""
    change = np.diff(vectors, axis=1) * HERTZ
    return np.concatenate([change, _norm(change)], axis=2)


def _log(values: Float64) -> Float64:
    return np.asarray(np.log10(np.maximum(values, LEAST)))
