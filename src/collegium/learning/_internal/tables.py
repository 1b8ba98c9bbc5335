"""All rows of a stack's sites in two tables, from which every batch is taken."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from collegium.learning._internal.descent import target_width
from collegium.learning.models import ModelSpec, offset_apart
from collegium.learning.trainer import TrainingJob

Float32 = NDArray[np.float32]


def tables(jobs: Sequence[TrainingJob], spec: ModelSpec, total: int) -> tuple[Float32, Float32]:
    """Return all N rows and one of zeros: inputs [N + 1, 1 + inputs], targets [N + 1, k].

    A target is an indicator of each class; time and event; a count and its offset; or one value.
    """
    inputs = np.empty((total + 1, 1 + spec.widths[0]), np.float32)
    inputs[:total, 0] = 1.0
    inputs[total] = 0.0
    apart = [] if spec.offset is None else [offset_apart(spec, job.x) for job in jobs]
    seen = [inputs_of for inputs_of, _ in apart] or [job.x for job in jobs]
    np.concatenate(seen, out=inputs[:total, 1:])
    targets = np.zeros((total + 1, target_width(spec)), np.float32)
    values = np.concatenate([job.y for job in jobs])
    if spec.loss == "multinomial":
        targets[np.arange(total), values.astype(np.int64)] = 1.0
    elif spec.loss == "cox":
        targets[:total] = values
    else:
        targets[:total, 0] = values
    if spec.offset is not None:
        targets[:total, 1] = np.concatenate([offset for _, offset in apart])
    return inputs, targets
