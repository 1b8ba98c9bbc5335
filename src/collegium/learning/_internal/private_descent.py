"""Steps of DP-SGD on a stack of dense models, without storing a gradient of any unit.

For a dense layer the gradient of a row is the outer product of the layer's input a and the loss's
derivative e by its output, so its norm is |a| |e| (I. Goodfellow, "Efficient Per-Example Gradient
Computations", arXiv 1510.01799). The gradient of a unit of several rows is a sum of outer
products, whose squared norm is the sum over pairs of rows of (a . a') (e . e'). Both are small
products; each row is then scaled by its unit's factor and one ordinary product gives the clipped
sum.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collegium.learning._internal import ordinal
from collegium.learning._internal.descent import Descent, move, output_errors
from collegium.learning._internal.products import product
from collegium.learning.noise import SecretStream
from collegium.learning.private import NoiseTerms

Float32 = NDArray[np.float32]

_ROOM = 1.0 - 1e-4
"""Clips a little lower than the bound: norms are sums in float32, right to about 1e-6."""


_ROUNDING = np.float32(1e-5)
"""What rounding may hide of a squared sum in float32, relative to the sum of magnitudes squared."""


def private_step(
    descent: Descent,
    inputs: Float32,
    targets: Float32,
    order: NDArray[np.int64],
    parts: Float32,
    rows_of_unit: int,
    noising: NoiseTerms,
    sizes: Float32,
    streams: Sequence[SecretStream],
) -> None:
    """Take one step of every site of the stack.

    Args:
        descent: the stack, for batches of U units times m rows.
        inputs: float32 [N + 1, 1 + inputs], all sites' rows and one of zeros.
        targets: float32 [N + 1, outputs].
        order: int64 [S, U m], the rows in each site's sample, unit by unit; N for padding.
        parts: float32 [S, U m], each row's part in its unit's mean; 0 for padding.
        rows_of_unit: m.
        noising: clip, noise and sampling rate.
        sizes: float32 [S], each site's public number of units.
        streams: each site's noise.
    """
    np.take(inputs, order, axis=0, out=descent.activations[0], mode="clip")
    np.take(targets, order, axis=0, out=descent.targets, mode="clip")
    _backpropagate(descent, parts)
    apart = _slopes_of_gaps(descent, parts)
    factors = _factors(descent, apart, rows_of_unit, noising.clip)
    for depth, delta in enumerate(_errors(descent)):
        delta *= factors
        product(descent.activations[depth].transpose(0, 2, 1), delta, descent.slopes[depth])
    if descent.spec.gaps:
        apart *= factors
        descent.gradient[:, -descent.spec.gaps :] = _sums(apart.transpose(0, 2, 1))[:, :, 0]
    count = descent.gradient.shape[1]
    for site, stream in enumerate(streams):
        noise = stream.normals(count)
        noise *= noising.noise_multiplier * noising.clip
        descent.gradient[site] += noise
    gradient = descent.gradient
    gradient /= (np.float32(noising.sampling_rate) * sizes)[:, None]
    move(descent, len(streams))


def _errors(descent: Descent) -> list[Float32]:
    """Return the loss's derivatives by each layer's output, views of float32 [S, B, outputs]."""
    return [*(delta[:, :, 1:] for delta in descent.deltas[:-1]), descent.deltas[-1]]


def _backpropagate(descent: Descent, parts: Float32) -> None:
    """Fill activations and derivatives, those of each row times its part in its unit's mean."""
    matrices = descent.matrices
    activations, deltas = descent.activations, descent.deltas
    delta = output_errors(descent, len(parts), parts)
    for depth in range(len(matrices) - 1, 0, -1):
        below = deltas[depth - 1]
        product(delta, matrices[depth].transpose(0, 2, 1), below)
        below *= activations[depth] > 0.0
        delta = below[:, :, 1:]


def _slopes_of_gaps(descent: Descent, parts: Float32) -> Float32:
    """Return each row's derivative by an ordinal model's gaps times its part: [S, B, gaps]."""
    spec = descent.spec
    if not spec.gaps:
        return np.zeros((*parts.shape, 0), np.float32)
    scores = np.empty((*parts.shape, 1), np.float32)
    product(descent.activations[-1], descent.matrices[-1], scores)
    classes = descent.targets[:, :, 0].astype(np.int64)
    gaps = descent.parameters[:, -spec.gaps :].astype(np.float64)
    found = ordinal.slopes(scores[:, :, 0].astype(np.float64), classes, gaps)[1]
    return (found * parts[:, :, None]).astype(np.float32)


def _factors(descent: Descent, apart: Float32, rows: int, clip: float) -> Float32:
    """Return by how much each row is scaled, so that no unit adds more than the clip: [S, B, 1].

    A unit whose gradient is no number adds nothing; it must not make the sum one either.
    """
    sites, batch = descent.targets.shape[:2]
    squares = np.zeros((sites * batch // rows, 1, 1), np.float32)
    errors = _errors(descent)
    for inputs, delta in zip(descent.activations, errors, strict=True):
        squares += _squared_norms(inputs, delta, rows)
    if descent.spec.gaps:  # as if they were a layer whose only input is 1
        squares += _squared_norms(np.ones((sites, batch, 1), np.float32), apart, rows)
    # With no norm at all the bound over it is infinite, and the factor 1.
    factors = np.minimum(np.float32(clip * _ROOM) / np.sqrt(squares), np.float32(1.0))
    wrong = ~np.isfinite(squares)
    if wrong.any():
        factors[wrong] = 0.0
        lost = np.repeat(wrong.reshape(sites, -1), rows, axis=1)
        for inputs, delta in zip(descent.activations, errors, strict=True):
            delta[lost] = 0.0
            inputs[lost] = 0.0
            inputs[:, :, 0] = 1.0
        apart[lost] = 0.0
    return np.repeat(factors.reshape(sites, -1), rows, axis=1)[:, :, None]


def _squared_norms(inputs: Float32, delta: Float32, rows: int) -> Float32:
    """Return the squared norm of each unit's gradient in one layer: float32 [S U, 1, 1]."""
    a = inputs.reshape(-1, rows, inputs.shape[2])
    e = np.ascontiguousarray(delta).reshape(-1, rows, delta.shape[2])
    if rows == 1:
        found = _sums(a * a)
        found *= _sums(e * e)
        return found
    pairs = np.empty((len(a), rows, rows), np.float32)
    others = np.empty_like(pairs)
    product(a, a.transpose(0, 2, 1), pairs)
    product(e, e.transpose(0, 2, 1), others)
    pairs *= others
    # Rows that cancel each other leave a small norm and large rounding errors: the bound takes
    # the errors' part of what the rows could be at most together.
    own = np.sqrt(np.einsum("nrr->nr", pairs))
    most = _sums(own[:, None, :])
    squares = np.maximum(_sums(pairs.reshape(len(a), 1, -1)), 0.0)
    squares += _ROUNDING * most * most
    return squares


def _sums(values: Float32) -> Float32:
    """Return sums over the last axis as a product with ones: [n, 1, k] -> [n, 1, 1]."""
    found = np.empty((*values.shape[:2], 1), np.float32)
    product(values, np.ones((1, values.shape[2], 1), np.float32), found)
    return found


def samples(
    stream: SecretStream, units: int, rate: float, steps: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return a Poisson sample of the units for every step: the step and unit of each member.

    Both are int64 [members], in order of steps; a unit is in a step independently of the others.
    """
    drawn: Any = stream.chances(steps * units, rate).reshape(steps, units)
    turn, unit = np.nonzero(drawn)
    return turn, unit
