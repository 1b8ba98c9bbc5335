"""Proportional odds: probabilities by definition, slopes by differences."""

import numpy as np
import pytest

from collegium.learning._internal import ordinal

GAPS = np.array([[0.3, -1.0], [0.0, 1.5]])


def test_cuts_begin_at_zero_and_rise() -> None:
    assert ordinal.cuts(np.array([[0.0, np.log(2.0)]])) == pytest.approx(np.array([[0, 1, 3]]))
    assert (np.diff(ordinal.cuts(np.random.RandomState(0).normal(0, 9, (5, 7)))) > 0).all()


def test_probabilities_are_differences_of_the_logistic_function() -> None:
    scores, cuts = np.array([-2.0, 0.5, 3.0]), np.array([0.0, 1.0, 2.5])
    under = 1 / (1 + np.exp(-(cuts[None] - scores[:, None])))
    edges = np.concatenate([np.zeros((3, 1)), under, np.ones((3, 1))], axis=1)
    found = ordinal.probabilities(scores, cuts)
    assert found == pytest.approx(np.diff(edges), rel=1e-13)
    assert found.sum(axis=1) == pytest.approx([1, 1, 1])


def test_far_scores_lose_no_probability() -> None:
    found = ordinal.probabilities(np.array([-300.0, 300.0]), np.array([0.0, 1.0]))
    assert found[:, 1] == pytest.approx(
        np.exp(-300) * np.expm1([1.0, -1.0]) * [1, -np.e], rel=1e-12
    )
    assert ordinal.probabilities(np.array([-1e6, 1e6]), np.array([0.0, 1.0])).tolist() == [
        [1, 0, 0], [0, 0, 1],
    ]  # fmt: skip


def test_slopes_are_those_of_the_likelihood() -> None:
    random = np.random.RandomState(1)
    scores, classes = random.normal(0, 2, (2, 12)), random.randint(0, 4, (2, 12))

    def loss(scores: np.ndarray, gaps: np.ndarray) -> np.ndarray:
        cuts = ordinal.cuts(gaps)
        chances = [ordinal.probabilities(one, cut) for one, cut in zip(scores, cuts, strict=True)]
        return -np.log(np.take_along_axis(np.stack(chances), classes[..., None], axis=2)[..., 0])

    by_score, by_gap = ordinal.slopes(scores, classes, GAPS)
    for values, step in ((by_score, 1e-6), (-by_score, -1e-6)):
        moved = (loss(scores + step, GAPS) - loss(scores, GAPS)) / 1e-6
        assert moved == pytest.approx(values, abs=1e-5)
    for gap in range(2):
        step = 1e-6 * (np.arange(2) == gap)
        moved = (loss(scores, GAPS + step) - loss(scores, GAPS - step)) / 2e-6
        assert moved == pytest.approx(by_gap[..., gap], abs=1e-7)
