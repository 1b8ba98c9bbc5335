"""Measures of quality equal scikit-learn's, and say None where there is nothing to measure."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collegium.errors import DataError
from collegium.learning.evaluation.metrics import measure, measure_resampled
from collegium.learning.evaluation.ranking import auc


def column(*values: float) -> np.ndarray:
    return np.array(values)[:, None]


def test_a_small_example_by_hand() -> None:
    y = np.array([0, 0, 1, 1, 1])
    found = measure("binary", y, column(0.1, 0.5, 0.5, 0.9, 0.2))
    assert found == pytest.approx(
        {
            "accuracy": 3 / 5,
            # Of six pairs 4 are in order, one is tied (.5, .5), one is not (.2 under .5).
            "auc": 4.5 / 6,
            "sensitivity": 2 / 3,
            "specificity": 1 / 2,
            "brier": (0.01 + 0.25 + 0.25 + 0.01 + 0.64) / 5,
            "log_loss": -np.log([0.9, 0.5, 0.5, 0.9, 0.2]).mean(),
        }
    )


def test_a_score_at_the_threshold_is_positive() -> None:
    y, scores = np.array([0, 1]), column(0.2, 0.3)
    assert measure("binary", y, scores, threshold=0.3)["sensitivity"] == 1.0
    assert measure("binary", y, scores, threshold=0.31)["sensitivity"] == 0.0


def test_measures_of_an_absent_class_are_none() -> None:
    found = measure("binary", np.array([1, 1]), column(0.4, 0.9))
    assert (found["auc"], found["specificity"]) == (None, None)
    assert (found["accuracy"], found["sensitivity"]) == (0.5, 0.5)
    several = measure("multiclass", np.array([0, 1]), np.eye(3)[[0, 1]])
    assert several["auc"] is None
    assert several["accuracy"] == 1.0
    assert measure("regression", np.array([2.0, 2.0]), column(1.0, 3.0))["r2"] is None


def test_a_certain_mistake_costs_much_but_not_infinitely() -> None:
    loss = measure("binary", np.array([1]), column(0.0))["log_loss"]
    assert loss == pytest.approx(52 * np.log(2))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("ties", [2, 50])
def test_binary_measures_equal_scikit_learns(dtype: Any, ties: int) -> None:
    reference = pytest.importorskip("sklearn.metrics")
    generator = np.random.default_rng(1)
    y = generator.integers(0, 2, 400)
    score = (generator.integers(0, ties + 1, 400) / ties).astype(dtype)
    found = measure("binary", y, score[:, None], threshold=0.4)
    exact = score.astype(np.float64)
    called = exact >= 0.4
    assert found == pytest.approx(
        {
            "accuracy": reference.accuracy_score(y, called),
            "auc": reference.roc_auc_score(y, exact),
            "sensitivity": reference.recall_score(y, called),
            "specificity": reference.recall_score(y, called, pos_label=0),
            "brier": reference.brier_score_loss(y, exact),
            "log_loss": reference.log_loss(y, exact),
        },
        rel=1e-12,
    )


def test_multiclass_measures_equal_scikit_learns() -> None:
    reference = pytest.importorskip("sklearn.metrics")
    generator = np.random.default_rng(2)
    y = generator.integers(0, 5, 300)
    scores = generator.dirichlet(np.ones(5), 300)
    assert measure("multiclass", y, scores) == pytest.approx(
        {
            "accuracy": reference.accuracy_score(y, scores.argmax(axis=1)),
            "auc": reference.roc_auc_score(y, scores, multi_class="ovr", average="macro"),
            "log_loss": reference.log_loss(y, scores),
        },
        rel=1e-12,
    )


@pytest.mark.parametrize("shift", [0.0, 1e6])
def test_regression_measures_equal_scikit_learns(shift: float) -> None:
    reference = pytest.importorskip("sklearn.metrics")
    generator = np.random.default_rng(3)
    y = generator.normal(shift, 2.0, 300)
    value = y + generator.normal(0, 1.0, 300)
    assert measure("regression", y, value[:, None]) == pytest.approx(
        {
            "mae": reference.mean_absolute_error(y, value),
            "rmse": reference.root_mean_squared_error(y, value),
            "r2": reference.r2_score(y, value),
        },
        rel=1e-9,
    )


def test_ordinal_measures_equal_scikit_learns() -> None:
    reference = pytest.importorskip("sklearn.metrics")
    generator = np.random.default_rng(4)
    y = generator.integers(0, 4, 300)
    scores = generator.dirichlet(np.ones(4), 300)
    scores[np.arange(300), y] += 0.3
    scores /= scores.sum(axis=1, keepdims=True)
    called = scores.argmax(axis=1)
    assert measure("ordinal", y, scores) == pytest.approx(
        {
            "accuracy": reference.accuracy_score(y, called),
            "qwk": reference.cohen_kappa_score(y, called, weights="quadratic"),
            "log_loss": reference.log_loss(y, scores),
        },
        rel=1e-12,
    )
    assert measure("ordinal", np.zeros(3, int), np.eye(3)[[0, 0, 0]])["qwk"] is None


def test_count_measures_equal_scikit_learns() -> None:
    reference = pytest.importorskip("sklearn.metrics")
    generator = np.random.default_rng(5)
    mean = generator.gamma(2.0, 1.0, 300)
    y = generator.poisson(mean).astype(np.float32)
    assert measure("count", y, mean[:, None]) == pytest.approx(
        {
            "poisson_deviance": reference.mean_poisson_deviance(y, mean),
            "mae": reference.mean_absolute_error(y, mean),
            "rmse": reference.root_mean_squared_error(y, mean),
        },
        rel=1e-12,
    )


def test_survival_is_measured_by_concordance() -> None:
    y = np.array([[1, 1], [2, 0], [3, 1], [4, 0]], np.float32)
    assert measure("survival", y, column(3.0, 9.0, 2.0, 1.0)) == {"c_index": 0.75}
    assert measure("survival", y[1:2], column(0.0)) == {"c_index": None}


@given(
    rows=st.lists(
        st.tuples(st.booleans(), st.integers(0, 4), st.integers(0, 3)), min_size=1, max_size=25
    )
)
def test_auc_is_the_share_of_pairs_in_order(rows: list[tuple[bool, int, int]]) -> None:
    """Counted pair by pair, each row as often as its count says."""
    positive, score, count = (np.array(each) for each in zip(*rows, strict=True))
    above = np.repeat(score[positive], count[positive])[:, None]
    below = np.repeat(score[~positive], count[~positive])[None, :]
    found = auc(positive, score, count[None, :])[0]
    if above.size * below.size == 0:
        assert np.isnan(found)
    else:
        assert found == pytest.approx(float(((above > below) + 0.5 * (above == below)).mean()))


@pytest.mark.parametrize(
    ("task", "outputs"), [("binary", 1), ("multiclass", 3), ("ordinal", 3), ("regression", 1)]
)
def test_a_resampling_measures_the_rows_as_often_as_they_are_counted(
    task: Any, outputs: int
) -> None:
    generator = np.random.default_rng(4)
    labels = generator.integers(0, 3 if task == "multiclass" else 2, 60)
    y = labels + generator.normal(size=60) if task == "regression" else labels
    scores = generator.random((60, outputs))
    counts = generator.integers(0, 4, (7, 60))
    resampled = measure_resampled(task, y, scores, 0.5, counts)
    for number, count in enumerate(counts):
        repeated = measure(task, np.repeat(y, count), np.repeat(scores, count, axis=0))
        assert {name: values[number] for name, values in resampled.items()} == pytest.approx(
            repeated, rel=1e-9
        )


def test_a_row_drawn_alone_has_no_r2() -> None:
    y = np.random.default_rng(0).normal(1e3, 1.0, 50)
    alone = measure_resampled("regression", y, y[:, None] + 1, 0.5, 7 * np.eye(50, dtype=int))
    assert np.isnan(alone["r2"]).all()
    assert alone["mae"] == pytest.approx(np.ones(50))


@pytest.mark.parametrize(
    ("task", "y", "scores"),
    [
        ("binary", np.array([0, 1]), np.array([0.1, 0.2])),
        ("binary", np.array([0, 1]), np.full((2, 2), 0.5)),
        ("binary", np.array([0, 1]), np.full((3, 1), 0.5)),
        ("binary", np.array([], dtype=np.int64), np.zeros((0, 1))),
        ("binary", np.array([0, 2]), column(0.5, 0.5)),
        ("binary", np.array([0.0, 1.0]), column(0.5, 0.5)),
        ("binary", np.array([0, 1]), column(0.5, 1.5)),
        ("binary", np.array([0, 1]), column(0.5, np.nan)),
        ("multiclass", np.array([0, 1]), np.full((2, 2), 0.5)),
        ("multiclass", np.array([0, 3]), np.full((2, 3), 0.3)),
        ("regression", np.array([0.0, np.inf]), column(0.5, 0.5)),
        ("ordinal", np.array([0, 1]), column(0.5, 0.5)),
        ("count", np.array([0.0, 1.0]), column(0.5, -0.5)),
        ("survival", np.array([0.0, 1.0]), column(0.5, 0.5)),
        ("survival", np.zeros((2, 3)), column(0.5, 0.5)),
        ("regression", np.zeros((2, 2)), column(0.5, 0.5)),
    ],
)
def test_scores_that_do_not_fit_are_refused(task: Any, y: np.ndarray, scores: np.ndarray) -> None:
    with pytest.raises(DataError) as caught:
        measure(task, y, scores)
    assert caught.value.code == "data.scores"


def test_a_probability_may_miss_its_bounds_by_rounding() -> None:
    rounded = measure("binary", np.array([0, 1]), column(-1e-8, 1 + 1e-8))
    assert rounded["brier"] == 0.0
