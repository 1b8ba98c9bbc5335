"""Gradient steps on a stack of dense models, with every buffer allocated once.

The stack is [S, d]: line s is one site's parameters. A step works on the first sites of the
stack only, those that still have a batch, and on views of the buffers, never on copies.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collegium.learning._internal import ordinal, survival
from collegium.learning._internal.products import product
from collegium.learning.models import ModelSpec, layered_size, layers
from collegium.study.document import Training

Float32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Descent:
    """A stack of models in training.

    Attributes:
        spec: the model.
        training: how it is trained.
        anchor: float32 [S, d], what the proximal term draws to; [0, d] without one.
        correction: float32 [S, d], added to every gradient; [0, d] for nothing.
        parameters: float32 [S, d], changed by every step.
        gradient: float32 [S, d], of the latest step.
        matrices: views of the parameters, float32 [S, 1 + inputs, outputs] for each layer.
        slopes: such views of the gradient.
        velocity: float32 [S, d], zero when the round begins; [0, d] without momentum.
        scratch: float32 [S, d], overwritten at will; [0, d] where the objective is the loss alone.
        decay: float32 [d], l2 for weights and 0 for biases and gaps.
        activations: each layer's input, float32 [S, B, 1 + width], first column ones.
        deltas: the loss's derivative by each hidden layer's values, float32 [S, B, 1 + width],
            first column meaningless; then by the last layer's output, float32 [S, B, outputs].
        zeros: float32 [B, 1 + width] for each hidden layer.
        targets: float32 [S, B, target width].
    """

    spec: ModelSpec
    training: Training
    anchor: Float32
    correction: Float32
    parameters: Float32
    gradient: Float32
    matrices: tuple[Float32, ...]
    slopes: tuple[Float32, ...]
    velocity: Float32
    scratch: Float32
    decay: Float32
    activations: tuple[Float32, ...]
    deltas: tuple[Float32, ...]
    zeros: tuple[Float32, ...]
    targets: Float32


def begin(
    start: Float32, spec: ModelSpec, training: Training, batch: int, *,
    anchor: Float32 | None = None, correction: Float32 | None = None,
) -> Descent:  # fmt: skip
    """Return a stack that starts at given parameters, float32 [S, d], for batches of B rows.

    `start` becomes the parameters.
    """
    sites, parameters = start.shape
    nothing = np.empty((0, parameters), np.float32)
    activations = [np.empty((sites, batch, 1 + width), np.float32) for width in spec.widths[:-1]]
    for values in activations:
        values[:, :, 0] = 1.0
    outputs = np.empty((sites, batch, spec.widths[-1]), np.float32)
    decay = np.full(parameters, spec.l2, np.float32)
    for matrix in layers(spec, decay):
        matrix[0] = 0.0
    decay[layered_size(spec) :] = 0.0
    gradient = np.empty(start.shape, np.float32)
    return Descent(
        spec,
        training,
        nothing if anchor is None else anchor,
        nothing if correction is None else correction,
        start,
        gradient,
        layers(spec, start),
        layers(spec, gradient),
        np.zeros((sites if training.momentum else 0, parameters), np.float32),
        np.empty((sites if spec.l2 or training.fedprox_mu else 0, parameters), np.float32),
        decay,
        tuple(activations),
        (*(np.empty_like(values) for values in activations[1:]), np.empty_like(outputs)),
        tuple(np.zeros(values.shape[1:], np.float32) for values in activations[1:]),
        np.empty((sites, batch, target_width(spec)), np.float32),
    )


def target_width(spec: ModelSpec) -> int:
    """Return how many numbers a row's target has."""
    return 2 if spec.loss in ("cox", "poisson") else spec.widths[-1]


def step(
    descent: Descent,
    inputs: Float32,
    targets: Float32,
    order: NDArray[np.int64],
    share: Float32,
) -> None:
    """Take one step with one batch for each of the first A sites of the stack.

    Args:
        descent: the stack.
        inputs: float32 [N, 1 + inputs], all sites' rows, first column ones.
        targets: float32 [N, target width].
        order: int64 [A, B], the rows of each site's batch.
        share: float32 [A, B], each row's part in its batch's mean; 0 for padding.
    """
    active = len(order)
    np.take(inputs, order, axis=0, out=descent.activations[0][:active], mode="clip")
    np.take(targets, order, axis=0, out=descent.targets[:active], mode="clip")
    _differentiate(descent, active, share)
    move(descent, active)


