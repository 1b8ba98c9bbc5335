"""DP-SGD of the dense trainer: what a unit can add, what is added to it, and who is sampled."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from collegium.learning._internal import private_training
from collegium.learning._internal.private_training import capacity
from collegium.learning.dense import DENSE, Dense
from collegium.learning.models import ModelSpec, initial_parameters, layers, size
from collegium.learning.private import NoiseTerms, PrivateJob, PrivateTrainer
from collegium.learning.trainer import TrainingJob
from collegium.study.document import Training

SPECS = {
    "logistic": ModelSpec((5, 1), "logistic", 0.0),
    "linear": ModelSpec((5, 1), "squared", 0.0),
    "multinomial": ModelSpec((5, 3), "multinomial", 0.0),
    "mlp": ModelSpec((5, 7, 4, 3), "multinomial", 0.0),
    "ordinal": ModelSpec((5, 1), "ordinal", 0.0, gaps=2),
    "ordinal mlp": ModelSpec((5, 6, 1), "ordinal", 0.0, gaps=1),
}
PLAIN = Training(rounds=1, learning_rate=1.0)
SILENT = 1e-9
"""A noise multiplier that leaves sums as they are in float32."""


def noising(**changes: float) -> NoiseTerms:
    usual = {"clip": 1.0, "noise_multiplier": SILENT, "sampling_rate": 1.0, "steps": 1}
    return NoiseTerms(**{**usual, **changes})  # type: ignore[arg-type]


def job(
    spec: ModelSpec, rows: int, *, persons: int | None = None, site: str = "s", scale: float = 1.0
) -> PrivateJob:
    rng = np.random.default_rng([rows, *site.encode()])
    x = (scale * rng.standard_normal((rows, spec.widths[0]))).astype(np.float32)
    classes = 2 if spec.loss == "logistic" else spec.gaps + 2 if spec.gaps else spec.widths[-1]
    y = (
        rng.standard_normal(rows).astype(np.float32)
        if spec.loss == "squared"
        else rng.integers(0, classes, rows)
    )
    start = initial_parameters(spec, 3)
    start += 0.3 * rng.standard_normal(size(spec)).astype(np.float32)
    units = np.arange(rows) if persons is None else np.sort(rng.integers(0, persons, rows))
    return PrivateJob(TrainingJob(site, x, y, start, 1), units, 10, site.encode() * 32)


def moved(one: PrivateJob, spec: ModelSpec, how: NoiseTerms) -> NDArray[np.float64]:
    """What a round at learning rate 1 took away: the sum of gradients over q times the size."""
    after = DENSE.train_privately([one], spec, PLAIN, how)[0]  # type: ignore[attr-defined]
    difference: NDArray[np.float64] = one.job.start.astype(np.float64) - after
    return difference


def by_a_step(spec: ModelSpec, start: NDArray[np.float32], x: NDArray[np.float32],
                   y: NDArray[np.generic]) -> NDArray[np.float64]:  # fmt: skip
    """The mean gradient of rows by the plain trainer's step, which other tests hold to the loss."""
    rate = Training(rounds=1, learning_rate=1.0, batch_size=64)
    after = DENSE.train([TrainingJob("s", x, y.astype(np.int64), start, 1)], spec, rate, 0)[0]
    difference: NDArray[np.float64] = start.astype(np.float64) - after
    return difference


