"""Gradient inversion: rows rebuilt from the step that they caused.

In a dense layer a row's gradient is its input times the error of each unit, and the gradient of
the bias is the error itself: their quotient is the input, exactly, wherever a single row reached a
unit (J. Geiping, H. Bauermeister, H. Dröge and M. Moeller, "Inverting Gradients", NeurIPS 2020,
proposition 3.1). The sign of the output's bias gradient tells a single row's label (B. Zhao, K.
Mopuri and H. Bilen, "iDLG", 2020). Where rows mix, candidates are moved until their gradient points
the same way: by the squared distance of gradients (L. Zhu, Z. Liu and S. Han, "Deep Leakage from
Gradients", NeurIPS 2019) or by the angle between them (Geiping et al.).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from collegium.learning.models import ModelSpec, layers, size
from collegium.threats.image_similarity import noise_ratio, structural_likeness

Float64 = NDArray[np.float64]
Matching = Literal["distance", "angle"]

_STEP, _SMALL = 0.1, 1e-5


def gradients(spec: ModelSpec, parameters: Float64, x: Float64, y: Float64) -> Float64:
    """Return mean gradients of several batches: float64 [K, d].

    Args:
        spec: a logistic, multinomial or squared model.
        parameters: float64 [d].
        x: float64 [K, B, inputs].
        y: float64 [K, B, outputs]: indicators of classes, or values.
    """
    found = np.zeros((len(x), size(spec)))
    matrices, slopes = layers(spec, parameters), layers(spec, found)
    values, inside = x, []
    for depth, matrix in enumerate(matrices):
        values = np.maximum(values, 0.0) if depth else values
        inside.append(np.concatenate([np.ones((*values.shape[:2], 1)), values], axis=2))
        values = inside[-1] @ matrix
    if spec.loss == "logistic":
        values = 1.0 / (1.0 + np.exp(-values))
    elif spec.loss == "multinomial":
        values = np.exp(values - values.max(axis=2, keepdims=True))
        values /= values.sum(axis=2, keepdims=True)
    error = (values - y) / x.shape[1]
    for depth in range(len(matrices) - 1, -1, -1):
        slopes[depth][...] = inside[depth].transpose(0, 2, 1) @ error
        error = (error @ matrices[depth].T)[:, :, 1:] * (inside[depth][:, :, 1:] > 0)
    return found


def quotients(spec: ModelSpec, gradient: Float64) -> Float64:
    """Return the inputs that the first layer's units give away: float64 [units, inputs]."""
    first = layers(spec, gradient)[0]
    said = np.abs(first[0]) > 1e-12
    rows: Float64 = (first[1:, said] / first[0, said]).T
    return rows


def label_of_one(spec: ModelSpec, gradient: Float64) -> int:
    """Return the class of a single row, by the sign of the output's bias gradient."""
    bias = layers(spec, gradient)[-1][0]
    return int(bias[0] < 0) if spec.loss == "logistic" else int(bias.argmin())


def matched(
    spec: ModelSpec, parameters: Float64, gradient: Float64, y: Float64, *, by: Matching,
    steps: int, rng: np.random.Generator,
) -> Float64:  # fmt: skip
    """Return rows whose gradient resembles a given one: float64 [B, inputs].

    Derivatives are taken by differences, Adam moves the candidates.

    Args:
        spec: the model.
        parameters: float64 [d].
        gradient: float64 [d], of the batch that is to be rebuilt.
        y: float64 [B, outputs], its targets, which the attacker is granted.
        by: what is to be small.
        steps: of the search.
        rng: draws the first candidates.
    """
    shape = (len(y), spec.widths[0])
    rows = rng.standard_normal(shape)
    first, second = np.zeros(shape), np.zeros(shape)
    moves = _SMALL * np.eye(rows.size).reshape(-1, *shape)
    targets = np.broadcast_to(y, (2 * len(moves), *y.shape))
    for step in range(1, steps + 1):
        tried = np.concatenate([rows + moves, rows - moves])
        cost = _cost(gradients(spec, parameters, tried, targets), gradient, by)
        slope = (cost[: len(moves)] - cost[len(moves) :]).reshape(shape) / (2 * _SMALL)
        first = 0.9 * first + 0.1 * slope
        second = 0.999 * second + 0.001 * slope**2
        rate = _STEP * (1.0 - step / (steps + 1))
        rows -= rate * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.999**step)) + 1e-12)
    return rows


def _cost(found: Float64, wanted: Float64, by: Matching) -> Float64:
    if by == "distance":
        squares: Float64 = np.square(found - wanted).sum(axis=1)
        return squares / max(float(wanted @ wanted), 1e-300)
    lengths = np.linalg.norm(found, axis=1) * np.linalg.norm(wanted)
    angles: Float64 = 1.0 - (found @ wanted) / np.maximum(lengths, 1e-300)
    return angles


@dataclass(frozen=True, slots=True)
class Reconstruction:
    """How much of the batches an attack rebuilt.

    `error` is the median over rows of the squared distance to the nearest candidate, a coordinate
    of the standardized inputs. `identified` is the share of rows whose nearest candidate is
    nearer to them than to anybody else's of those who were in the sum. Of pictures, `noise_ratio`
    is the median peak signal-to-noise ratio in decibels, and `likeness` the median structural
    similarity.
    """

    attack: str
    rows: int
    error: float
    identified: float
    noise_ratio: float | None = None
    likeness: float | None = None


def judged(
    attack: str, found: list[Float64], batches: list[NDArray[np.int64]], everybody: Float64,
    look: Callable[[Float64], Float64] | None = None,
) -> Reconstruction:  # fmt: skip
    """Compare candidates of several batches with the rows that were in them.

    Args:
        attack: its name.
        found: of each batch, float64 [candidates, inputs].
        batches: of each, which rows were in it.
        everybody: float64 [rows, inputs], all rows that an attacker might take them for.
        look: of pictures, returns one from inputs: float64 [channels, h, w], from 0 to 1.
    """
    errors, identified, ratios, likenesses = [], [], [], []
    for candidates, rows in zip(found, batches, strict=True):
        for row in rows:
            if not len(candidates):
                errors.append(np.inf)
                identified.append(False)
                continue
            away = np.square(candidates - everybody[row]).mean(axis=1)
            nearest = candidates[away.argmin()]
            others = np.square(everybody - nearest).sum(axis=1)
            errors.append(float(away.min()))
            identified.append(bool(others[row] <= others.min()))
            if look is not None:
                one, true = look(nearest), look(everybody[row])
                ratios.append(noise_ratio(one, true))
                likenesses.append(structural_likeness(one, true))
    return Reconstruction(
        attack, len(errors), float(np.median(errors)), float(np.mean(identified)),
        float(np.median(ratios)) if ratios else None,
        float(np.median(likenesses)) if likenesses else None,
    )  # fmt: skip
