"""A trainer whose sites are trained by several processes.

A site's result does not depend on who is trained beside it (`learning.trainer.Trainer`), so it
does not depend on how a round is parted, on how many processes there are, or on which of them
does what.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collegium.errors import RunError
from collegium.learning.models import ModelSpec, size
from collegium.learning.parallel.part import NOTHING, JobBatch, PrivateInputs
from collegium.learning.parallel.pool import LOST, Pool, Worker, answering, movable
from collegium.learning.parallel.shared import Shared, SiteTable, alike, shared
from collegium.learning.private import NoiseTerms, PrivateJob, PrivateTrainer
from collegium.learning.trainer import Trainer, TrainingJob
from collegium.study.document import Training

Float32 = NDArray[np.float32]

PAYS_AFTER = 1.0
"""Seconds of training after which workers are started unasked (docs/decisions/0060)."""

PAYS_FROM = 0.003
"""Seconds of a round's training below which parting it costs as much as it saves."""


@dataclass(frozen=True, slots=True)
class _Work:
    """A round's local work: its jobs, how to do some of them here, and what a part says of them."""

    jobs: Sequence[TrainingJob]
    here: Callable[[Sequence[int]], Float32]
    training: Training
    seed: int
    private: Callable[[Sequence[int]], PrivateInputs | None]


class Pooled:
    """Another trainer, with a pool's processes; it satisfies `Trainer` and `PrivateTrainer`."""

    def __init__(
        self, trainer: Trainer, spec: ModelSpec, tables: Mapping[str, SiteTable], pool: Pool
    ) -> None:
        self.name = trainer.name
        self._trainer = trainer
        self._spec = spec
        self._tables = tables
        self._pool = pool
        self._places = {name: place for place, name in enumerate(tables)}
        self._held: Shared | None = None
        self._seconds, self._rounds = 0.0, 0
        why = movable((trainer, spec)) if pool.processes > 1 else None
        if why is None and not alike(tables):
            why = "its sites' rows are not of one kind"
        if why is not None and pool.asked:
            raise RunError(
                "run.processes", f"{trainer.name} cannot train in several processes", why,
                "leave out --processes",
            )  # fmt: skip
        self._alone = pool.processes < 2 or len(tables) < 2 or why is not None
        if pool.asked and not self._alone:
            pool.start(len(tables))

    def train(
        self, jobs: Sequence[TrainingJob], spec: ModelSpec, training: Training, seed: int
    ) -> Float32:
        """Return each job's parameters after local training, float32 [len(jobs), d]."""

        def here(chosen: Sequence[int]) -> Float32:
            return self._trainer.train([jobs[one] for one in chosen], spec, training, seed)

        return self._trained(_Work(jobs, here, training, seed, lambda chosen: None), spec)

    def train_privately(
        self, jobs: Sequence[PrivateJob], spec: ModelSpec, training: Training, noising: NoiseTerms
    ) -> Float32:
        """Return each job's parameters after a round of DP-SGD, float32 [len(jobs), d]."""
        trainer = self._trainer
        if not isinstance(trainer, PrivateTrainer):
            raise TypeError(f"{self.name} cannot train with differential privacy")

        def here(chosen: Sequence[int]) -> Float32:
            return trainer.train_privately([jobs[one] for one in chosen], spec, training, noising)

        def private(chosen: Sequence[int]) -> PrivateInputs:
            own = [jobs[one] for one in chosen]
            return PrivateInputs(
                noising, tuple(one.size for one in own), tuple(one.seed for one in own)
            )

        tables = [self._tables.get(one.job.site) for one in jobs]
        pairs = zip(jobs, tables, strict=True)
        if not all(table and _equal(one.units, table.units) for one, table in pairs):
            return here(range(len(jobs)))
        plain = [one.job for one in jobs]
        return self._trained(_Work(plain, here, training, 0, private), spec)

    def _trained(self, work: _Work, spec: ModelSpec) -> Float32:
        began = perf_counter()
        own = spec == self._spec and len(work.jobs) > 1 and not self._alone
        workers = self._workers() if own else []
        held = self._held
        lines = (
            _lines(work.jobs, self._tables, self._places, held)
            if workers and held is not None
            else None
        )
        if held is None or lines is None:
            found = work.here(range(len(work.jobs)))
        else:
            found = self._spread_or_not(work, lines, held, workers)
        self._seconds += perf_counter() - began
        self._rounds += 1
        return found

    def _spread_or_not(
        self, work: _Work, lines: NDArray[np.int64], held: Shared, workers: list[Worker]
    ) -> Float32:
        try:
            return self._spread(work, lines, held, workers)
        except BaseException as error:
            self._pool.close()  # half of a round lies in what is shared
            lost = isinstance(error, RunError) and error.code == LOST
            if self._pool.asked or not lost:
                raise
        self._alone = True  # nobody asked for workers, and the work can be done without
        return work.here(range(len(work.jobs)))

    def _workers(self) -> list[Worker]:
        """Return the workers that are ready; where it pays they are started first."""
        pool = self._pool
        pays = self._seconds > PAYS_AFTER and self._seconds > PAYS_FROM * self._rounds
        if not (pool.asked or pool.workers or pays):
            return []
        try:
            if not pool.holds(self._held):
                self._share()
            return pool.ready()
        except (RunError, OSError):
            pool.close()
            if pool.asked:
                raise
            self._alone = True
            return []

    def _share(self) -> None:
        """Let the pool's workers see what is to be trained."""
        file, described_at, self._held = shared(
            self._trainer, self._spec, size(self._spec), self._tables
        )
        try:
            self._pool.hold(self._held, file, described_at)
        finally:
            os.close(file)

    def _spread(
        self, work: _Work, lines: NDArray[np.int64], held: Shared, workers: list[Worker]
    ) -> Float32:
        """Do a round's work here and with the workers.

        A worker has a part before it while it does one, unless few are left: then the last ones
        go to whoever gets to them.
        """
        jobs = work.jobs
        together = getattr(self._trainer, "together", 1)
        waiting = deque(parts([len(job.x) for job in jobs], len(workers) + 1, together))
        found = np.empty((len(jobs), held.vectors.shape[1]), np.float32)
        given: dict[int, tuple[list[int], int]] = {}
        free = len(held.vectors) - len(jobs)

        def give(worker: Worker) -> None:
            nonlocal free
            while waiting and worker.unfinished < (2 if len(waiting) > len(workers) else 1):
                chosen = waiting.popleft()
                number = len(given) + 1
                given[number] = chosen, free
                worker.give(
                    JobBatch(
                        number, lines[chosen], free, work.training, work.seed, work.private(chosen)
                    )
                )
                free += len(chosen)

        def take(*, wait: bool) -> None:
            for worker in answering(workers, wait=wait):
                number = worker.answer()
                if number is not None:
                    chosen, first = given[number]
                    found[chosen] = held.vectors[first : first + len(chosen)]
                give(worker)

        for worker in workers:
            give(worker)
        while waiting:
            chosen = waiting.popleft()
            found[chosen] = work.here(chosen)
            take(wait=False)
        while any(worker.unfinished for worker in workers):
            take(wait=True)
        return found


