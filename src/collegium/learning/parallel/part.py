"""A part of a round's local work, as it is handed to another process and done there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collegium.learning.parallel.shared import Shared
from collegium.learning.private import NoiseTerms, PrivateJob, PrivateTrainer
from collegium.learning.trainer import TrainingJob
from collegium.study.document import Training

NOTHING = -1
"""In place of a vector that a job has not."""


@dataclass(frozen=True, slots=True)
class PrivateInputs:
    """What jobs with differential privacy have besides: public sizes and secret seeds."""

    noising: NoiseTerms
    sizes: tuple[int, ...]
    seeds: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, eq=False)
class JobBatch:
    """Jobs to be done together.

    Attributes:
        number: of the part.
        jobs: int64 [n, 5]: site, round, and where in `Shared.vectors` start, anchor and correction
            lie.
        result: the first of n lines for what comes out.
        training: how.
        seed: the study's.
        private: with what differential privacy, if any.
    """

    number: int
    jobs: NDArray[np.int64]
    result: int
    training: Training
    seed: int
    private: PrivateInputs | None


def done(part: JobBatch, held: Shared) -> None:
    """Do a part: its result lies in `held.vectors` then."""
    jobs = _jobs(part, held)
    private = part.private
    if private is None:
        found = held.trainer.train(jobs, held.spec, part.training, part.seed)
    else:
        if not isinstance(held.trainer, PrivateTrainer):
            raise TypeError(f"{held.trainer.name} cannot train with differential privacy")
        found = held.trainer.train_privately(
            _privately(jobs, part, private, held), held.spec, part.training, private.noising
        )
    held.vectors[part.result : part.result + len(jobs)] = found


def _jobs(part: JobBatch, held: Shared) -> list[TrainingJob]:
    vectors = {line: held.vectors[line] for line in np.unique(part.jobs[:, 2:]).tolist()}
    return [
        TrainingJob(
            held.sites[site], held.tables[site].x, held.tables[site].y, vectors[start], number,
            None if anchor == NOTHING else vectors[anchor],
            None if correction == NOTHING else vectors[correction],
        )
        for site, number, start, anchor, correction in part.jobs.tolist()
    ]  # fmt: skip


def _privately(
    jobs: list[TrainingJob], part: JobBatch, private: PrivateInputs, held: Shared
) -> list[PrivateJob]:
    found = []
    for job, site, size, seed in zip(
        jobs, part.jobs[:, 0].tolist(), private.sizes, private.seeds, strict=True
    ):
        units = held.tables[site].units
        if units is None:
            raise TypeError(f"{job.site} has no units")
        found.append(PrivateJob(job, units, size, seed))
    return found