def gradient_of_rows(spec: ModelSpec, start: NDArray[np.float32], x: NDArray[np.float32],
                     y: NDArray[np.generic]) -> NDArray[np.float64]:  # fmt: skip
    """The mean gradient of rows, layer by layer in double precision, without any shortcut.

    An ordinal one is a step of the plain trainer.
    """
    if spec.gaps:
        return by_a_step(spec, start, x, y)
    total = np.zeros(size(spec))
    matrices = layers(spec, start.astype(np.float64))
    for row, target in zip(x.astype(np.float64), y, strict=True):
        values, inside = row, []
        for depth, matrix in enumerate(matrices):
            values = np.maximum(values, 0.0) if depth else values
            inside.append(np.concatenate([[1.0], values]))
            values = inside[-1] @ matrix
        if spec.loss == "logistic":
            error = 1 / (1 + np.exp(-values)) - target
        elif spec.loss == "squared":
            error = values - target
        else:
            error = np.exp(values - values.max())
            error = error / error.sum() - np.eye(len(values))[int(target)]
        slopes = layers(spec, total)
        for depth in range(len(matrices) - 1, -1, -1):
            slopes[depth][...] += np.outer(inside[depth], error) / len(x)
            error = (matrices[depth] @ error)[1:] * (inside[depth][1:] > 0)
    return total


@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize("persons", [None, 4])
@pytest.mark.parametrize("clip", [0.05, 0.7, 1e6])
def test_a_step_is_the_sum_of_clipped_gradients_of_units(
    name: str, persons: int | None, clip: float
) -> None:
    spec = SPECS[name]
    one = job(spec, 23, persons=persons)
    expected = np.zeros(size(spec))
    for unit in np.unique(one.units):
        mine = one.units == unit
        gradient = gradient_of_rows(spec, one.job.start, one.job.x[mine], one.job.y[mine])
        expected += gradient * min(1.0, clip / float(np.linalg.norm(gradient)))
    found = moved(one, spec, noising(clip=clip, noise_multiplier=SILENT / clip))
    assert found == pytest.approx(expected / 10, rel=1e-3, abs=1e-5 if spec.gaps else 2e-6)


@pytest.mark.parametrize("name", SPECS)
def test_no_unit_adds_more_than_the_clip_whatever_its_rows_are(name: str) -> None:
    """All of a person's rows are clipped together: a hundred of them weigh as much as one."""
    spec = SPECS[name]
    for scale in (1e-3, 1.0, 1e4, 1e18, 1e37):
        one = job(spec, 100, persons=1, scale=scale)
        found = moved(one, spec, noising()) * 10
        assert np.linalg.norm(found) <= 1.0 + 1e-5


def test_rows_of_a_person_that_cancel_each_other_hide_nothing() -> None:
    """In float32 the squared norm of their sum is all rounding error, and may come out as zero."""
    spec = ModelSpec((2, 1), "squared", 0.0)
    start = np.zeros(3, np.float32)
    for k in range(200):
        large = np.float32(3e4 + 17 * k)
        x = np.array([[large, 1.0], [large, 2.0 + k / 50]], np.float32)
        y = np.array([-3.0, 3.0], np.float32)
        one = PrivateJob(TrainingJob("s", x, y, start, 1), np.zeros(2, np.int64), 10, b"s" * 32)
        assert np.linalg.norm(moved(one, spec, noising()) * 10) <= 1.0 + 1e-5


def test_a_unit_that_breaks_arithmetic_adds_nothing_and_spoils_nothing() -> None:
    spec = SPECS["mlp"]
    one = job(spec, 12)
    others = np.array([i for i in range(12) if i != 5])
    one.job.x[5] = np.float32(np.inf)
    without = PrivateJob(
        TrainingJob("s", one.job.x[others], one.job.y[others], one.job.start, 1),
        one.units[others], 10, one.seed,
    )  # fmt: skip
    assert moved(one, spec, noising()) == pytest.approx(moved(without, spec, noising()), abs=1e-6)


