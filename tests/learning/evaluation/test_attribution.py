"""Shapley values: exact for few features, adding up for many, and true to what they define."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from numpy.typing import NDArray

from collegium.learning.evaluation.attribution import EXACT_FEATURES, attributions

RNG = np.random.default_rng(6)


def network(inputs: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return RNG.normal(size=(inputs, 5)), RNG.normal(size=(5, 2))


def scorer(inputs: int):  # type: ignore[no-untyped-def]
    first, last = network(inputs)
    return lambda x: 1 / (1 + np.exp(-np.maximum(x.astype(np.float64) @ first, 0) @ last))


def test_they_are_the_mean_over_all_orders() -> None:
    score = scorer(5)
    x, reference = RNG.normal(size=5).astype(np.float32), RNG.normal(size=5).astype(np.float32)
    features = [(0,), (1, 2), (3,), (4,)]
    found = attributions(score, x[None], reference, features)[0]
    expected = np.zeros((4, 2))
    for order in permutations(range(4)):
        at = reference.copy()
        for feature in order:
            before = score(at[None])[0]
            at[list(features[feature])] = x[list(features[feature])]
            expected[feature] += (score(at[None])[0] - before) / 24
    assert found == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("features", [EXACT_FEATURES, EXACT_FEATURES + 1, 30])
def test_they_add_up_to_the_score_less_the_references(features: int) -> None:
    score = scorer(features)
    x = RNG.normal(size=(3, features)).astype(np.float32)
    reference = np.zeros(features, np.float32)
    found = attributions(score, x, reference, [(number,) for number in range(features)])
    assert found.sum(axis=1) == pytest.approx(score(x) - score(reference[None]), abs=1e-12)


@pytest.mark.parametrize("features", [6, 25])
def test_of_a_linear_model_they_are_its_terms(features: int) -> None:
    weights = RNG.normal(size=(features, 1))
    x = RNG.normal(size=(2, features)).astype(np.float32)
    reference = RNG.normal(size=features).astype(np.float32)
    found = attributions(
        lambda rows: rows.astype(np.float64) @ weights, x, reference,
        [(number,) for number in range(features)],
    )  # fmt: skip
    terms = (x.astype(np.float64) - reference.astype(np.float64)) * weights[:, 0]
    assert found[:, :, 0] == pytest.approx(terms, abs=1e-9)


def test_what_is_drawn_is_near_what_is_exact() -> None:
    score = scorer(12)
    x = RNG.normal(size=(1, 12)).astype(np.float32)
    reference = np.zeros(12, np.float32)
    drawn = attributions(score, x, reference, [(number,) for number in range(12)])
    # The same game with two features that the model does not see, in an exact count of ten.
    still = scorer(10)
    wide = lambda rows: still(rows[:, :10])  # noqa: E731
    exact = attributions(still, x[:, :10], reference[:10], [(n,) for n in range(10)])
    near = attributions(wide, x, reference, [(n,) for n in range(12)])
    assert near[:, :10] == pytest.approx(exact, abs=0.03)
    assert near[:, 10:] == pytest.approx(np.zeros((1, 2, 2)), abs=1e-12)
    assert drawn.shape == (1, 12, 2)


def test_the_same_row_is_explained_alike_twice_and_none_is_nothing() -> None:
    score = scorer(20)
    x = RNG.normal(size=(2, 20)).astype(np.float32)
    features = [(number,) for number in range(20)]
    reference = np.zeros(20, np.float32)
    once = attributions(score, x, reference, features)
    assert np.array_equal(once, attributions(score, x, reference, features))
    assert attributions(score, x[:0], reference, features).shape[0] == 0
