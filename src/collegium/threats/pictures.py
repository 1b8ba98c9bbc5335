"""Gradient inversion of networks: pictures rebuilt from the update that they caused.

The attacker knows the model, the rate and how many local epochs there were, and moves candidates
until the update that they would cause resembles the one that was sent: by its squared distance (L.
Zhu, Z. Liu and S. Han, "Deep Leakage from Gradients", NeurIPS 2019), or by the angle to it, for
pictures whose neighboring points differ little (J. Geiping, H. Bauermeister, H. Dröge and M.
Moeller, "Inverting Gradients", NeurIPS 2020, equation 4 and section 6, with signs of slopes and
updates of several local steps).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collegium.learning.jax_losses import kind_of, library, row_losses
from collegium.learning.models import ModelSpec, tensors
from collegium.learning.networks.convolution import Convolutional
from collegium.learning.networks.network import unpacked
from collegium.threats.inversion import Matching

Float64 = NDArray[np.float64]
Float32 = NDArray[np.float32]

_RATE = 0.1
_VARIATION = 0.1
"""How much neighboring points that differ weigh beside the angle."""


def slopes_of_rows(spec: ModelSpec, parameters: Float32, x: Float32, y: NDArray[Any]) -> Float32:
    """Return every row's own gradient, float32 [B, d]."""
    slopes, _ = _programs(spec, 1, x.shape[0])
    return np.asarray(slopes(parameters, x, y.astype(kind_of(spec))))


def label_of_one(spec: ModelSpec, update: Float64) -> int:
    """Return the class of a single row, by the last bias (B. Zhao et al., "iDLG", 2020)."""
    parts = unpacked(tensors(spec), update)
    bias = parts[max(name for name in parts if name.startswith("layer") and "bias" in name)]
    return int(bias[0] < 0) if spec.loss == "logistic" else int(bias.argmin())


def rebuilt(
    spec: ModelSpec, parameters: Float32, update: Float32, y: NDArray[Any], *, by: Matching,
    rate: float, epochs: int, steps: int, within: tuple[float, float], rng: np.random.Generator,
) -> Float64:  # fmt: skip
    """Return pictures whose update resembles a given one: float64 [B, inputs].

    Args:
        spec: of a convolutional network.
        parameters: float32 [d].
        update: float32 [d], over rate and local steps.
        y: [B], the labels, which the attacker is granted.
        by: what is to be small.
        rate: of local steps.
        epochs: local steps over all of the pictures.
        steps: of the search.
        within: the least and the largest value that a point may have.
        rng: draws the first candidates.
    """
    _, slope = _programs(spec, epochs, len(y))
    x = rng.standard_normal((len(y), spec.widths[0])).astype(np.float32)
    first, second = np.zeros_like(x), np.zeros_like(x)
    labels = y.astype(kind_of(spec))
    for step in range(1, steps + 1):
        found = np.asarray(
            slope(x, parameters, update, labels, np.float32(rate), np.float32(by == "angle"))
        )
        found = np.sign(found) if by == "angle" else found
        first = 0.9 * first + 0.1 * found
        second = 0.999 * second + 0.001 * found**2
        pace = _RATE * (1.0 - step / (steps + 1))
        x = x - pace * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.999**step)) + 1e-12)
        x = np.clip(x, *within)
    return x.astype(np.float64)


@lru_cache(maxsize=8)
def _programs(spec: ModelSpec, epochs: int, batch: int) -> tuple[Callable[..., Any], ...]:
    """Return what is compiled for batches: slopes of rows, and those of a search."""
    jax = library()
    jnp = jax.numpy
    shapes, network = tensors(spec), spec.network

    if not isinstance(network, Convolutional):
        raise TypeError("pictures are rebuilt from updates of convolutional networks")

    def loss(flat: Any, x: Any, y: Any) -> Any:
        outputs = network.apply(jnp, unpacked(shapes, flat), x)
        return row_losses(jax, spec, outputs, y).mean()

    def update(flat: Any, x: Any, y: Any, rate: Any) -> Any:
        def step(now: Any, _: Any) -> Any:
            return now - rate * jax.grad(loss)(now, x, y), None

        after = jax.lax.scan(step, flat, None, length=epochs)[0]
        return (flat - after) / (rate * epochs)

    def cost(x: Any, flat: Any, wanted: Any, y: Any, rate: Any, angle: Any) -> Any:
        found = update(flat, x, y, rate)
        length = jnp.sqrt((wanted * wanted).sum())
        distance = ((found - wanted) ** 2).sum() / (length * length + 1e-20)
        cosine = (found * wanted).sum() / (jnp.sqrt((found * found).sum() + 1e-20) * length + 1e-20)
        pictures = x.reshape(batch, *network.shape)
        rough = sum(
            jnp.abs(jnp.diff(pictures, axis=axis)).mean() for axis in range(2, pictures.ndim)
        )
        return angle * (1.0 - cosine + _VARIATION * rough) + (1.0 - angle) * distance

    def of_one(flat: Any, x: Any, y: Any) -> Any:
        return jax.grad(loss)(flat, x[None], y[None])

    each = jax.vmap(of_one, in_axes=(None, 0, 0))
    return jax.jit(each), jax.jit(jax.grad(cost))
