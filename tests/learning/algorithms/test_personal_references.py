"""FedPer and FedBN for three rounds, beside plain ones whose slopes are differences of losses.

Networks and losses are written here once more, in double precision; nothing is shared with the
package but the order of rows in an epoch and the first parameters, which the seed fixes.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.extras import needs
from tests.learning.algorithms.test_references import (
    EPOCHS,
    INPUTS,
    RATE,
    ROUNDS,
    SEED,
    SITES,
    Reference,
    Vector,
    batches,
    ours,
)
from tests.learning.algorithms.test_references import _here as _here
from tests.learning.algorithms.test_references import _registered as _registered

from collegium.learning.models import initial_parameters

Scores = Callable[[Vector, Vector], Vector]

HIDDEN, CHANNELS, KERNEL = 3, 4, 3


def perceptron(w: Vector, x: Vector) -> Vector:
    """Biases and weights of a hidden layer of rectified linear units, then of the output."""
    b0, w0, b1, w1 = np.split(w, np.cumsum([HIDDEN, INPUTS * HIDDEN, 1]))
    return np.asarray(np.maximum(x @ w0.reshape(INPUTS, HIDDEN) + b0, 0) @ w1 + b1)


def convolution(w: Vector, x: Vector) -> Vector:
    """One channel of four places; each of four filters is normalized by itself (four groups)."""
    sizes = [CHANNELS, KERNEL * CHANNELS, CHANNELS, CHANNELS, 1]
    bias, weight, shift, scale, b1, w1 = np.split(w, np.cumsum(sizes))
    filters = weight.reshape(KERNEL, CHANNELS)
    wide = np.pad(x, ((0, 0), (1, 1)))
    found = np.zeros((len(x), INPUTS, CHANNELS))
    for place in range(INPUTS):
        found[:, place] = wide[:, place : place + KERNEL] @ filters + bias
    middle, spread = found.mean(1, keepdims=True), found.std(1, keepdims=True)
    found = (found - middle) / np.sqrt(spread**2 + 1e-5) * scale + shift
    found = np.maximum(found, 0)
    pooled = (found[:, 0:2].max(axis=1) + found[:, 2:4].max(axis=1)) / 2
    return np.asarray(pooled @ w1 + b1)


def three_rounds(
    scores: Scores, start: Vector, own: np.ndarray, changes: list[str]
) -> tuple[Vector, dict[str, Vector]]:
    """Return the shared model, its own part untouched, and each site's after three rounds."""
    reference = Reference(changes)

    def slope(w: Vector, x: Vector, y: Vector) -> Vector:
        def loss(w: Vector) -> float:
            said = scores(w, x)
            return float(np.mean(np.logaddexp(0, said) - y * said))

        step = 1e-6 * np.eye(len(w))
        return np.array([(loss(w + one) - loss(w - one)) / 2e-6 for one in step])

    shared, mine = start.copy(), dict.fromkeys(SITES, start)
    for turn in range(1, ROUNDS + 1):
        trained = {}
        for site in SITES:
            x, y = reference.train[site]
            w = np.where(own, mine[site], shared)
            for batch in batches(site, len(y), turn, EPOCHS):
                w = w - RATE * slope(w, x[batch], y[batch])
            trained[site] = w
        mine = trained
        shared = np.where(own, start, np.mean(list(trained.values()), axis=0))
    return shared, {site: np.where(own, mine[site], shared) for site in SITES}


def compare(scores: Scores, own: np.ndarray, changes: list[str]) -> None:
    from collegium.assembly.preparation import prepare
    from collegium.study.reading import read_study

    Reference(changes)  # it writes the study
    spec = prepare(read_study(Path("study.toml"), changes)).parts.spec
    start = initial_parameters(spec, SEED).astype(float)
    assert start.size == own.size
    shared, personal = three_rounds(scores, start, own, changes)
    model, kept = ours(Path("run"), changes, own.size)
    assert model == pytest.approx(shared, abs=5e-4)
    assert np.array_equal(model[own], start[own])
    assert kept.keys() == SITES.keys()
    for site in SITES:
        assert kept[site] == pytest.approx(personal[site], abs=5e-4)
        assert np.abs(kept[site] - start)[own].max() > 0.02
    plain, _ = ours(Path("plain"), [one for one in changes if "personal" not in one], own.size)
    assert np.abs(plain - shared).max() > 0.02, "it is not FedAvg"


def test_fedper() -> None:
    """Arivazhagan et al. 2019, algorithm 1: the last layer stays, and is trained with the body."""
    body = HIDDEN + INPUTS * HIDDEN
    compare(
        perceptron, np.arange(body + 1 + HIDDEN) >= body,
        ["model.architecture=mlp", f"model.hidden=[{HIDDEN}]", "personalization.method=fedper"],
    )  # fmt: skip


@needs("jax")
def test_fedbn() -> None:
    """Li et al. 2021, equation 1: scales and biases of normalization stay, all else is averaged."""
    before = CHANNELS + KERNEL * CHANNELS
    places = np.arange(before + 2 * CHANNELS + 1 + CHANNELS)
    compare(
        convolution, (places >= before) & (places < before + 2 * CHANNELS),
        [
            "model.architecture=cnn", f"model.shape=[1, {INPUTS}]", f"model.channels=[{CHANNELS}]",
            f"model.kernel={KERNEL}", "training.trainer=jax", "personalization.method=fedbn",
        ],
    )  # fmt: skip
