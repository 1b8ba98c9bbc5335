"""Dense models: what their parameters are, where they start, and what they predict.

Every model is a chain of affine layers with rectified linear units between them. A layer's bias
sorts just before its weight, so the flat vector of a layer is the row-major matrix
[1 + inputs, outputs] whose first row is the bias: one matrix product with inputs that begin with
a column of ones does both.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from collegium.errors import StudyError
from collegium.learning.blobs import TensorSpec
from collegium.study.document import Model

Loss = Literal["logistic", "multinomial", "squared"]

_T = TypeVar("_T", bound=np.generic)

_MAX_LAYERS = 10


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A dense model.

    Attributes:
        widths: inputs, hidden units of each layer, outputs. A binary model has one output.
        loss: of one row; "squared" is half the squared error.
        l2: the objective adds l2 / 2 times the sum of squared weights, without biases.
    """

    widths: tuple[int, ...]
    loss: Loss
    l2: float


def model_spec(model: Model, inputs: int, classes: int | None) -> ModelSpec:
    """Return the model that a study's ``[model]`` means for given data.

    Args:
        model: the section of the study document.
        inputs: columns of x.
        classes: number of classes of the target, None for a number to be predicted.

    Raises:
        StudyError: the architecture does not fit the target, or its layers are impossible.
    """
    loss: Loss
    if classes is None:
        loss, outputs = "squared", 1
    elif classes == 2 and model.architecture != "multinomial":
        loss, outputs = "logistic", 1
    else:
        loss, outputs = "multinomial", classes
    fits = {"linear": "squared", "logistic": "logistic", "multinomial": "multinomial", "mlp": loss}
    if fits[model.architecture] != loss or outputs < 1 or classes == 1:
        target = "a number" if classes is None else f"one of {classes} classes"
        raise StudyError(
            "model.target",
            f"a {model.architecture} model cannot predict {target}",
            "linear predicts a number, logistic one of two classes, multinomial one of several",
            "choose another model.architecture",
        )
    if bool(model.hidden) != (model.architecture == "mlp"):
        raise StudyError(
            "model.hidden",
            f"model.hidden = {list(model.hidden)} does not fit {model.architecture}",
            "an mlp has hidden layers and the other architectures have none",
            "set model.hidden to the widths of an mlp's hidden layers, or leave it out",
        )
    widths = (inputs, *model.hidden, outputs)
    if min(widths) < 1 or len(widths) > _MAX_LAYERS + 1:
        raise StudyError(
            "model.layers",
            f"a model of widths {list(widths)} is impossible",
            f"every width is at least 1, and there are at most {_MAX_LAYERS} layers",
            "change model.hidden",
        )
    return ModelSpec(widths, loss, model.l2)


def tensors(spec: ModelSpec) -> tuple[TensorSpec, ...]:
    """Return a model's tensors, sorted by name; weights are [inputs, outputs] of their layer."""
    found = []
    for layer, (inputs, outputs) in enumerate(pairwise(spec.widths)):
        found.append(TensorSpec(f"layer{layer}.bias", (outputs,)))
        found.append(TensorSpec(f"layer{layer}.weight", (inputs, outputs)))
    return tuple(found)


def size(spec: ModelSpec) -> int:
    """Return d, the number of parameters."""
    return sum((1 + inputs) * outputs for inputs, outputs in pairwise(spec.widths))


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
    flat = np.zeros(size(spec), np.float32)
    if len(spec.widths) == 2:
        return flat
    key = hashlib.sha256(f"collegium/initial/v1\0{seed}".encode()).digest()
    # Raw words: NumPy keeps a bit generator's stream for ever, but not what is made of it.
    generator = np.random.Philox(key=np.frombuffer(key[:16], "<u8").astype(np.uint64))
    for matrix in layers(spec, flat):
        inputs, outputs = matrix.shape[0] - 1, matrix.shape[1]
        words = generator.random_raw(inputs * outputs).reshape(inputs, outputs)
        unit = (words >> np.uint64(11)).astype(np.float64) * 2.0**-53
        matrix[1:] = (2.0 * unit - 1.0) * np.sqrt(6.0 / inputs)
    return flat


def predict(
    spec: ModelSpec, parameters: NDArray[np.float32], x: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Return scores for rows x [n, inputs]: float64 [n, outputs].

    The probability of class 1 for a binary model, of each class for several, the predicted
    value for a regression.
    """
    outputs = _outputs(spec, parameters, x)
    if spec.loss == "logistic":
        small = np.exp(-np.abs(outputs))
        scores: NDArray[np.float64] = np.where(outputs >= 0, 1.0, small) / (1.0 + small)
        return scores
    if spec.loss == "multinomial":
        outputs -= _log_sum_exp(outputs)
        np.exp(outputs, out=outputs)
    return outputs


def losses(
    spec: ModelSpec,
    parameters: NDArray[np.float32],
    x: NDArray[np.float32],
    y: NDArray[np.integer] | NDArray[np.floating],
) -> NDArray[np.float64]:
    """Return each row's loss, float64 [n], without the l2 term.

    Args:
        spec: the model.
        parameters: float32 [d].
        x: [n, inputs].
        y: [n]: 0 or 1 for a binary model, the class for several, the value for a regression.
    """
    outputs = _outputs(spec, parameters, x)
    if spec.loss == "logistic":
        return np.logaddexp(0.0, outputs[:, 0]) - y * outputs[:, 0]
    if spec.loss == "multinomial":
        chosen = np.take_along_axis(outputs, y.astype(np.int64)[:, None], axis=1)
        return (_log_sum_exp(outputs) - chosen)[:, 0]
    return 0.5 * np.square(outputs[:, 0] - y)


def _outputs(
    spec: ModelSpec, parameters: NDArray[np.float32], x: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Return the last layer's values, before any link function: float64 [n, outputs]."""
    matrices: Sequence[NDArray[np.float64]] = layers(spec, parameters.astype(np.float64))
    values = x.astype(np.float64)
    for depth, matrix in enumerate(matrices):
        if depth:
            np.maximum(values, 0.0, out=values)
        values = values @ matrix[1:] + matrix[0]
    return values


def _log_sum_exp(outputs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return log(sum(exp(outputs))) over the last axis, [n, 1], without overflow."""
    peak: NDArray[np.float64] = outputs.max(axis=1, keepdims=True)
    peak += np.log(np.exp(outputs - peak).sum(axis=1, keepdims=True))
    return peak
