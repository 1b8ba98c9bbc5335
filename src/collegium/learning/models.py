"""Dense models: what their parameters are, where they start, and what they predict.

Every model is a chain of affine layers with rectified linear units between them. A layer's bias
sorts just before its weight, so the flat vector of a layer is the row-major matrix
[1 + inputs, outputs] whose first row is the bias: one matrix product with inputs that begin with
a column of ones does both. An ordinal model's gaps between thresholds stand after its layers.

What the last layer says is a log odds, log odds of several classes, a value, the log of a count's
mean, the log of a relative hazard (whose bias means nothing and stays 0), or a place on an ordinal
scale: one loss for each. A network that is no chain of layers gives these values in its own way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from collegium.learning._internal import ordinal, survival
from collegium.learning.blobs import TensorSpec
from collegium.learning.evaluation.overlap import overlap_losses
from collegium.learning.initial import uniform_weights
from collegium.learning.networks.network import Network

Loss = Literal["logistic", "multinomial", "squared", "poisson", "cox", "ordinal", "overlap"]

_T = TypeVar("_T", bound=np.generic)

_LARGEST_EXPONENT = 709.0
"""exp of more is beyond float64."""


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A model.

    Attributes:
        widths: inputs, hidden units of each layer, outputs. A binary model has one output.
        loss: of one row; "squared" is half the squared error.
        l2: the objective adds l2 / 2 times the sum of squared weights, without biases.
        gaps: parameters after the layers: an ordinal model's classes less two, else 0.
        offset: the column of x that a count's model adds to its last layer's output, if any.
            It is none of `widths`: x has a column more than that.
        network: what stands in the place of layers; then `widths` are inputs and outputs.
        unit: a number's mean and spread: what is trained is (value - mean) / spread.
    """

    widths: tuple[int, ...]
    loss: Loss
    l2: float
    gaps: int = 0
    offset: int | None = None
    network: Network | None = None
    unit: tuple[float, float] | None = None


def layered_size(spec: ModelSpec) -> int:
    """Return how many parameters the layers have; gaps follow."""
    return sum((1 + inputs) * outputs for inputs, outputs in pairwise(spec.widths))


def tensors(spec: ModelSpec) -> tuple[TensorSpec, ...]:
    """Return a model's tensors, sorted by name; weights are [inputs, outputs] of their layer."""
    if spec.network is not None:
        return spec.network.tensors
    found = []
    for layer, (inputs, outputs) in enumerate(pairwise(spec.widths)):
        found.append(TensorSpec(f"layer{layer}.bias", (outputs,)))
        found.append(TensorSpec(f"layer{layer}.weight", (inputs, outputs)))
    if spec.gaps:
        found.append(TensorSpec("threshold_gaps", (spec.gaps,)))
    return tuple(found)


def size(spec: ModelSpec) -> int:
    """Return d, the number of parameters."""
    if spec.network is not None:
        return sum(one.size for one in spec.network.tensors)
    return layered_size(spec) + spec.gaps


def forward_flops(spec: ModelSpec) -> float:
    """Return the floating-point operations of one row on its way forward.

    A multiplication and an addition for each weight of a chain of layers; training takes three
    times as many, since the way back has two products for each one forward.
    """
    if spec.network is not None:
        return spec.network.flops
    return sum(2.0 * inputs * outputs for inputs, outputs in pairwise(spec.widths))


def layers(spec: ModelSpec, flat: NDArray[_T]) -> tuple[NDArray[_T], ...]:
    """Return views of flat vectors [..., d] as one matrix [..., 1 + inputs, outputs] a layer."""
    views = []
    first = 0
    for inputs, outputs in pairwise(spec.widths):
        last = first + (1 + inputs) * outputs
        views.append(flat[..., first:last].reshape(*flat.shape[:-1], 1 + inputs, outputs))
        first = last
    return tuple(views)


def initial_parameters(spec: ModelSpec, seed: int) -> NDArray[np.float32]:
    """Return the parameters before the first round, float32 [d], the same bits everywhere.

    Zeros for a convex model. With hidden layers, weights are uniform in ±sqrt(6 / inputs) of
    their layer (He, Zhang, Ren and Sun, "Delving Deep into Rectifiers", ICCV 2015, equation 10)
    and biases are zero.
    """
    if spec.network is not None:
        return spec.network.initial(seed)
    if len(spec.widths) == 2:
        return np.zeros(size(spec), np.float32)
    return uniform_weights(tensors(spec), seed)


