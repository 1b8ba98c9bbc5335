"""DP-SGD of many sites: samples and shapes, and stacks of sites with one shape.

A batch has room for a fixed number of units, a multiple of what a sample almost never exceeds;
what is not filled is padding. No sample is ever cut: where one is larger, the site's batches of
that round have twice the room.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collegium.learning._internal.descent import begin
from collegium.learning._internal.private_descent import private_step, samples
from collegium.learning._internal.tables import tables
from collegium.learning.models import ModelSpec, size
from collegium.learning.noise import SecretStream
from collegium.learning.private import NoiseTerms, PrivateJob
from collegium.study.document import Training

Float32 = NDArray[np.float32]

_MAX_SITES = 256
_MAX_VALUES = 1 << 22
"""Values of a stack, as in `learning.dense`."""


@dataclass(frozen=True, slots=True, eq=False)
class SamplePlan:
    """One site's samples of a round, laid out: rows int64 [steps, U, m], -1 for padding."""

    job: PrivateJob
    rows: NDArray[np.int64]
    noise: SecretStream

    @property
    def shape(self) -> tuple[int, int]:
        """Room for units in a batch, and for rows in a unit."""
        return self.rows.shape[1], self.rows.shape[2]


def train_privately(
    jobs: Sequence[PrivateJob], spec: ModelSpec, training: Training, noising: NoiseTerms
) -> Float32:
    """Return each job's parameters after a round of DP-SGD, float32 [len(jobs), d]."""
    trained = np.empty((len(jobs), size(spec)), np.float32)
    by_shape: dict[tuple[int, int], list[int]] = {}
    plans = [planned(job, noising) for job in jobs]
    for index, plan in enumerate(plans):
        by_shape.setdefault(plan.shape, []).append(index)
    for (units, rows), members in by_shape.items():
        a_site = units * rows * sum(spec.widths) + 4 * size(spec)
        together = max(1, min(_MAX_SITES, _MAX_VALUES // a_site))
        for first in range(0, len(members), together):
            chosen = members[first : first + together]
            stack = [plans[i] for i in chosen]
            trained[chosen] = _train_stack(stack, spec, training, noising)
    return trained


def planned(job: PrivateJob, noising: NoiseTerms) -> SamplePlan:
    """Draw a site's samples and lay out which rows are in which batch."""
    stream = SecretStream(job.seed)
    members = _rows_by_unit(job.units)
    count, rows = members.shape
    turn, unit = samples(stream, count, noising.sampling_rate, noising.steps)
    sizes = np.bincount(turn, minlength=noising.steps)
    room = capacity(count, noising.sampling_rate)
    room *= max(1, -(-int(sizes.max(initial=0)) // room))
    place = np.arange(len(turn)) - (np.cumsum(sizes) - sizes)[turn]
    laid = np.full((noising.steps, room, rows), -1, np.int64)
    laid[turn, place] = members[unit]
    return SamplePlan(job, laid, stream)


def capacity(units: int, rate: float) -> int:
    """Return for how many units a batch has room: six standard deviations and eight over the mean.

    At most all of them.
    """
    mean = units * rate
    return max(1, min(units, int(np.ceil(mean + 6.0 * np.sqrt(mean) + 8.0))))


def _rows_by_unit(units: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return each unit's rows, int64 [units, most rows of one], -1 where a unit has no more."""
    _, inverse, counts = np.unique(units, return_inverse=True, return_counts=True)
    found = np.full((len(counts), int(counts.max())), -1, np.int64)
    order = np.argsort(inverse, kind="stable")
    place = np.arange(len(units)) - np.repeat(np.cumsum(counts) - counts, counts)
    found[inverse[order], place] = order
    return found


def _train_stack(
    plans: Sequence[SamplePlan], spec: ModelSpec, training: Training, noising: NoiseTerms
) -> Float32:
    rows = np.array([len(plan.job.job.x) for plan in plans])
    inputs, targets = tables([plan.job.job for plan in plans], spec, int(rows.sum()))
    starts = np.cumsum(rows) - rows
    room, most = plans[0].shape
    laid = np.stack([plan.rows for plan in plans])
    counts = np.maximum((laid >= 0).sum(axis=3, keepdims=True), 1)
    parts = ((laid >= 0) / counts).astype(np.float32)
    order = np.where(laid >= 0, laid + starts[:, None, None, None], len(inputs) - 1)
    starting = np.stack([plan.job.job.start for plan in plans])
    anchors = [
        plan.job.job.start if plan.job.job.anchor is None else plan.job.job.anchor for plan in plans
    ]
    descent = begin(
        starting, spec, training, room * most,
        anchor=np.stack(anchors) if training.fedprox_mu else None,
    )  # fmt: skip
    sizes = np.array([plan.job.size for plan in plans], np.float32)
    streams = [plan.noise for plan in plans]
    for turn in range(noising.steps):
        private_step(
            descent, inputs, targets, order[:, turn].reshape(len(plans), -1),
            parts[:, turn].reshape(len(plans), -1), most, noising, sizes, streams,
        )  # fmt: skip
    return descent.parameters
