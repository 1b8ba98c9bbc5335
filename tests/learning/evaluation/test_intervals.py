"""Intervals repeat themselves, respect sites, and hold the truth as often as they say."""

import time

import numpy as np
import pytest

from collegium.learning.evaluation import intervals as module
from collegium.learning.evaluation.intervals import (
    intervals,
    intervals_of_difference,
)
from collegium.learning.evaluation.metrics import measure


def scored(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    truth = generator.random(rows)
    return (generator.random(rows) < truth).astype(np.int64), truth[:, None]


Y, SCORES = scored(254, 0)
SITE = np.repeat(np.arange(4), [104, 89, 16, 45])


def test_every_measure_has_an_interval_around_its_value() -> None:
    found = intervals("binary", Y, SCORES, threshold=0.5, replicates=1000, seed=43, site=SITE)
    for name, value in measure("binary", Y, SCORES).items():
        interval = found[name]
        assert interval is not None
        assert value == interval.value
        assert interval.low < interval.value < interval.high


def test_the_seed_and_nothing_else_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    once = intervals("binary", Y, SCORES, threshold=0.5, replicates=200, seed=1)
    assert once == intervals("binary", Y, SCORES, threshold=0.5, replicates=200, seed=1)
    assert once != intervals("binary", Y, SCORES, threshold=0.5, replicates=200, seed=2)
    monkeypatch.setattr(module, "CELLS", 1000)
    assert once == intervals("binary", Y, SCORES, threshold=0.5, replicates=200, seed=1)


def test_draws_are_recorded() -> None:
    y = np.array([0, 1] * 15)
    scores = np.linspace(0, 1, 30)[:, None]
    site = np.array([0] * 20 + [1] * 10)
    found = intervals("binary", y, scores, threshold=0.5, replicates=100, seed=43, site=site)
    assert found["auc"] is not None
    assert (found["auc"].low, found["auc"].high) == pytest.approx(RECORDED, abs=1e-12)


RECORDED = (0.3849404761904762, 0.7675512192056307)


def test_accuracys_interval_is_the_binomial_one() -> None:
    found = intervals("binary", Y, SCORES, threshold=0.5, replicates=4000, seed=0)["accuracy"]
    assert found is not None
    width = 2 * 1.96 * np.sqrt(found.value * (1 - found.value) / len(Y))
    assert found.high - found.low == pytest.approx(width, rel=0.08)


def test_rows_are_drawn_within_their_site() -> None:
    """One site always right, one always wrong: resampling inside sites changes nothing."""
    y = np.array([1] * 30 + [0] * 10)
    scores = np.ones((40, 1))
    site = np.array([0] * 30 + [1] * 10)
    inside = intervals("binary", y, scores, threshold=0.5, replicates=300, seed=0, site=site)
    across = intervals("binary", y, scores, threshold=0.5, replicates=300, seed=0)
    assert inside["accuracy"] is not None
    assert across["accuracy"] is not None
    assert inside["accuracy"].low == inside["accuracy"].high == 0.75
    assert across["accuracy"].low < 0.75 < across["accuracy"].high


def test_what_is_undefined_has_no_interval() -> None:
    one_class = intervals(
        "binary", np.ones(20, np.int64), SCORES[:20], threshold=0.5, replicates=50, seed=0
    )
    assert one_class["auc"] is None
    assert one_class["accuracy"] is not None
    # One negative in 46 rows is missing from a third of the resamplings.
    nearly = intervals(
        "binary",
        (np.arange(46) > 0).astype(np.int64),
        SCORES[:46],
        threshold=0.5,
        replicates=200,
        seed=0,
    )
    assert nearly["auc"] is None
    assert nearly["sensitivity"] is not None


def test_no_replicates_no_intervals() -> None:
    found = intervals("binary", Y, SCORES, threshold=0.5, replicates=0, seed=0)
    assert set(found.values()) == {None}


def test_other_tasks_have_intervals_too() -> None:
    generator = np.random.default_rng(0)
    y = generator.normal(size=100)
    found = intervals("regression", y, y[:, None] + 0.1, threshold=0.5, replicates=100, seed=0)
    assert found["mae"] is not None
    assert found["mae"].low == pytest.approx(found["mae"].high)
    classes = generator.integers(0, 3, 100)
    several = intervals(
        "multiclass", classes, np.eye(3)[classes], threshold=0.5, replicates=100, seed=0
    )
    assert several["auc"] is not None
    assert several["auc"].low == several["auc"].high == 1.0


def test_a_model_differs_from_itself_by_nothing() -> None:
    found = intervals_of_difference(
        "binary", Y, [(SCORES, SCORES)], threshold=0.5, replicates=100, seed=0, site=SITE
    )
    assert all(one is not None and one.low == one.high == 0.0 for one in found.values())


def test_a_paired_difference_is_surer_than_two_intervals() -> None:
    noise = 0.05 * np.random.default_rng(9).standard_normal(SCORES.shape)
    other = np.clip(SCORES + noise, 0, 1)
    one = intervals("binary", Y, SCORES, threshold=0.5, replicates=500, seed=0)["auc"]
    difference = intervals_of_difference(
        "binary", Y, [(SCORES, other)], threshold=0.5, replicates=500, seed=0
    )["auc"]
    assert one is not None
    assert difference is not None
    assert difference.high - difference.low < 0.5 * (one.high - one.low)
    first, second = (measure("binary", Y, scores)["auc"] for scores in (SCORES, other))
    assert first is not None
    assert second is not None
    assert difference.value == pytest.approx(first - second)


def test_a_mean_of_differences_meets_the_same_resamplings() -> None:
    """A Brier score is a mean over rows, so that of both pairs is one of their mean by row."""
    generator = np.random.default_rng(9)
    others = [np.clip(SCORES + generator.normal(0, 0.2, SCORES.shape), 0, 1) for _ in range(2)]
    pairs = [(SCORES, other) for other in others]
    both = intervals_of_difference("binary", Y, pairs, threshold=0.5, replicates=300, seed=4)[
        "brier"
    ]
    off, other_off = (
        np.sqrt(np.mean([(one - Y[:, None]) ** 2 for one in models], axis=0))
        for models in ([SCORES], others)
    )
    again = intervals_of_difference(
        "binary",
        np.zeros(len(Y), np.int64),
        [(off, other_off)],
        threshold=0.5,
        replicates=300,
        seed=4,
    )["brier"]  # fmt: skip
    assert both is not None
    assert again is not None
    for end in ("value", "low", "high"):
        assert getattr(both, end) == pytest.approx(getattr(again, end))


def test_a_difference_with_an_undefined_measure_is_undefined() -> None:
    y = np.ones(30, np.int64)
    found = intervals_of_difference(
        "binary", y, [(SCORES[:30], SCORES[30:60])], threshold=0.5, replicates=50, seed=0
    )
    assert found["auc"] is None
    assert found["brier"] is not None


def test_nineteen_of_twenty_intervals_hold_the_truth() -> None:
    """The AUC of a uniform score that is the true probability is 5/6."""
    held = 0
    for seed in range(200):
        y, scores = scored(200, 1000 + seed)
        found = intervals("binary", y, scores, threshold=0.5, replicates=300, seed=seed)["auc"]
        assert found is not None
        held += found.low <= 5 / 6 <= found.high
    assert 180 <= held <= 198


def test_a_thousand_replicates_take_well_under_a_third_of_a_second() -> None:
    intervals("binary", Y, SCORES, threshold=0.5, replicates=10, seed=0)
    times = []
    for _ in range(3):
        start = time.process_time()
        intervals("binary", Y, SCORES, threshold=0.5, replicates=1000, seed=0, site=SITE)
        times.append(time.process_time() - start)
    assert min(times) < 0.3


def test_persons_are_drawn_with_all_of_their_rows() -> None:
    """Ten copies of each row say no more than one: the interval stays as wide as it was."""
    y, scores = np.repeat(Y, 10), np.repeat(SCORES, 10, axis=0)
    person = np.repeat(np.arange(len(Y)), 10)
    settings = {"threshold": 0.5, "replicates": 300, "seed": 4}
    once = intervals("binary", Y, SCORES, **settings)["auc"]  # type: ignore[arg-type]
    copied = intervals("binary", y, scores, person=person, **settings)["auc"]  # type: ignore[arg-type]
    taken_for_others = intervals("binary", y, scores, **settings)["auc"]  # type: ignore[arg-type]
    assert once is not None
    assert copied is not None
    assert taken_for_others is not None
    assert (copied.low, copied.high) == pytest.approx((once.low, once.high), abs=1e-12)
    assert taken_for_others.high - taken_for_others.low < 0.5 * (once.high - once.low)


def test_where_each_row_is_another_persons_nothing_changes() -> None:
    settings = {"threshold": 0.5, "replicates": 100, "seed": 4, "site": SITE}
    alone = intervals("binary", Y, SCORES, **settings)  # type: ignore[arg-type]
    named = intervals("binary", Y, SCORES, person=np.arange(254)[::-1], **settings)  # type: ignore[arg-type]
    assert alone == named


def test_rows_are_drawn_where_a_site_has_one_person() -> None:
    one = intervals(
        "binary", Y, SCORES, threshold=0.5, replicates=100, seed=4, person=np.full(len(Y), 3)
    )["auc"]
    assert one == intervals("binary", Y, SCORES, threshold=0.5, replicates=100, seed=4)["auc"]