def predict(
    spec: ModelSpec, parameters: NDArray[np.float32], x: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Return scores for rows x [n, columns of x]: float64 [n, scores].

    The probability of class 1 for a binary model, of each class for several, of each pixel; the
    predicted value, or mean count, for a number; for survival the log hazard relative to a row of
    zeros.
    """
    outputs = _outputs(spec, parameters, x)
    if spec.loss in ("logistic", "overlap"):
        small = np.exp(-np.abs(outputs))
        scores: NDArray[np.float64] = np.where(outputs >= 0, 1.0, small) / (1.0 + small)
        return scores
    if spec.loss == "multinomial":
        outputs -= _log_sum_exp(outputs)
        np.exp(outputs, out=outputs)
    elif spec.loss == "poisson":
        np.exp(np.minimum(outputs, _LARGEST_EXPONENT), out=outputs)
    elif spec.loss == "ordinal":
        return ordinal.probabilities(outputs[:, 0], _cuts(spec, parameters))
    elif spec.unit is not None:
        outputs = spec.unit[0] + spec.unit[1] * outputs
    return outputs


def learned(spec: ModelSpec, y: NDArray[Any]) -> NDArray[Any]:
    """Return what a model is trained to give for true values [n]: itself, or in spreads."""
    center, spread = spec.unit or (0.0, 1.0)
    return (
        y if spec.unit is None else np.asarray((y.astype(np.float64) - center) / spread, np.float32)
    )


def losses(
    spec: ModelSpec,
    parameters: NDArray[np.float32],
    x: NDArray[np.float32],
    y: NDArray[np.integer] | NDArray[np.floating],
) -> NDArray[np.float64]:
    """Return each row's loss, float64 [n], without the l2 term.

    A count's lacks log(y!), which no parameter changes; a number's is in spreads, where it has a
    unit. That of survival is the row's part of
    the negative log partial likelihood, with all rows given as one stratum.

    Args:
        spec: the model.
        parameters: float32 [d].
        x: [n, columns of x].
        y: [n]: 0 or 1 for a binary model, the class for several, the value for a number; for
            survival [n, 2] and a segmentation [n, pixels], see `SiteRows`.
    """
    outputs = _outputs(spec, parameters, x)
    if spec.loss == "logistic":
        return np.logaddexp(0.0, outputs[:, 0]) - y * outputs[:, 0]
    if spec.loss == "multinomial":
        chosen = np.take_along_axis(outputs, y.astype(np.int64)[:, None], axis=1)
        return (_log_sum_exp(outputs) - chosen)[:, 0]
    if spec.loss == "overlap":
        return np.asarray(overlap_losses(np, outputs, y))
    if spec.loss == "poisson":
        mean = np.exp(np.minimum(outputs[:, 0], _LARGEST_EXPONENT))
        return np.asarray(mean - y * outputs[:, 0])
    if spec.loss == "cox":
        return survival.terms(outputs[:, 0], y[:, 0].astype(np.float64), y[:, 1] == 1)
    if spec.loss == "ordinal":
        chances = ordinal.probabilities(outputs[:, 0], _cuts(spec, parameters))
        chosen = np.take_along_axis(chances, y.astype(np.int64)[:, None], axis=1)[:, 0]
        return np.asarray(-np.log(np.maximum(chosen, np.finfo(np.float64).tiny)))
    return np.asarray(0.5 * np.square(outputs[:, 0] - learned(spec, y)))


def offset_apart(
    spec: ModelSpec, x: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return what the first layer sees of x, [n, inputs], and what is added to the output, [n]."""
    if spec.offset is None:
        return x, np.zeros(len(x), np.float32)
    return np.delete(x, spec.offset, axis=1), x[:, spec.offset]


def _cuts(spec: ModelSpec, parameters: NDArray[np.float32]) -> NDArray[np.float64]:
    gaps: NDArray[np.float64] = parameters[layered_size(spec) :].astype(np.float64)
    return np.asarray(ordinal.cuts(gaps[None])[0])


def _outputs(
    spec: ModelSpec, parameters: NDArray[np.float32], x: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Return the last layer's values, before any link function: float64 [n, outputs]."""
    if spec.network is not None:
        return spec.network.outputs(parameters, x)
    matrices: Sequence[NDArray[np.float64]] = layers(spec, parameters.astype(np.float64))
    inputs, offset = offset_apart(spec, x)
    values = inputs.astype(np.float64)
    for depth, matrix in enumerate(matrices):
        if depth:
            np.maximum(values, 0.0, out=values)
        values = values @ matrix[1:] + matrix[0]
    if spec.offset is not None:
        values += offset[:, None]
    return values


def _log_sum_exp(outputs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return log(sum(exp(outputs))) over the last axis, [n, 1], without overflow."""
    peak: NDArray[np.float64] = outputs.max(axis=1, keepdims=True)
    peak += np.log(np.exp(outputs - peak).sum(axis=1, keepdims=True))
    return peak
