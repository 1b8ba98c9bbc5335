"""A comparison says what the paired intervals show, and never more."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collegium.data.table import Task
from collegium.learning.evaluation.statement import MEASURES
from collegium.report.comparison import compare, verdict_of
from collegium.report.figures import Figure
from collegium.report.measurements import Interval
from collegium.report.wording import PRIMARY

bounds = st.tuples(st.floats(-1, 1), st.floats(-1, 1)).map(sorted).map(lambda b: Interval(*b))


def figures(task: Task, value: float = 0.5) -> dict[str, Figure]:
    return dict.fromkeys(MEASURES[task], Figure(value, value, value))


def sentence(task: Task, **intervals: Interval | None) -> str:
    return compare(task, "local-only training", figures(task), figures(task), intervals).sentence


UNCLEAR = Interval(-0.01, 0.02)
UP = Interval(0.01, 0.03)
DOWN = Interval(-0.03, -0.01)


@pytest.mark.parametrize(
    ("measure", "interval", "verdict"),
    [
        ("auc", UP, "better"),
        ("auc", DOWN, "worse"),
        ("auc", UNCLEAR, "unclear"),
        ("auc", Interval(0.0, 0.03), "unclear"),
        ("auc", Interval(-0.03, 0.0), "unclear"),
        ("auc", None, "unknown"),
        ("log_loss", UP, "worse"),
        ("log_loss", DOWN, "better"),
        ("mae", DOWN, "better"),
        ("r2", UP, "better"),
    ],
)
def test_a_verdict_needs_a_whole_interval_on_one_side_of_zero(
    measure: str, interval: Interval | None, verdict: str
) -> None:
    assert verdict_of(measure, interval) == verdict


def test_an_interval_around_zero_shows_no_difference_and_proves_no_equality() -> None:
    told = sentence("binary", auc=UNCLEAR, accuracy=UNCLEAR)
    assert told == (
        "AUC does not differ detectably from local-only training (difference 0.000, 95\u00a0% CI "
        "−0.010 to +0.020). This does not show that they are equivalent."
    )


def test_a_benefit_in_the_primary_measure_is_said_with_its_interval() -> None:
    told = sentence("binary", auc=UP)
    assert told == (
        "The federated model has a better AUC than local-only training (difference 0.000, "
        "95\u00a0% CI +0.010 to +0.030)."
    )


def test_a_loss_is_said_as_plainly() -> None:
    assert "The federated model has a worse AUC than" in sentence("binary", auc=DOWN)
    assert "The federated model has a worse mean absolute error than" in sentence(
        "regression", mae=UP
    )


def test_other_measures_are_a_hint_in_both_directions() -> None:
    told = sentence("binary", auc=UNCLEAR, accuracy=UP, log_loss=UP, brier=UNCLEAR)
    assert "does not differ detectably from local-only training" in told
    assert (
        "Of 3 secondary measures, accuracy (+0.010 to +0.030) favors the federated model, and "
        "log loss (+0.010 to +0.030) favors local-only training. Secondary measures are not "
        "corrected for multiple comparisons." in told
    )


def test_without_an_interval_nothing_is_compared() -> None:
    assert sentence("binary") == ("A comparison of AUC with local-only training is not available.")


@given(st.sampled_from(list(PRIMARY)), st.data())
def test_no_benefit_is_claimed_whose_interval_includes_zero(
    task: Task, data: st.DataObject
) -> None:
    intervals = {name: data.draw(st.none() | bounds) for name in MEASURES[task]}
    told = sentence(task, **intervals)
    interval = intervals[PRIMARY[task]]
    if interval is None or interval.low <= 0 <= interval.high:
        assert " has a better " not in told
        assert " has a worse " not in told
    else:
        smaller = task in ("regression", "count")
        better = (interval.low > 0) != smaller
        assert (" has a better " in told) is better
        assert (" has a worse " in told) is not better
    for side, sign in (("the federated model", 1), ("local-only training", -1)):
        anything = [
            one
            for name, one in intervals.items()
            if name != PRIMARY[task] and one is not None
            for factor in (-sign if name in ("brier", "log_loss", "mae", "rmse") else sign,)
            if factor * one.low > 0 and factor * one.high > 0
        ]
        assert bool(re.search(rf"favors? {side}", told)) is (
            bool(anything) and interval is not None
        )
