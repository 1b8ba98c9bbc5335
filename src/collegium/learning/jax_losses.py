"""JAX itself, set up once; the rows that its trainers are given, and losses to differentiate."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collegium.errors import PluginError
from collegium.learning.evaluation.overlap import overlap_losses
from collegium.learning.models import ModelSpec
from collegium.learning.trainer import TrainingJob

_ONE_THREAD = "--xla_cpu_multi_thread_eigen=false"


def library() -> Any:
    """Return JAX, set up once: one thread, and a cache of compiled programs.

    Raises:
        PluginError: the extra is not installed.
    """
    flags = os.environ.get("XLA_FLAGS", "")
    if _ONE_THREAD not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} {_ONE_THREAD}".strip()
    try:
        import jax
    except ImportError as error:
        raise PluginError(
            "plugin.extra", "this model needs JAX, which is not installed", str(error),
            "install it: pip install 'collegium[jax]'",
        ) from error  # fmt: skip
    if jax.config.jax_compilation_cache_dir is None:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        jax.config.update("jax_compilation_cache_dir", str(cache / "collegium" / "jax"))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    return jax


def kind_of(spec: ModelSpec) -> type[np.generic]:
    """Return the type of targets that a loss takes."""
    return np.int32 if spec.loss == "multinomial" else np.float32


def padded_rows(job: TrainingJob, spec: ModelSpec) -> tuple[NDArray[np.float32], NDArray[Any]]:
    """Return a job's rows and targets with rows of zeros behind them: so that few sizes compile.

    There are more rows than the job has, so the last one is padding. Targets have the type that the
    loss takes.
    """
    rows = 1 << len(job.x).bit_length()
    x = np.zeros((rows, job.x.shape[1]), np.float32)
    x[: len(job.x)] = job.x
    y = np.zeros((rows, *job.y.shape[1:]), kind_of(spec))
    y[: len(job.y)] = job.y
    return x, y


def row_losses(jax: Any, spec: ModelSpec, outputs: Any, y: Any) -> Any:
    """Return each row's loss, [B]: the network's own, where it has one."""
    jnp = jax.numpy
    own = getattr(spec.network, "loss", None)
    if own is not None:
        return own(outputs, y)
    if spec.loss == "multinomial":
        chosen = jnp.take_along_axis(outputs, y[:, None], axis=1)[:, 0]
        return jax.nn.logsumexp(outputs, axis=1) - chosen
    if spec.loss == "overlap":
        return overlap_losses(jnp, outputs, y)
    value = outputs[:, 0]
    if spec.loss == "logistic":
        return jnp.logaddexp(0.0, value) - y * value
    if spec.loss == "poisson":
        return jnp.exp(value) - y * value
    return 0.5 * (value - y) ** 2
