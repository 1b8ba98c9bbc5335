"""A comparison says what the paired intervals show, and never more."""

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
        "In AUC no difference from local-only training is shown: the interval of the difference, "
        "−0.010 to +0.020, includes 0. That does not prove them equally good."
    )


def test_a_benefit_in_the_primary_measure_is_said_with_its_interval() -> None:
    told = sentence("binary", auc=UP)
    assert told == (
        "In AUC the federated model is better than local-only training (+0.010 to +0.030)."
    )


def test_a_loss_is_said_as_plainly() -> None:
    assert "In AUC the federated model is worse than" in sentence("binary", auc=DOWN)
    assert "the federated model is worse than" in sentence("regression", mae=UP)


def test_other_measures_are_a_hint_in_both_directions() -> None:
    told = sentence("binary", auc=UNCLEAR, accuracy=UP, log_loss=UP, brier=UNCLEAR)
    assert "no difference from local-only training is shown" in told
    assert (
        "Of 3 other measures the interval excludes 0 in its favor in accuracy (+0.010 to +0.030) "
        "and against it in log loss (+0.010 to +0.030): uncorrected for looking at several, a "
        "hint and no proof." in told
    )


def test_without_an_interval_nothing_is_compared() -> None:
    assert sentence("binary") == ("A comparison with local-only training by AUC could not be made.")


@given(st.sampled_from(list(PRIMARY)), st.data())
def test_no_benefit_is_claimed_whose_interval_includes_zero(
    task: Task, data: st.DataObject
) -> None:
    intervals = {name: data.draw(st.none() | bounds) for name in MEASURES[task]}
    told = sentence(task, **intervals)
    interval = intervals[PRIMARY[task]]
    if interval is None or interval.low <= 0 <= interval.high:
        assert " is better than " not in told
        assert " is worse than " not in told
    else:
        smaller = task in ("regression", "count")
        better = (interval.low > 0) != smaller
        assert (" is better than " in told) is better
        assert (" is worse than " in told) is not better
    for side, sign in (("in its favor", 1), ("against it", -1)):
        anything = [
            one
            for name, one in intervals.items()
            if name != PRIMARY[task] and one is not None
            for factor in (-sign if name in ("brier", "log_loss", "mae", "rmse") else sign,)
            if factor * one.low > 0 and factor * one.high > 0
        ]
        assert (side in told) is (bool(anything) and interval is not None)
