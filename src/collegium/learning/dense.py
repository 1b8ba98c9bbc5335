"""The NumPy trainer: all sites of a round at once, as stacks of equal matrix products.

A stacked product calls the same BLAS routine for each site as a stack of one, so a site gets
the same bits alone, in a half and in a whole stack. For that to hold, shapes depend on the site
alone (`_batch_rows`), sites that are done leave the stack, nothing is summed over sites, and
`product` keeps to sizes that BLAS computes alike with any number of threads.

Local work is SGD (McMahan et al. 2017) with momentum that starts anew each round; FedProx adds
mu / 2 times the squared distance from the round's start to the objective (Li, Sahu, Zaheer,
Sanjabi, Talwalkar and Smith, "Federated Optimization in Heterogeneous Networks", MLSys 2020).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collegium.learning._internal.descent import begin, step
from collegium.learning._internal.memory import keep_freed_memory
from collegium.learning._internal.private_training import train_privately
from collegium.learning._internal.shuffling import epoch_orders, site_keys
from collegium.learning._internal.tables import tables
from collegium.learning.models import ModelSpec, size
from collegium.learning.private import NoiseTerms, PrivateJob
from collegium.learning.trainer import Trainer, TrainingJob
from collegium.study.document import Training

Float32 = NDArray[np.float32]

_MAX_SITES = 256
"""Sites trained together; more of them no longer stay near the processor."""

_MAX_VALUES = 1 << 22
"""Values of a stack (rows and parameters); a larger site is trained alone."""


@dataclass(frozen=True, slots=True)
class Dense:
    """Linear, logistic, multinomial, ordinal, Poisson and Cox models and networks, in float32."""

    name: str = "dense@1"
    together: int = _MAX_SITES

    def train(
        self, jobs: Sequence[TrainingJob], spec: ModelSpec, training: Training, seed: int
    ) -> Float32:
        """Return each job's parameters after local training, float32 [len(jobs), d]."""
        trained = np.empty((len(jobs), size(spec)), np.float32)
        with np.errstate(all="ignore"):
            for chosen in _chunks(jobs, spec, training.batch_size):
                chunk = [jobs[i] for i in chosen]
                trained[chosen] = _train_chunk(chunk, spec, training, seed)
        return trained

    def train_privately(
        self,
        jobs: Sequence[PrivateJob],
        spec: ModelSpec,
        training: Training,
        noising: NoiseTerms,
    ) -> Float32:
        """Return each job's parameters after a round of DP-SGD, float32 [len(jobs), d]."""
        with np.errstate(all="ignore"):
            return train_privately(jobs, spec, training, noising)


def _batch_rows(rows: int, batch_size: int) -> int:
    """Return the rows of each of a site's batches, padding included."""
    return min(batch_size, 1 << max(0, rows - 1).bit_length())


def _chunks(jobs: Sequence[TrainingJob], spec: ModelSpec, batch_size: int) -> Iterator[list[int]]:
    """Yield indices of jobs to train together: batches of one shape, most rows first."""
    rows = [len(job.x) for job in jobs]
    shape = {n: _batch_rows(n, batch_size) for n in set(rows)}
    shapes = [shape[n] for n in rows]
    most_first = np.lexsort((np.negative(rows), np.negative(shapes))).tolist()
    a_row, a_site = sum(spec.widths), 4 * size(spec)
    chunk: list[int] = []
    values = 0
    for i in most_first:
        more = (rows[i] + shapes[i]) * a_row + a_site
        full = len(chunk) == _MAX_SITES or values + more > _MAX_VALUES
        if chunk and (full or shapes[i] != shapes[chunk[0]]):
            yield chunk
            chunk, values = [], 0
        chunk.append(i)
        values += more
    if chunk:
        yield chunk


def _train_chunk(
    jobs: Sequence[TrainingJob], spec: ModelSpec, training: Training, seed: int
) -> Float32:
    """Train sites whose batches have one shape, in descending order of rows: float32 [S, d]."""
    rows = np.array([len(job.x) for job in jobs])
    batch = _batch_rows(int(rows[0]), training.batch_size)
    steps = -(-rows // batch)
    inputs, targets = tables(jobs, spec, int(rows.sum()))
    starts = np.cumsum(rows) - rows
    keys = site_keys(seed, [(job.site, job.round) for job in jobs])
    most = int(steps[0])
    share = _row_shares(rows, batch, most)
    starting = np.concatenate([job.start for job in jobs]).reshape(len(jobs), -1)
    anchor = None
    if training.fedprox_mu:
        anchor = np.stack([job.start if job.anchor is None else job.anchor for job in jobs])
    corrections = [job.correction for job in jobs if job.correction is not None]
    descent = begin(
        starting, spec, training, batch, anchor=anchor,
        correction=np.stack(corrections) if corrections else None,
    )  # fmt: skip
    for epoch in range(training.local_epochs):
        order = epoch_orders(keys, rows, epoch, most * batch)
        order += starts[:, None]
        np.putmask(order, share == 0.0, len(inputs) - 1)
        for turn in range(most):
            active = np.count_nonzero(steps > turn)
            part = slice(turn * batch, (turn + 1) * batch)
            step(descent, inputs, targets, order[:active, part], share[:active, part])
    return descent.parameters


def _row_shares(rows: NDArray[np.int64], batch: int, steps: int) -> Float32:
    """Return each position's part in its batch's mean, 0 for padding: float32 [S, steps * B]."""
    first = batch * np.arange(steps)
    counts = np.clip(rows[:, None] - first, 0, batch)
    shares = np.arange(batch) < counts[:, :, None]
    parts: Float32 = (shares / np.maximum(counts, 1)[:, :, None]).astype(np.float32)
    return parts.reshape(len(rows), steps * batch)


DENSE: Trainer = Dense()

keep_freed_memory()
