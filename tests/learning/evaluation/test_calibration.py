"""Probabilities are compared with what happened, bin by bin."""

import numpy as np
import pytest

from collegium.errors import DataError
from collegium.learning.evaluation.calibration import Bin, reliability


def distance(table: tuple[Bin, ...]) -> float:
    """The expected calibration error: the mean over rows of |rate - mean score| of their bin."""
    rows = sum(one.rows for one in table)
    return sum(one.rows * abs(one.rate - one.mean_score) for one in table) / rows


def test_a_small_table_by_hand() -> None:
    y = np.array([0, 1, 1, 1])
    table = reliability("binary", y, np.array([[0.1], [0.3], [0.5], [1.0]]), bins=2)
    assert [(one.low, one.high, one.rows, one.rate) for one in table] == [
        (0.0, 0.5, 2, 0.5),
        (0.5, 1.0, 2, 1.0),
    ]
    assert [one.mean_score for one in table] == pytest.approx([0.2, 0.75])


def test_empty_bins_are_left_out() -> None:
    table = reliability("binary", np.array([0, 1]), np.array([[0.05], [0.95]]))
    assert [(one.low, one.rows) for one in table] == [(0.0, 1), (0.9, 1)]


def test_several_classes_are_judged_by_the_predicted_one() -> None:
    scores = np.array([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8], [0.2, 0.7, 0.1]])
    table = reliability("multiclass", np.array([0, 2, 0]), scores)
    assert [(one.rows, one.rate) for one in table] == [(2, 0.5), (1, 1.0)]


def test_true_probabilities_are_calibrated_and_doubled_odds_are_not() -> None:
    generator = np.random.default_rng(0)
    truth = generator.random(20_000)
    y = (generator.random(20_000) < truth).astype(np.int64)
    sharper = truth**2 / (truth**2 + (1 - truth) ** 2)
    assert distance(reliability("binary", y, truth[:, None])) < 0.02
    assert distance(reliability("binary", y, sharper[:, None])) > 0.08


def test_a_table_agrees_with_scikit_learns() -> None:
    reference = pytest.importorskip("sklearn.calibration")
    generator = np.random.default_rng(1)
    y, score = generator.integers(0, 2, 500), generator.random(500)
    rate, mean = reference.calibration_curve(y, score, n_bins=10)
    table = reliability("binary", y, score[:, None])
    assert [one.rate for one in table] == pytest.approx(rate)
    assert [one.mean_score for one in table] == pytest.approx(mean)


def test_a_regression_has_none() -> None:
    with pytest.raises(DataError, match="calibration"):
        reliability("regression", np.array([1.0]), np.array([[1.0]]))