def test_noise_has_the_promised_size_and_the_same_for_everybody() -> None:
    spec = ModelSpec((999, 1), "squared", 0.0)
    one = job(spec, 3, scale=0.0)
    one.job.y[:] = 0.0
    one.job.start[:] = 0.0
    how = noising(clip=3.0, noise_multiplier=2.0, sampling_rate=0.25, steps=1)
    draws = np.concatenate(
        [
            moved(PrivateJob(one.job, one.units, 10, bytes([k]) * 32), spec, how) * 0.25 * 10
            for k in range(40)
        ]
    )
    assert draws.mean() == pytest.approx(0.0, abs=5 * 6.0 / np.sqrt(draws.size))
    assert draws.std() == pytest.approx(6.0, rel=0.02)
    normal = np.sort(draws / 6.0)
    for share, quantile in ((0.001, -3.09), (0.159, -1.0), (0.5, 0.0), (0.977, 2.0)):
        assert normal[int(share * draws.size)] == pytest.approx(quantile, abs=0.15)


def test_noise_is_drawn_anew_in_every_step_and_from_the_seed_alone() -> None:
    spec = SPECS["logistic"]
    one = job(spec, 30)
    how = noising(noise_multiplier=1.0, sampling_rate=0.2, steps=5)
    assert (moved(one, spec, how) == moved(one, spec, how)).all()
    other = PrivateJob(one.job, one.units, one.size, b"o" * 32)
    assert (moved(one, spec, how) != moved(other, spec, how)).all()
    twice = noising(noise_multiplier=1.0, sampling_rate=0.2, steps=2)
    once = noising(noise_multiplier=1.0, sampling_rate=0.2, steps=1)
    assert np.abs(moved(one, spec, twice) / moved(one, spec, once) - 2).min() > 1e-3


def test_units_are_sampled_independently_at_the_rate() -> None:
    from collegium.learning._internal.private_descent import samples
    from collegium.learning.noise import SecretStream

    turn, unit = samples(SecretStream(b"r" * 32), 50, 0.1, 4000)
    counts = np.bincount(turn, minlength=4000)
    assert counts.mean() == pytest.approx(5.0, abs=0.2)
    assert counts.var() == pytest.approx(50 * 0.1 * 0.9, rel=0.1)  # of a fixed batch it is 0
    of_unit = np.bincount(unit, minlength=50) / 4000
    assert of_unit == pytest.approx(np.full(50, 0.1), abs=0.025)
    drawn = np.zeros((4000, 50), bool)
    drawn[turn, unit] = True
    together = (drawn[:, 0] & drawn[:, 1]).mean()
    assert together == pytest.approx(0.01, abs=0.006)


def test_a_larger_sample_than_there_is_room_for_is_not_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = SPECS["logistic"]
    one = job(spec, 60)
    how = noising(sampling_rate=0.5, steps=3)
    expected = moved(one, spec, how)
    monkeypatch.setattr(private_training, "capacity", lambda units, rate: 7)
    assert moved(one, spec, how) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("units", "rate"), [(1, 0.1), (30, 0.1), (200, 0.1), (10_000, 0.01)])
def test_a_batch_has_room_for_nearly_every_sample(units: int, rate: float) -> None:
    room = capacity(units, rate)
    assert 1 <= room <= units
    assert room >= min(units, units * rate + 6 * np.sqrt(units * rate))


@pytest.mark.parametrize("name", SPECS)
def test_a_site_gets_the_same_bits_alone_and_in_any_company(name: str) -> None:
    spec = SPECS[name]
    jobs = [
        job(spec, rows, site=site, persons=persons)
        for rows, site, persons in (
            (30, "a", None), (30, "b", None), (31, "c", None), (30, "d", 6), (30, "e", 6),
        )
    ]  # fmt: skip
    how = noising(noise_multiplier=1.0, sampling_rate=0.3, steps=4)
    training = Training(rounds=1, learning_rate=0.1, momentum=0.5, fedprox_mu=0.1)
    spec = replace(spec, l2=0.01)
    together = Dense().train_privately(jobs, spec, training, how)
    for index, one in enumerate(jobs):
        alone = Dense().train_privately([one], spec, training, how)[0]
        assert (alone == together[index]).all()


def test_the_dense_trainer_can_train_privately() -> None:
    assert isinstance(DENSE, PrivateTrainer)
