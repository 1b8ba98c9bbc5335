"""Calls, predictive values and curves are scikit-learn's, also where rows count several times."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from collegium.learning.evaluation.calls import (
    MOST_POINTS,
    confusion,
    precision_recall,
    predictive_resampled,
    roc,
)

metrics = pytest.importorskip("sklearn.metrics")


def rows(
    seed: int, many: int = 300, steps: int = 40
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """True classes and scores with ties."""
    random = np.random.default_rng(seed)
    y = random.integers(0, 2, many)
    score = np.clip(0.3 * y + random.random(many) * 0.7, 0, 1)
    return y, np.round(score * steps) / steps


def test_a_confusion_matrix_is_scikit_learns_of_two_classes_and_of_several() -> None:
    y, score = rows(1)
    ours = confusion("binary", y, score[:, None], 0.55)
    assert ours.tolist() == metrics.confusion_matrix(y, score >= 0.55).tolist()
    random = np.random.default_rng(2)
    classes, scores = random.integers(0, 4, 200), random.random((200, 4))
    scores /= scores.sum(axis=1, keepdims=True)
    ours = confusion("multiclass", classes, scores, 0.5)
    assert ours.tolist() == metrics.confusion_matrix(classes, scores.argmax(axis=1)).tolist()


@pytest.mark.parametrize("seed", range(4))
def test_predictive_values_are_scikit_learns_of_every_resampling(seed: int) -> None:
    y, score = rows(seed)
    counts = np.random.default_rng(seed).integers(0, 4, (5, len(y)))
    found = predictive_resampled(y == 1, score, 0.5, counts)
    for place, weight in enumerate(counts):
        called = (score >= 0.5).astype(int)
        expected = {
            "prevalence": float(np.average(y, weights=weight)),
            "ppv": metrics.precision_score(y, called, sample_weight=weight),
            "npv": metrics.precision_score(1 - y, 1 - called, sample_weight=weight),
            "average_precision": metrics.average_precision_score(y, score, sample_weight=weight),
        }
        assert {name: one[place] for name, one in found.items()} == pytest.approx(expected)


def test_what_is_undefined_is_not_a_number() -> None:
    y, score = rows(1)
    once = np.ones((1, len(y)), np.int64)
    assert np.isnan(predictive_resampled(y == 1, score, 2.0, once)["ppv"][0])
    assert np.isnan(predictive_resampled(y == 1, score, -1.0, once)["npv"][0])
    assert np.isnan(predictive_resampled(y == 2, score, 0.5, once)["average_precision"][0])


@pytest.mark.parametrize("seed", range(4))
def test_the_curves_are_scikit_learns(seed: int) -> None:
    y, score = rows(seed)
    alarms, found, _ = metrics.roc_curve(y, score, drop_intermediate=False)
    ours = roc(y == 1, score)
    assert {*map(tuple, ours.tolist())} <= {*zip(alarms.tolist(), found.tolist(), strict=True)}
    assert np.trapezoid(ours[:, 1], ours[:, 0]) == pytest.approx(np.trapezoid(found, alarms))
    precision, recall, _ = metrics.precision_recall_curve(y, score)
    expected = np.stack([recall, precision], axis=1)[-2::-1]
    assert precision_recall(y == 1, score) == pytest.approx(expected)


def test_a_curve_of_many_points_is_thinned_and_keeps_its_ends() -> None:
    y, score = rows(3, many=5000, steps=10**6)
    for curve, last in (
        (roc(y == 1, score), (1.0, 1.0)),
        (precision_recall(y == 1, score), (1.0, y.mean())),
    ):
        assert len(curve) <= MOST_POINTS
        assert tuple(curve[-1]) == pytest.approx(last)
    alarms, found, _ = metrics.roc_curve(y, score, drop_intermediate=False)
    thin = roc(y == 1, score)
    assert {*map(tuple, thin.tolist())} <= {*zip(alarms.tolist(), found.tolist(), strict=True)}
    assert np.trapezoid(thin[:, 1], thin[:, 0]) == pytest.approx(
        np.trapezoid(found, alarms), abs=2e-3
    )