def parts(rows: Sequence[int], processes: int, together: int) -> list[list[int]]:
    """Return which jobs are done together, those with the most rows first.

    Args:
        rows: of each job.
        processes: that share the jobs.
        together: how many jobs the trainer does best at once.
    """
    most_first = np.argsort(np.negative(rows), kind="stable").tolist()
    if len(rows) > processes * together:
        return [
            most_first[first : first + together] for first in range(0, len(most_first), together)
        ]
    found: list[list[int]] = [[] for _ in range(min(processes, len(rows)))]
    loads = [0] * len(found)
    for job in most_first:
        least = loads.index(min(loads))
        found[least].append(job)
        loads[least] += rows[job]
    return found


def _is_of(job: TrainingJob, table: SiteTable | None) -> bool:
    """Whether a job's rows are those of a site's table."""
    return table is not None and job.x is table.x and _equal(job.y, table.y)


def _equal(one: NDArray[Any], other: NDArray[Any] | None) -> bool:
    if one is other:
        return True
    return other is not None and one.dtype == other.dtype and np.array_equal(one, other)


def _lines(
    jobs: Sequence[TrainingJob],
    tables: Mapping[str, SiteTable],
    places: Mapping[str, int],
    held: Shared,
) -> NDArray[np.int64] | None:
    """Put the jobs' vectors where all processes see them: what `JobBatch.jobs` says of each job.

    None where a job has other rows than its site's table, or where there are more jobs than sites,
    so that there is no room.
    """
    if len(jobs) > len(places) or not all(_is_of(job, tables.get(job.site)) for job in jobs):
        return None
    numbers: dict[int, int] = {id(None): NOTHING}

    def column(vectors: list[Float32 | None]) -> list[int]:
        addresses = list(map(id, vectors))
        for address, vector in dict(zip(addresses, vectors, strict=True)).items():
            if address not in numbers and vector is not None:
                numbers[address] = len(numbers) - 1
                held.vectors[numbers[address]] = vector
        return [numbers[address] for address in addresses]

    return np.array(
        [
            [places[job.site] for job in jobs],
            [job.round for job in jobs],
            column([job.start for job in jobs]),
            column([job.anchor for job in jobs]),
            column([job.correction for job in jobs]),
        ]
    ).T