def _differentiate(descent: Descent, active: int, share: Float32) -> None:
    """Fill the gradient of the mean loss of each site's batch."""
    activations = [values[:active] for values in descent.activations]
    deltas = [values[:active] for values in descent.deltas]
    matrices = [matrix[:active] for matrix in descent.matrices]
    slopes = [slope[:active] for slope in descent.slopes]
    delta = output_errors(descent, active, share)
    for depth in range(len(matrices) - 1, -1, -1):
        product(activations[depth].transpose(0, 2, 1), delta, slopes[depth])
        if depth:
            below = deltas[depth - 1]
            product(delta, matrices[depth].transpose(0, 2, 1), below)
            below *= activations[depth] > 0.0
            delta = below[:, :, 1:]
    if descent.spec.loss == "cox":
        slopes[-1][:, 0] = 0.0  # all but rounding: a bias cancels in every relative hazard


def output_errors(descent: Descent, active: int, share: Float32) -> Float32:
    """Fill activations; return the loss's derivatives by the outputs times share, [A, B, k]."""
    activations = [values[:active] for values in descent.activations]
    matrices = [matrix[:active] for matrix in descent.matrices]
    # Element-wise work runs over whole buffers, columns of ones included: that is contiguous,
    # and with an array of zeros, not a number, NumPy's loops use the processor's vectors.
    for depth, matrix in enumerate(matrices[:-1]):
        above = activations[depth + 1]
        product(activations[depth], matrix, above[:, :, 1:])
        np.maximum(above, descent.zeros[depth], out=above)
    outputs = descent.deltas[-1][:active]
    product(activations[-1], matrices[-1], outputs)
    residuals(descent, active, share)
    outputs *= share[:, :, None]
    return outputs


def residuals(descent: Descent, active: int, share: Float32) -> None:
    """Turn the last layer's outputs [A, B, k] into the loss's derivative by them, in place.

    An exponential that overflows is meant to: its reciprocal is a probability of zero. Losses
    with more than element-wise work do it in float64, each line of the stack by itself.
    """
    loss, outputs, targets = (
        descent.spec.loss,
        descent.deltas[-1][:active],
        descent.targets[:active],
    )
    if loss == "cox":
        wide = outputs[:, :, 0].astype(np.float64)
        time, event = targets[:, :, 0].astype(np.float64), targets[:, :, 1] == 1.0
        outputs[:, :, 0] = survival.slopes(wide, time, event, share > 0.0)
        return
    if loss == "ordinal":
        first = layered_size(descent.spec)
        gaps = descent.parameters[:active, first:].astype(np.float64)
        classes = targets[:, :, 0].astype(np.int64)
        by_score, by_gap = ordinal.slopes(outputs[:, :, 0].astype(np.float64), classes, gaps)
        outputs[:, :, 0] = by_score
        whole = np.empty((active, 1, descent.spec.gaps), np.float32)
        product(share[:, None], by_gap.astype(np.float32), whole)
        descent.gradient[:active, first:] = whole[:, 0]
        return
    if loss == "logistic":
        np.negative(outputs, out=outputs)
        np.exp(outputs, out=outputs)
        outputs += 1.0
        np.reciprocal(outputs, out=outputs)
    elif loss == "multinomial":
        # A maximum is exact in any order, and fast over the first axis; a sum is left to product.
        outputs -= outputs.transpose(2, 0, 1).copy().max(axis=0)[:, :, None]
        np.exp(outputs, out=outputs)
        sums = np.empty((*outputs.shape[:2], 1), np.float32)
        product(outputs, np.ones((1, outputs.shape[2], 1), np.float32), sums)
        outputs /= sums
    elif loss == "poisson":
        outputs += targets[:, :, 1:]
        np.exp(outputs, out=outputs)
    outputs -= targets[:, :, : outputs.shape[2]]


def move(descent: Descent, active: int) -> None:
    """Move the parameters against the gradient of the whole objective."""
    training = descent.training
    parameters = descent.parameters[:active]
    gradient = descent.gradient[:active]
    scratch = descent.scratch[:active]
    if descent.spec.l2:
        np.multiply(parameters, descent.decay, out=scratch)
        gradient += scratch
    if training.fedprox_mu:
        np.subtract(parameters, descent.anchor[:active], out=scratch)
        scratch *= training.fedprox_mu
        gradient += scratch
    if len(descent.correction):
        gradient += descent.correction[:active]
    if training.momentum:
        velocity = descent.velocity[:active]
        velocity *= training.momentum
        velocity += gradient
        np.copyto(gradient, velocity)
    gradient *= training.learning_rate
    parameters -= gradient
