"""DP-SGD of networks by JAX: each unit's gradient by itself, clipped as a whole, then noise.

Automatic differentiation is vectorized over units (J. Bradbury et al., JAX: `vmap` of `grad`), so
that a network sees the rows of one unit at a time and nothing of a unit can hide in statistics of
a batch. Gradients are held for a few units together and added up as they are clipped. Samples and
noise are drawn as for dense models, outside of the compiled program; a site's batches have a fixed
room.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collegium.learning._internal.private_training import SamplePlan, planned
from collegium.learning.jax_losses import library, padded_rows, row_losses
from collegium.learning.models import ModelSpec, size, tensors
from collegium.learning.networks.augmentation import augmented
from collegium.learning.networks.network import penalized, unpacked
from collegium.learning.private import NoiseTerms, PrivateJob
from collegium.study.document import Training
from collegium.study.training import Augmentation

Float32 = NDArray[np.float32]

_TOGETHER = 16
_MAX_VALUES = 1 << 22
"""Units whose gradients are held together, and the most values that they have."""

_ROOM = 1.0 - 1e-4
"""Clips a little lower than the bound, as for dense models."""


def train_privately(
    jobs: Sequence[PrivateJob], spec: ModelSpec, training: Training, noising: NoiseTerms
) -> Float32:
    """Return each job's parameters after a round of DP-SGD, float32 [len(jobs), d]."""
    trained = np.empty((len(jobs), size(spec)), np.float32)
    for place, job in enumerate(jobs):
        trained[place] = _train(planned(job, noising), spec, training, noising)
    return trained


def _train(plan: SamplePlan, spec: ModelSpec, training: Training, noising: NoiseTerms) -> Float32:
    job, d = plan.job.job, size(spec)
    x, y = padded_rows(job, spec)
    room, most = plan.shape
    together = max(1, min(_TOGETHER, _MAX_VALUES // d, room))
    groups = -(-room // together)
    laid = np.full((noising.steps, groups * together, most), -1, np.int64)
    laid[:, :room] = plan.rows
    counts = np.maximum((laid >= 0).sum(axis=2, keepdims=True), 1)
    parts = ((laid >= 0) / counts).astype(np.float32)
    shape = (noising.steps, groups, together, most)
    order = np.where(laid >= 0, laid, len(x) - 1).astype(np.int32).reshape(shape)
    spread = noising.noise_multiplier * noising.clip
    noise = np.stack([spread * plan.noise.normals(d) for _ in range(noising.steps)])
    anchor = job.start if job.anchor is None else job.anchor
    rates = np.array(
        [training.learning_rate, training.momentum, training.fedprox_mu, spec.l2, noising.clip,
         1.0 / (noising.sampling_rate * plan.job.size)], np.float32,
    )  # fmt: skip
    run = _program(spec, training.augmentation)
    found = run(
        job.start, anchor, x, y, order, parts.reshape(shape),
        noise.astype(np.float32), rates, plan.noise.words(1).view(np.uint32),
    )  # fmt: skip
    return np.asarray(found)


@lru_cache(maxsize=8)
def _program(spec: ModelSpec, asked: Augmentation | None) -> Callable[..., Any]:
    """Return the compiled round of one site."""
    jax = library()
    jnp = jax.numpy
    shapes = tensors(spec)
    weights = jnp.asarray(penalized(shapes), jnp.float32)
    network: Any = spec.network

    def loss_of_unit(flat: Any, x: Any, y: Any, parts: Any) -> Any:
        outputs = network.apply(jnp, unpacked(shapes, flat), x)
        return (parts * row_losses(jax, spec, outputs, y)).sum()

    slopes = jax.vmap(jax.grad(loss_of_unit), in_axes=(None, 0, 0, 0))

    def local_work(
        start: Any, anchor: Any, x: Any, y: Any, order: Any, parts: Any, noise: Any, rates: Any,
        words: Any,
    ) -> Any:  # fmt: skip
        rate, momentum, mu, l2, clip, share = rates

        def clipped(turn: Any, flat: Any) -> Any:
            def more(group: Any, total: Any) -> Any:
                rows = order[turn, group]
                seen = x[rows]
                if asked is not None:
                    place = turn * order.shape[1] + group
                    flatly = augmented(
                        jax, asked, network.shape, words, place, seen.reshape(-1, x.shape[1])
                    )
                    seen = flatly.reshape(seen.shape)
                each = slopes(flat, seen, y[rows], parts[turn, group])
                squares = (each * each).sum(axis=1)
                sound = jnp.isfinite(squares)
                factors = jnp.minimum(1.0, clip * _ROOM / jnp.sqrt(jnp.maximum(squares, 1e-30)))
                kept = jnp.where(sound[:, None], each * factors[:, None], 0.0)
                return total + kept.sum(axis=0)

            return jax.lax.fori_loop(0, order.shape[1], more, jnp.zeros_like(flat))

        def step(turn: Any, state: Any) -> Any:
            flat, velocity = state
            gradient = (clipped(turn, flat) + noise[turn]) * share
            gradient = gradient + l2 * weights * flat + mu * (flat - anchor)
            velocity = momentum * velocity + gradient
            return flat - rate * velocity, velocity

        steps = noise.shape[0]
        return jax.lax.fori_loop(0, steps, step, (start, jnp.zeros_like(start)))[0]

    compiled: Callable[..., Any] = jax.jit(local_work)
    return compiled
