"""The JAX trainer: networks client by client, compiled once for each size of a site.

A site's rows are padded to a power of two and its steps counted by a loop that is part of the
compiled program, so shapes depend on the site alone: its result does not change with who is
trained beside it. One thread works, because the order of a sum must not depend on their number.
Compiled programs are kept in the user's cache folder from one process to the next.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collegium.learning._internal.batching import batches_of
from collegium.learning.jax_losses import library, padded_rows, row_losses
from collegium.learning.jax_private import train_privately
from collegium.learning.models import ModelSpec, size, tensors
from collegium.learning.networks.augmentation import augmented, words_of
from collegium.learning.networks.autoencoder import Autoencoder, held_out
from collegium.learning.networks.network import penalized, unpacked
from collegium.learning.private import NoiseTerms, PrivateJob
from collegium.learning.trainer import Trainer, TrainingJob
from collegium.study.document import Training
from collegium.study.training import Augmentation

Float32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Jax:
    """Convolutional networks and a user's own functions, by JAX (the extra ``jax``)."""

    name: str = "jax@1"

    def require(self) -> None:
        """Refuse to go on without JAX.

        Raises:
            PluginError: the extra is not installed.
        """
        library()

    def train(
        self, jobs: Sequence[TrainingJob], spec: ModelSpec, training: Training, seed: int
    ) -> Float32:
        """Return each job's parameters after local training, float32 [len(jobs), d]."""
        trained = np.empty((len(jobs), size(spec)), np.float32)
        for place, job in enumerate(jobs):
            trained[place] = _train(job, spec, training, seed)
        return trained

    def train_privately(
        self,
        jobs: Sequence[PrivateJob],
        spec: ModelSpec,
        training: Training,
        noising: NoiseTerms,
    ) -> Float32:
        """Return each job's parameters after a round of DP-SGD, float32 [len(jobs), d]."""
        return train_privately(jobs, spec, training, noising)


def _train(job: TrainingJob, spec: ModelSpec, training: Training, seed: int) -> Float32:
    network = spec.network
    if isinstance(network, Autoencoder):
        apart = held_out(len(job.x))
        learned = replace(job, x=job.x[~apart], y=job.y[~apart])
        seen = job.x[apart] if apart.any() else job.x
        return network.with_level(_descended(learned, spec, training, seed), seen)
    return _descended(job, spec, training, seed)


def _descended(job: TrainingJob, spec: ModelSpec, training: Training, seed: int) -> Float32:
    batches = batches_of(job, training, seed)
    x, y = padded_rows(job, spec)
    steps, width = batches.order.shape
    order = np.full((1 << (steps - 1).bit_length(), width), len(job.x), np.int32)
    order[:steps] = batches.order
    share = np.zeros(order.shape, np.float32)
    share[:steps] = batches.share
    anchor = job.start if job.anchor is None else job.anchor
    correction = np.zeros_like(job.start) if job.correction is None else job.correction
    rates = np.array(
        [training.learning_rate, training.momentum, training.fedprox_mu, spec.l2], np.float32
    )
    run = _program(spec, training.augmentation)
    found = run(
        job.start, anchor, correction, x, y, order, share, steps, rates,
        words_of(seed, job.site, job.round),
    )  # fmt: skip
    return np.asarray(found)


@lru_cache(maxsize=8)
def _program(spec: ModelSpec, asked: Augmentation | None) -> Callable[..., Any]:
    """Return the compiled local work of one site."""
    jax = library()
    jnp = jax.numpy
    shapes = tensors(spec)
    weights = jnp.asarray(penalized(shapes), jnp.float32)
    network: Any = spec.network

    def mean_loss(flat: Any, x: Any, y: Any, share: Any) -> Any:
        parameters = unpacked(shapes, flat)
        if isinstance(network, Autoencoder):
            return (share * network.row_losses(jnp, parameters, x, y)).sum()
        outputs = network.apply(jnp, parameters, x)
        return (share * row_losses(jax, spec, outputs, y)).sum()

    slope = jax.grad(mean_loss)

    def local_work(
        start: Any, anchor: Any, correction: Any, x: Any, y: Any, order: Any, share: Any,
        steps: Any, rates: Any, words: Any,
    ) -> Any:  # fmt: skip
        rate, momentum, mu, l2 = rates

        def step(turn: Any, state: Any) -> Any:
            flat, velocity = state
            rows = order[turn]
            seen = x[rows]
            if asked is not None:
                seen = augmented(jax, asked, network.shape, words, turn, seen)
            gradient = slope(flat, seen, y[rows], share[turn])
            gradient = gradient + l2 * weights * flat + mu * (flat - anchor) + correction
            velocity = momentum * velocity + gradient
            return flat - rate * velocity, velocity

        return jax.lax.fori_loop(0, steps, step, (start, jnp.zeros_like(start)))[0]

    compiled: Callable[..., Any] = jax.jit(local_work)
    return compiled


JAX: Trainer = Jax()
