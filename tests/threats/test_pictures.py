"""Pictures rebuilt from updates of a network, and how alike two pictures are."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from collegium.learning.models import ModelSpec, size
from collegium.learning.networks.convolution import Convolutional
from collegium.threats.image_similarity import noise_ratio, structural_likeness
from collegium.threats.inversion import Matching, judged

NETWORK = Convolutional((1, 8, 8), (16,), 3, (), 3)
SPEC = ModelSpec((64, 3), "multinomial", 0.0, network=NETWORK)


def blots(count: int) -> NDArray[np.float32]:
    """Return smooth pictures, each with a blot of its own: float32 [count, 64]."""
    rng = np.random.default_rng(4)
    y, x = np.mgrid[:8, :8]
    places = rng.uniform(1, 7, (count, 2))
    away = (y[None] - places[:, :1, None]) ** 2 + (x[None] - places[:, 1:, None]) ** 2
    found: NDArray[np.float32] = (2 * np.exp(-away / 6) - 1).reshape(count, 64).astype(np.float32)
    return found


def test_equal_pictures_are_alike_and_noise_is_not() -> None:
    rng = np.random.default_rng(1)
    picture = rng.uniform(0, 1, (1, 16, 16))
    assert structural_likeness(picture, picture) == pytest.approx(1.0)
    assert noise_ratio(picture, picture) == 100.0
    other = rng.uniform(0, 1, (1, 16, 16))
    assert structural_likeness(picture, other) < 0.2
    assert noise_ratio(np.full((1, 4, 4), 0.5), np.full((1, 4, 4), 0.4)) == pytest.approx(20.0)


def test_likeness_is_the_published_formula_on_one_window() -> None:
    rng = np.random.default_rng(2)
    one, other = rng.uniform(0, 1, (2, 1, 7, 7))
    light = (2 * one.mean() * other.mean() + 1e-4) / (one.mean() ** 2 + other.mean() ** 2 + 1e-4)
    both = ((one - one.mean()) * (other - other.mean())).mean()
    structure = (2 * both + 9e-4) / (one.var() + other.var() + 9e-4)
    assert structural_likeness(one, other) == pytest.approx(light * structure)


def test_slopes_of_rows_have_the_update_of_a_batch_as_their_mean() -> None:
    pytest.importorskip("jax")
    from collegium.learning.jax_trainer import JAX
    from collegium.learning.trainer import TrainingJob
    from collegium.study.document import Training
    from collegium.threats.pictures import slopes_of_rows

    x, y, start = blots(4), np.array([0, 1, 2, 1]), NETWORK.initial(1)
    each = slopes_of_rows(SPEC, start, x, y)
    training = Training(rounds=1, learning_rate=1.0, batch_size=4)
    after = JAX.train([TrainingJob("s", x, y, start, 1)], SPEC, training, 1)[0]
    assert each.shape == (4, size(SPEC))
    assert each.mean(axis=0) == pytest.approx(start - after, abs=1e-5)


@pytest.mark.parametrize(("epochs", "by"), [(1, "angle"), (3, "distance")])
def test_candidates_are_moved_until_their_update_is_the_one_that_was_sent(
    epochs: int, by: Matching
) -> None:
    """How much of the picture that gives away is for an audit to say; noise leaves less of it."""
    pytest.importorskip("jax")
    from collegium.threats.pictures import label_of_one, rebuilt, slopes_of_rows

    rate, start, labels = 0.1, NETWORK.initial(3), np.array([2])

    def update_of(x: NDArray[np.float32]) -> NDArray[np.float64]:
        taken, now = np.zeros(size(SPEC)), start
        for _ in range(epochs):
            slope = slopes_of_rows(SPEC, now, x, labels)[0]
            taken, now = taken + slope / epochs, now - np.float32(rate) * slope
        return taken

    def alike(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
        return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))

    rng = np.random.default_rng(0)
    everybody = blots(30).astype(np.float64)
    update = update_of(blots(30)[:1])
    noise = 5 * np.linalg.norm(update) / size(SPEC) ** 0.5
    noised = update + noise * np.random.default_rng(1).standard_normal(size(SPEC))
    assert label_of_one(SPEC, update) == 2
    errors = []
    for sent in (update, noised):
        found = rebuilt(
            SPEC, start, sent.astype(np.float32), labels, by=by, rate=rate, epochs=epochs,
            steps=400, within=(-1.0, 1.0), rng=rng,
        )  # fmt: skip
        assert np.abs(found).max() <= 1.0
        errors.append(judged(by, [found], [np.array([0])], everybody).error)
        if sent is update:
            before = alike(update_of(rng.standard_normal((1, 64)).astype(np.float32)), update)
            after = alike(update_of(found.astype(np.float32)), update)
            assert after > max(0.9, before)
    assert errors[0] < errors[1]
