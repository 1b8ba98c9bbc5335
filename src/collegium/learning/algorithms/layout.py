"""The vector that a study's rounds are about: the model, then what its algorithm shares besides.

Tensors that are no part of the model have names that begin with `AUXILIARY`, the last printable
character, so that they sort behind the model's: its parameters are the first of the vector. They
are updated, voted and recomputed like the model, and not released.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from collegium.data.table import SiteRows
from collegium.learning.aggregation.adaptive_clip import CLIP
from collegium.learning.aggregation.counted import STEPS
from collegium.learning.aggregation.stopping import VALIDATION
from collegium.learning.blobs import AUXILIARY, TensorSpec
from collegium.learning.models import ModelSpec, initial_parameters, losses, size, tensors
from collegium.study.document import Study
from collegium.study.privacy import follows
from collegium.study.searching import held_out

_T = TypeVar("_T", bound=np.generic)


def study_tensors(spec: ModelSpec, study: Study) -> tuple[TensorSpec, ...]:
    """Return the tensors of a study's vector, sorted by name."""
    own, training = tensors(spec), study.training
    shared: tuple[TensorSpec, ...] = ()
    if training.algorithm == "scaffold":
        shared = tuple(TensorSpec(f"{AUXILIARY}control.{one.name}", one.shape) for one in own)
    elif training.algorithm == "fednova":
        shared = (STEPS,)
    elif follows(study):
        shared = (CLIP,)
    return (*own, *shared, *(() if held_out(study) is None else (VALIDATION,)))


def starting_vector(
    spec: ModelSpec, study: Study, first: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """Return a study's vector before the first round, float32 [D]: the model, then zeros.

    The model is `first`, float32 [d], or what the seed gives.
    """
    whole = np.zeros(sum(one.size for one in study_tensors(spec, study)), np.float32)
    whole[: size(spec)] = initial_parameters(spec, study.study.seed) if first is None else first
    return whole


def model_part(spec: ModelSpec, vector: NDArray[_T]) -> NDArray[_T]:
    """Return a view of the model's parameters, [d], in a study's vector [D]."""
    return vector[: size(spec)]


def mean_loss(spec: ModelSpec, rows: SiteRows, vector: NDArray[np.float32]) -> float:
    """Return the mean loss of a study's vector [D] on rows; no number where it diverged."""
    return float(row_losses(spec, rows, vector).mean())


def row_losses(spec: ModelSpec, rows: SiteRows, vector: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the loss of a study's vector [D] on each row; no numbers where it diverged."""
    with np.errstate(all="ignore"):
        return losses(spec, model_part(spec, vector), rows.x, rows.y)
