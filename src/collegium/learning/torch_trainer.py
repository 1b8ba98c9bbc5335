"""The PyTorch trainer: a user's own module, site by site, on one thread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collegium.errors import PluginError
from collegium.learning._internal.batching import batches_of
from collegium.learning.models import ModelSpec, size, tensors
from collegium.learning.networks.custom import CustomModule
from collegium.learning.networks.network import penalized, unpacked
from collegium.learning.trainer import Trainer, TrainingJob
from collegium.study.document import Training

Float32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Torch:
    """A user's own module, by PyTorch (the extra ``torch``)."""

    name: str = "torch@1"

    def require(self) -> None:
        """Refuse to go on without PyTorch.

        Raises:
            PluginError: the extra is not installed.
        """
        try:
            import torch  # noqa: F401 - only whether it is there
        except ImportError as error:
            raise PluginError(
                "plugin.extra", "this model needs PyTorch, which is not installed", str(error),
                "install it: pip install 'collegium[torch]'",
            ) from error  # fmt: skip

    def train(
        self, jobs: Sequence[TrainingJob], spec: ModelSpec, training: Training, seed: int
    ) -> Float32:
        """Return each job's parameters after local training, float32 [len(jobs), d]."""
        import torch

        if not isinstance(spec.network, CustomModule):
            raise TypeError(spec.network)
        threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
        torch.set_num_threads(1)
        torch.use_deterministic_algorithms(True)
        trained = np.empty((len(jobs), size(spec)), np.float32)
        try:
            for place, job in enumerate(jobs):
                with torch.random.fork_rng(devices=[]):
                    torch.manual_seed(_draws(seed, job))
                    trained[place] = _train(torch, spec.network, job, spec, training, seed)
        finally:
            torch.use_deterministic_algorithms(strict)
            torch.set_num_threads(threads)
        return trained


def _draws(seed: int, job: TrainingJob) -> int:
    """Return what seeds a module's own randomness, such as dropout, in a site's round."""
    tag = f"collegium/torch/v1\0{seed}\0{job.round}\0{job.site}".encode()
    return int.from_bytes(sha256(tag).digest()[:7])


def _train(
    torch: Any,
    network: CustomModule,
    job: TrainingJob,
    spec: ModelSpec,
    training: Training,
    seed: int,
) -> Float32:
    module = network.made(seed).train()
    shapes = tensors(spec)
    flat = torch.from_numpy(job.start.copy())
    anchor = torch.from_numpy((job.start if job.anchor is None else job.anchor).copy())
    shift = None if job.correction is None else torch.from_numpy(job.correction.copy())
    ridge = torch.from_numpy(penalized(shapes).astype(np.float32) * np.float32(spec.l2))
    x = torch.from_numpy(np.ascontiguousarray(job.x))
    y = torch.from_numpy(job.y.astype(np.int64 if spec.loss == "multinomial" else np.float32))
    velocity = torch.zeros_like(flat)
    batches = batches_of(job, training, seed)
    for order, share in zip(batches.order, batches.share, strict=True):
        there = share > 0
        rows = torch.from_numpy(order[there])
        flat.requires_grad_(True)
        outputs = torch.func.functional_call(module, unpacked(shapes, flat), (x[rows],))
        losses = _losses(torch, network, spec, outputs, y[rows])
        (gradient,) = torch.autograd.grad((losses * torch.from_numpy(share[there])).sum(), flat)
        with torch.no_grad():
            flat = flat.detach()
            gradient = gradient + ridge * flat + training.fedprox_mu * (flat - anchor)
            if shift is not None:
                gradient = gradient + shift
            velocity = training.momentum * velocity + gradient
            flat = flat - training.learning_rate * velocity
    found: Float32 = flat.numpy()
    return found


def _losses(torch: Any, network: CustomModule, spec: ModelSpec, outputs: Any, y: Any) -> Any:
    """Return each row's loss, [B]."""
    from collegium.learning.networks import custom_code as own_code

    own = getattr(own_code.load(network.code, network.digest), "loss", None)
    if own is not None:
        return own(outputs, y)
    functional = torch.nn.functional
    if spec.loss == "multinomial":
        return functional.cross_entropy(outputs, y, reduction="none")
    value = outputs[:, 0]
    if spec.loss == "logistic":
        return functional.binary_cross_entropy_with_logits(value, y, reduction="none")
    if spec.loss == "poisson":
        return torch.exp(value) - y * value
    return 0.5 * (value - y) ** 2


TORCH: Trainer = Torch()
