"""DP-SGD of networks by JAX: what a unit can add, and that noise and samples are the dense ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.commands import collegium, told

from collegium.learning.models import ModelSpec, size
from collegium.learning.networks.convolution import Convolutional
from collegium.learning.private import NoiseTerms, PrivateJob, PrivateTrainer
from collegium.learning.trainer import TrainingJob
from collegium.study.document import Training

pytest.importorskip("jax")

from collegium.learning.jax_trainer import JAX

NETWORK = Convolutional((1, 8, 8), (4, 8), 3, (), 3)
SPEC = ModelSpec((64, 3), "multinomial", 0.0, network=NETWORK)
PLAIN = Training(rounds=1, learning_rate=1.0, batch_size=64)
SILENT = 1e-9


def job(*, persons: int | None = None, rows: int = 23, scale: float = 1.0) -> PrivateJob:
    rng = np.random.default_rng(3)
    x = (scale * rng.standard_normal((rows, 64))).astype(np.float32)
    units = np.arange(rows) if persons is None else np.sort(rng.integers(0, persons, rows))
    one = TrainingJob("s", x, rng.integers(0, 3, rows), NETWORK.initial(1), 1)
    return PrivateJob(one, units, 10, b"s" * 32)


def moved(one: PrivateJob, **how: Any) -> NDArray[np.float64]:
    """What a step at learning rate 1 took away: the noised sum over q times the size."""
    usual = {"clip": 1.0, "noise_multiplier": SILENT, "sampling_rate": 1.0, "steps": 1}
    assert isinstance(JAX, PrivateTrainer)
    after = JAX.train_privately([one], SPEC, PLAIN, NoiseTerms(**{**usual, **how}))[0]
    difference: NDArray[np.float64] = one.job.start.astype(np.float64) - after
    return difference


@pytest.mark.parametrize(("persons", "clip"), [(None, 0.7), (6, 0.05)])
def test_a_step_is_the_sum_of_clipped_gradients_of_units(persons: int | None, clip: float) -> None:
    """The gradient of a unit is that of the plain trainer's step over its rows alone."""
    one = job(persons=persons)
    expected = np.zeros(size(SPEC))
    for unit in np.unique(one.units):
        mine = one.units == unit
        alone = replace(one.job, x=one.job.x[mine], y=one.job.y[mine])
        after = JAX.train([alone], SPEC, PLAIN, 1)[0]
        gradient = one.job.start.astype(np.float64) - after
        expected += gradient * min(1.0, clip / float(np.linalg.norm(gradient)))
    found = moved(one, clip=clip, noise_multiplier=SILENT / clip)
    assert found == pytest.approx(expected / 10, rel=1e-3, abs=2e-5)


@pytest.mark.parametrize("scale", [1.0, 1e4, 1e37])
def test_no_unit_adds_more_than_the_clip_whatever_its_rows_are(scale: float) -> None:
    assert np.linalg.norm(moved(job(persons=1, scale=scale)) * 10) <= 1.0 + 1e-5


def test_a_unit_that_breaks_arithmetic_adds_nothing_and_spoils_nothing() -> None:
    one = job()
    one.job.x[5] = np.inf
    found = moved(one)
    others = np.arange(23) != 5
    alone = replace(one.job, x=one.job.x[others], y=one.job.y[others])
    without = replace(one, job=alone, units=one.units[others])
    assert found == pytest.approx(moved(without), abs=1e-5)


def test_noise_has_the_promised_size_and_is_the_site_s_own() -> None:
    one = job(scale=0.0)
    quiet, noised = moved(one), moved(one, noise_multiplier=2.0, sampling_rate=0.5)
    assert np.std(noised * 0.5 * 10) == pytest.approx(2.0, rel=0.1)
    assert np.abs(quiet).max() < 1.0
    again = moved(one, noise_multiplier=2.0, sampling_rate=0.5)
    other = moved(replace(one, seed=b"t" * 32), noise_multiplier=2.0, sampling_rate=0.5)
    assert (noised == again).all()
    assert (noised != other).any()


def test_samples_are_of_units_at_the_rate() -> None:
    """One unit of all rows is in a step or not: its part is 0 or the whole of it."""
    one, whole = job(persons=1), moved(job(persons=1))
    taken = 0
    for k in range(40):
        found = moved(replace(one, seed=bytes([k]) * 32), sampling_rate=0.25)
        taken += bool(np.abs(found).max() > 0.1 * np.abs(whole).max())
    assert 3 <= taken <= 19


@pytest.mark.long
def test_a_network_is_trained_privately_from_the_command_line(tmp_path: Path) -> None:
    settings = [
        "--set", "privacy.differential_privacy={unit='patient', epsilon=8.0, delta=1e-5}",
        "--set", "training.rounds=2", "--set", "evaluation.bootstrap=0",
        "--set", "model.channels=[4]",
    ]  # fmt: skip
    run = told(collegium("run", "lungs_cnn", "--out", "run", *settings, "--json", cwd=tmp_path))
    assert run["privacy"]["epsilon"] <= 8.0
    checked = told(collegium("verify", "run", "--json", cwd=tmp_path))
    assert checked["ok"]
    assert checked["checked"]["budgets"] == 6
