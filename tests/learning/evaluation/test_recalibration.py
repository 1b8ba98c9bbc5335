"""Calibration slope and intercept: what they are for known risks, and where there are none."""

from __future__ import annotations

import numpy as np
import pytest

from collegium.learning.evaluation.recalibration import recalibration

RNG = np.random.default_rng(5)
LOGIT = RNG.normal(-0.5, 1.2, 4000)
HAPPENED = RNG.random(4000) < 1 / (1 + np.exp(-LOGIT))


def risks(slope: float, shift: float) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-(LOGIT * slope + shift))))


def test_right_risks_need_no_change() -> None:
    found = recalibration(HAPPENED, risks(1.0, 0.0))
    assert found is not None
    assert found.slope.low < 1 < found.slope.high
    assert found.intercept.low < 0 < found.intercept.high


def test_risks_that_are_too_extreme_have_a_slope_below_one() -> None:
    right, extreme = recalibration(HAPPENED, risks(1, 0)), recalibration(HAPPENED, risks(2, 0))
    assert right is not None
    assert extreme is not None
    assert extreme.slope.value == pytest.approx(right.slope.value / 2, rel=1e-6)
    assert extreme.slope.high < 1


def test_risks_that_are_too_high_have_an_intercept_below_zero() -> None:
    found = recalibration(HAPPENED, risks(1.0, 0.7))
    assert found is not None
    assert found.intercept.value == pytest.approx(-0.7, abs=0.1)
    assert found.intercept.high < 0


def test_the_slope_is_scikit_learns() -> None:
    score = risks(1.7, 0.4)
    found = recalibration(HAPPENED, score)
    linear_model = pytest.importorskip("sklearn.linear_model")
    model = linear_model.LogisticRegression(C=np.inf, tol=1e-12, max_iter=1000)
    model.fit(np.log(score / (1 - score))[:, None], HAPPENED)
    assert found is not None
    assert found.slope.value == pytest.approx(float(model.coef_[0, 0]), rel=1e-5)


def test_its_interval_covers_what_it_should() -> None:
    covered = 0
    for _ in range(400):
        drawn = RNG.random(4000) < 1 / (1 + np.exp(-LOGIT))
        found = recalibration(drawn[:300], risks(1, 0)[:300])
        assert found is not None
        covered += found.slope.low <= 1 <= found.slope.high
    assert 0.91 <= covered / 400 <= 0.99


@pytest.mark.parametrize(
    ("positive", "score"),
    [
        ([True, True, True], [0.1, 0.5, 0.9]),
        ([False, True, False], [0.4, 0.4, 0.4]),
        ([False, False, True, True], [0.1, 0.2, 0.7, 0.8]),
        ([True, True, False, False], [0.1, 0.2, 0.7, 0.8]),
    ],
)
def test_where_no_line_fits_there_is_none(positive: list[bool], score: list[float]) -> None:
    assert recalibration(np.array(positive), np.array(score)) is None


def test_risks_of_zero_and_one_are_not_infinite() -> None:
    positive = np.array([True, False] * 50)
    score = np.linspace(0, 1, 100)
    found = recalibration(positive, score)
    assert found is not None
    assert np.isfinite([found.slope.low, found.slope.high]).all()
