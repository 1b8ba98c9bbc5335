"""Rows changed by chance: what stays, what changes, and what decides it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.extras import needs
from tests.learning.test_networks import _training, job, spec_of

from collegium.errors import StudyError
from collegium.learning.networks.augmentation import augmented, words_of
from collegium.learning.networks.convolution import Convolutional
from collegium.study.reading import read_study
from collegium.study.training import Augmentation

jax = needs("jax")
SENSORS = Convolutional((6, 8), (4,), 3, (), 3)
ROTATION = Augmentation(rotation=30.0)


def turned(x: np.ndarray, site: str = "a", step: int = 0) -> np.ndarray:
    from collegium.learning.jax_losses import library

    found: Any = augmented(library(), ROTATION, SENSORS.shape, words_of(1, site, 1), step, x)
    return np.asarray(found)


@jax
def test_a_rotation_is_one_of_space_within_its_angle_and_alike_for_all_sensors() -> None:
    x = np.random.default_rng(0).normal(size=(50, 48)).astype(np.float32)
    before, after = (rows.reshape(50, 2, 3, 8) for rows in (x, turned(x)))
    for row in range(50):
        points, seen = (
            one[row].transpose(1, 0, 2).reshape(3, -1).astype(float) for one in (before, after)
        )
        matrix = seen @ np.linalg.pinv(points)
        assert matrix @ points == pytest.approx(seen, abs=1e-5)
        assert matrix @ matrix.T == pytest.approx(np.eye(3), abs=1e-5)
        assert np.linalg.det(matrix) == pytest.approx(1.0, abs=1e-5)
        angle = np.degrees(np.arccos(min(1.0, (np.trace(matrix) - 1) / 2)))
        assert 0 < angle <= 30.01


@jax
def test_what_happens_follows_from_site_round_and_step() -> None:
    x = np.ones((4, 48), np.float32)
    assert np.array_equal(turned(x), turned(x))
    assert not np.allclose(turned(x), turned(x, site="b"))
    assert not np.allclose(turned(x), turned(x, step=1))
    assert not np.allclose(turned(x)[0], turned(x)[1])


@jax
def test_a_site_gets_the_same_bits_alone_and_beside_others() -> None:
    from collegium.learning.jax_trainer import JAX

    spec = spec_of(SENSORS)
    jobs = [job(SENSORS, rows, f"site {rows}") for rows in (5, 9)]
    training = _training(augmentation=ROTATION)  # type: ignore[arg-type]
    whole = JAX.train(jobs, spec, training, 1)
    alone = np.concatenate([JAX.train([one], spec, training, 1) for one in jobs])
    assert whole.tobytes() == alone.tobytes()
    assert whole.tobytes() != JAX.train(jobs, spec, _training(), 1).tobytes()


@pytest.mark.parametrize(
    ("preset", "why"),
    [("activity", "a multinomial model"), ("activity_cnn", "a multiple of three")],
)
def test_what_cannot_be_turned_is_refused(preset: str, why: str) -> None:
    changes = ["training.augmentation={ rotation = 20.0 }"]
    if preset == "activity_cnn":
        read_study(preset, changes)
        changes.append("model.shape=[8, 96]")
    with pytest.raises(StudyError) as caught:
        read_study(preset, changes)
    assert why in f"{caught.value.what} {caught.value.why}"
