"""Sites trained by several processes: the same bits as in one, and clean ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from tests.commands import environment
from tests.learning.parallel.trainers import Falling, Told

from collegium.errors import PluginError, RunError
from collegium.learning.dense import DENSE, Dense
from collegium.learning.models import ModelSpec, initial_parameters, size
from collegium.learning.parallel import pooled as pooled_module
from collegium.learning.parallel.pool import Pool
from collegium.learning.parallel.pooled import Pooled, parts
from collegium.learning.parallel.shared import SiteTable
from collegium.learning.private import NoiseTerms, PrivateJob
from collegium.learning.trainer import Trainer, TrainingJob
from collegium.study.document import Training

LOGISTIC = ModelSpec((5, 1), "logistic", 0.1)
MLP = ModelSpec((5, 7, 3), "multinomial", 0.0)
TINY = ModelSpec((1, 1), "squared", 0.0)
TRAINING = Training(rounds=1, learning_rate=0.1, batch_size=8, momentum=0.5, fedprox_mu=0.1)
NOISING = NoiseTerms(clip=1.0, noise_multiplier=0.7, sampling_rate=0.3, steps=3)


def jobs_of(spec: ModelSpec, sites: int, *, shifted: bool = False) -> list[TrainingJob]:
    found = []
    for number in range(sites):
        rng = np.random.default_rng(number)
        rows = 5 + 3 * (number % 11)
        x = rng.standard_normal((rows, spec.widths[0])).astype(np.float32)
        y = rng.integers(0, max(2, spec.widths[-1]), rows)
        start = initial_parameters(spec, number if shifted else 0)
        found.append(TrainingJob(f"s{number}", x, y, start, 3))
        if shifted:
            own = rng.standard_normal((2, size(spec))).astype(np.float32)
            found[-1] = replace(found[-1], anchor=own[0], correction=own[1])
    return found


def tables_of(jobs: Sequence[TrainingJob]) -> dict[str, SiteTable]:
    return {job.site: SiteTable(job.x, job.y, np.arange(len(job.x)) // 2) for job in jobs}


def pooled(trainer: Trainer, spec: ModelSpec, jobs: Sequence[TrainingJob], pool: Pool) -> Pooled:
    return Pooled(trainer, spec, tables_of(jobs), pool)


def gone(pid: int, within: float = 10.0) -> bool:
    """Whether a process that is not our child ends in time."""
    until = time.monotonic() + within
    while time.monotonic() < until:
        try:
            os.kill(pid, 0)
            if Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z":
                return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.02)
    return False


@pytest.fixture(scope="module", params=[1, 2, 3])
def pool(request: pytest.FixtureRequest) -> Iterator[Pool]:
    with Pool(request.param) as found:
        yield found


@pytest.mark.parametrize("spec", [LOGISTIC, MLP], ids=["logistic", "mlp"])
@pytest.mark.parametrize("sites", [2, 5, 600])
@pytest.mark.parametrize("shifted", [False, True])
def test_any_number_of_processes_comes_to_the_same_bits(
    pool: Pool, spec: ModelSpec, sites: int, shifted: bool
) -> None:
    jobs = jobs_of(spec, sites, shifted=shifted)
    trainer = pooled(DENSE, spec, jobs, pool)
    for number in (1, 2):
        turn = [replace(job, round=number) for job in jobs[number - 1 :]]
        alone = DENSE.train(turn, spec, TRAINING, 7)
        assert np.array_equal(trainer.train(turn, spec, TRAINING, 7), alone)


def test_so_it_does_with_differential_privacy(pool: Pool) -> None:
    jobs = jobs_of(MLP, 9)
    private = [
        PrivateJob(job, np.arange(len(job.x)) // 2, 10, job.site.encode().ljust(32)) for job in jobs
    ]
    trainer = pooled(DENSE, MLP, jobs, pool)
    alone = Dense().train_privately(private, MLP, TRAINING, NOISING)
    found = trainer.train_privately(private, MLP, TRAINING, NOISING)
    assert np.array_equal(found, alone)


def test_the_workers_do_their_share_and_sites_keep_their_places(pool: Pool) -> None:
    jobs = jobs_of(TINY, 12)
    found = pooled(Told(os.getpid()), TINY, jobs, pool).train(jobs, TINY, TRAINING, 0)
    who = {float(np.float32(one)) for one in [os.getpid(), *(one.pid for one in pool.workers)]}
    assert set(found[:, 0].tolist()) == who
    assert len(pool.workers) == pool.processes - 1


@pytest.mark.parametrize(("sites", "processes", "together"), [(1, 3, 1), (10, 3, 256), (999, 2, 8)])
def test_parts_hold_every_job_once(sites: int, processes: int, together: int) -> None:
    rows = [(37 * number) % 101 for number in range(sites)]
    found = parts(rows, processes, together)
    assert sorted(chain.from_iterable(found)) == list(range(sites))
    assert max(map(len, found)) <= together
    assert len(found) >= min(sites, processes)


def test_few_sites_are_shared_out_by_their_rows() -> None:
    assert parts([100, 10, 20, 70], 2, 256) == [[0], [3, 2, 1]]


def test_a_worker_that_is_killed_is_an_error_and_no_worker_stays() -> None:
    jobs = jobs_of(TINY, 6)
    with Pool(3) as pool:
        trainer = pooled(Falling(os.getpid(), "killed"), TINY, jobs, pool)
        pids = [one.pid for one in pool.workers]
        with pytest.raises(RunError, match="has ended") as caught:
            trainer.train(jobs, TINY, TRAINING, 0)
        assert caught.value.code == "run.worker"
        assert "-9" in caught.value.why
        assert not pool.workers
        assert all(gone(pid) for pid in pids)


def test_so_is_one_that_is_killed_between_two_rounds() -> None:
    jobs = jobs_of(LOGISTIC, 6)
    with Pool(2) as pool:
        trainer = pooled(DENSE, LOGISTIC, jobs, pool)
        trainer.train(jobs, LOGISTIC, TRAINING, 0)
        os.kill(pool.workers[0].pid, signal.SIGKILL)
        with pytest.raises(RunError, match="has ended"):
            trainer.train(jobs, LOGISTIC, TRAINING, 0)


@pytest.mark.parametrize(
    ("how", "kind", "match"),
    [("refused", PluginError, r"what \[plugin.failed\]"), ("odd", RuntimeError, "onetwo")],
)
def test_what_goes_wrong_in_a_worker_is_raised_here(
    how: str, kind: type[Exception], match: str
) -> None:
    jobs = jobs_of(TINY, 6)
    with Pool(2) as pool, pytest.raises(kind, match=match):
        pooled(Falling(os.getpid(), how), TINY, jobs, pool).train(jobs, TINY, TRAINING, 0)


def test_a_trainer_that_cannot_be_handed_over_is_refused_where_processes_are_asked_for() -> None:
    class Local(Dense):
        """Only this function knows it."""

    jobs = jobs_of(LOGISTIC, 6)
    with Pool(2) as pool, pytest.raises(RunError, match="cannot train in several") as caught:
        pooled(Local(), LOGISTIC, jobs, pool)
    assert caught.value.code == "run.processes"
    assert len(pooled(Local(), LOGISTIC, jobs, Pool()).train(jobs, LOGISTIC, TRAINING, 0)) == 6


def test_a_job_trains_on_its_own_rows_whatever_is_shared(pool: Pool) -> None:
    jobs = jobs_of(LOGISTIC, 6)
    trainer = pooled(DENSE, LOGISTIC, jobs, pool)
    trainer.train(jobs, LOGISTIC, TRAINING, 7)
    for other in (
        [*jobs[:5], replace(jobs[5], y=1 - jobs[5].y)],
        [*jobs[:5], replace(jobs[5], x=jobs[5].x + np.float32(1))],
        [*jobs[:5], replace(jobs[5], site="stranger")],
        [*jobs, *jobs],
    ):
        alone = DENSE.train(other, LOGISTIC, TRAINING, 7)
        assert np.array_equal(trainer.train(other, LOGISTIC, TRAINING, 7), alone)
    private = [PrivateJob(job, np.arange(len(job.x)), 9, bytes(32)) for job in jobs]
    apart = Dense().train_privately(private, LOGISTIC, TRAINING, NOISING)
    found = trainer.train_privately(private, LOGISTIC, TRAINING, NOISING)
    assert np.array_equal(found, apart)


def test_there_are_no_more_processes_than_sites() -> None:
    jobs = jobs_of(LOGISTIC, 2)
    with Pool(8) as pool:
        trainer = pooled(DENSE, LOGISTIC, jobs, pool)
        trainer.train(jobs, LOGISTIC, TRAINING, 0)
        assert len(pool.workers) == 1


def test_rows_of_two_kinds_are_not_shared() -> None:
    jobs = jobs_of(LOGISTIC, 6)
    jobs[3] = replace(jobs[3], y=jobs[3].y.astype(np.float32))
    with Pool(2) as pool, pytest.raises(RunError, match="cannot train in several") as caught:
        pooled(DENSE, LOGISTIC, jobs, pool)
    assert "not of one kind" in caught.value.why
    trainer = pooled(DENSE, LOGISTIC, jobs, Pool())
    alone = DENSE.train(jobs, LOGISTIC, TRAINING, 0)
    assert np.array_equal(trainer.train(jobs, LOGISTIC, TRAINING, 0), alone)


@pytest.fixture
def unasked(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pool]:
    """A pool that nobody asked for, on a machine with two cores, where all work pays."""
    monkeypatch.setattr(pooled_module, "PAYS_AFTER", 0.0)
    monkeypatch.setattr(pooled_module, "PAYS_FROM", 0.0)
    monkeypatch.setattr("collegium.learning.parallel.pool.cores", lambda: 2)
    with Pool() as pool:
        yield pool


def test_unasked_workers_start_when_training_has_shown_that_it_pays(
    unasked: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = jobs_of(TINY, 6)
    trainer = pooled(Told(os.getpid()), TINY, jobs, unasked)
    monkeypatch.setattr(pooled_module, "PAYS_AFTER", 0.05)
    seen: list[set[float]] = []
    until = time.monotonic() + 30
    while len({*chain(*seen)}) < 2 and time.monotonic() < until:
        seen.append(set(trainer.train(jobs, TINY, TRAINING, 0)[:, 0].tolist()))
    home = {float(np.float32(os.getpid()))}
    assert seen[:3] == [home, home, home]
    assert len(seen[-1]) == 2, "the worker never trained"


def test_an_unasked_worker_that_dies_is_done_without(unasked: Pool) -> None:
    jobs = jobs_of(TINY, 6)
    trainer = pooled(Falling(os.getpid(), "killed"), TINY, jobs, unasked)
    until = time.monotonic() + 30
    trainer.train(jobs, TINY, TRAINING, 0)
    trainer.train(jobs, TINY, TRAINING, 0)
    while unasked.workers and time.monotonic() < until:
        assert not trainer.train(jobs, TINY, TRAINING, 0).any()
    assert not unasked.workers


def test_small_work_starts_nobody() -> None:
    jobs = jobs_of(LOGISTIC, 6)
    with Pool() as pool:
        trainer = pooled(DENSE, LOGISTIC, jobs, pool)
        for _ in range(20):
            trainer.train(jobs, LOGISTIC, TRAINING, 0)
        assert not pool.workers


ALONE = """
import sys
from tests.learning.parallel.test_pooled import TINY, TRAINING, jobs_of, pooled
from tests.learning.parallel.trainers import Sleeping
from collegium.learning.parallel.pool import Pool
jobs = jobs_of(TINY, 6)
with Pool(3) as pool:
    pooled(Sleeping(sys.argv[1]), TINY, jobs, pool).train(jobs, TINY, TRAINING, 0)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["killed", "interrupted"])
def test_workers_do_not_outlive_whoever_started_them(how: signal.Signals, tmp_path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", ALONE, str(tmp_path)], env=environment(), stderr=subprocess.DEVNULL,
        cwd=Path(__file__).parents[3],
    )  # fmt: skip
    until = time.monotonic() + 60
    while len(list(tmp_path.iterdir())) < 3 and time.monotonic() < until:
        time.sleep(0.02)
    workers = {int(one.name) for one in tmp_path.iterdir()} - {child.pid}
    assert len(workers) == 2
    child.send_signal(how)
    child.wait(20)
    assert all(gone(pid) for pid in workers)
