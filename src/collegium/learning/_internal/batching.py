"""The batches of one site's local work, for trainers that work site by site."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collegium.learning._internal.shuffling import epoch_orders, site_keys
from collegium.learning.trainer import TrainingJob
from collegium.study.document import Training


@dataclass(frozen=True, slots=True, eq=False)
class Batches:
    """Which rows are in each step's batch, and each one's part in its mean.

    Attributes:
        order: int64 [T, B]; the number of rows, which is none of them, for padding.
        share: float32 [T, B]; 0 for padding.
    """

    order: NDArray[np.int64]
    share: NDArray[np.float32]


def batches_of(job: TrainingJob, training: Training, seed: int) -> Batches:
    """Return a site's batches in a round: the same ones as with the dense trainer."""
    rows = np.array([len(job.x)])
    count = int(rows[0])
    size = min(training.batch_size, count)
    steps = -(-count // size)
    keys = site_keys(seed, [(job.site, job.round)])
    orders = [
        epoch_orders(keys, rows, epoch, steps * size)[0] for epoch in range(training.local_epochs)
    ]
    order = np.minimum(np.concatenate(orders), count).reshape(-1, size)
    there = order < count
    share = (there / there.sum(axis=1, keepdims=True)).astype(np.float32)
    return Batches(order, share)
