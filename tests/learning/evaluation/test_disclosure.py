"""A site tells what is safe to tell: nothing from which a small class could be worked out."""

from itertools import product

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collegium.canonical import to_text
from collegium.learning.evaluation.disclosure import statement_of
from collegium.learning.evaluation.intervals import intervals
from collegium.learning.evaluation.statement import (
    Statement,
    decode_statement,
    encode_statement,
)

MODEL = to_text(bytes(32))


def state(
    y: np.ndarray, scores: np.ndarray, task: str = "binary", replicates: int = 0
) -> Statement:
    return statement_of(
        task,  # type: ignore[arg-type]
        y,
        scores,
        threshold=0.5,
        replicates=replicates,
        seed=7,
        model=MODEL,
        kind="federated",
    )


def labels(*counts: int) -> np.ndarray:
    return np.repeat(np.arange(len(counts)), counts)


def scores_for(y: np.ndarray, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((len(y), 1))


def test_large_classes_are_told_with_every_measure_and_interval() -> None:
    y = labels(30, 20)
    scores = scores_for(y)
    told = state(y, scores, replicates=200)
    assert (told.withheld, told.classes, told.rows) == ("nothing", (30, 20), 50)
    assert told.correct == int(((scores[:, 0] >= 0.5) == y).sum())
    expected = intervals("binary", y, scores, threshold=0.5, replicates=200, seed=7)
    for value in told.values:
        interval = expected[value.name]
        assert interval is not None
        assert (value.value, value.low, value.high) == pytest.approx(
            (interval.value * 1e9, interval.low * 1e9, interval.high * 1e9), abs=0.51
        )


@pytest.mark.parametrize("few", range(5))
@pytest.mark.parametrize("small", [0, 1])
def test_beside_a_class_under_five_only_correct_rows_are_told(few: int, small: int) -> None:
    y = labels(*((few, 40) if small == 0 else (40, few)))
    told = state(y, scores_for(y), replicates=50)
    assert (told.withheld, told.classes) == ("by-class", msgspec.UNSET)
    assert [value.name for value in told.values] == ["accuracy"]


def test_five_are_enough() -> None:
    assert state(labels(5, 40), scores_for(labels(5, 40))).withheld == "nothing"


def test_where_all_are_predicted_alike_correct_rows_would_be_the_count() -> None:
    """A model with no weights and a large bias makes accuracy the prevalence."""
    for bias in (0.0, 0.9):
        told = state(labels(1, 45), np.full((46, 1), bias), replicates=50)
        assert (told.withheld, told.correct, told.values) == ("all", msgspec.UNSET, ())
        assert told.rows == 46


def test_what_is_told_beside_a_small_class_fits_other_counts_as_well() -> None:
    """The same bytes come from test parts whose small class has any number of rows.

    Two rows are wrong, wherever they are and of whatever class.
    """
    told = set()
    for few, wrong in product(range(5), ([10, 11], [18, 19], [0, 19])):
        y = labels(few, 20 - few)
        called = y.copy()
        called[wrong] = 1 - y[wrong]
        told.add(encode_statement(state(y, called[:, None].astype(float), replicates=100)))
    assert len(told) == 1


@pytest.mark.parametrize("rows", range(1, 5))
def test_of_a_part_under_five_rows_only_their_number_is_told(rows: int) -> None:
    told = state(labels(1, rows)[:rows], scores_for(labels(rows)))
    assert (told.withheld, told.values) == ("all", ())
    value = np.arange(rows, dtype=np.float32)
    measured = state(value, value[:, None], "regression")
    assert (measured.withheld, measured.values) == ("all", ())


def test_one_small_class_of_three_hides_all_counts() -> None:
    y = labels(20, 20, 3)
    told = state(y, np.random.default_rng(0).dirichlet(np.ones(3), len(y)), "multiclass")
    assert (told.withheld, told.classes) == ("by-class", msgspec.UNSET)


def test_other_tasks_are_told() -> None:
    y = labels(9, 9, 9)
    several = state(y, np.random.default_rng(0).dirichlet(np.ones(3), 27), "multiclass")
    assert [value.name for value in several.values] == ["accuracy", "auc", "log_loss"]
    value = np.linspace(0, 1, 20)
    measured = state(value, value[:, None] + 0.25, "regression")
    told = {one.name: one.value for one in measured.values}
    assert told["mae"] == told["rmse"] == 250_000_000


@pytest.mark.parametrize(("events", "withheld"), [(4, "all"), (5, "nothing"), (21, "all")])
def test_a_c_index_over_few_events_or_few_without_is_not_told(events: int, withheld: str) -> None:
    y = np.stack([np.arange(25), np.arange(25) < events], axis=1).astype(np.float32)
    told = state(y, -y[:, :1], "survival", replicates=100)
    assert told.withheld == withheld
    assert [one.name for one in told.values] == ([] if withheld == "all" else ["c_index"])
    assert decode_statement(encode_statement(told)) == told


def test_ratios_of_counts_are_rounded_from_the_counts() -> None:
    """1/1024 is 976562.5 units; rounding a float to even would lose the half."""
    y = labels(1024, 1024)
    told = state(y, (np.arange(2048) == 1024)[:, None].astype(float))
    assert {one.name: one.value for one in told.values}["sensitivity"] == 976_563
    assert decode_statement(encode_statement(told)) == told


def test_a_value_too_large_for_the_format_is_left_out() -> None:
    value = np.linspace(0, 1e9, 20)
    measured = state(value, value[:, None] * 0, "regression", replicates=20)
    assert [one.name for one in measured.values] == ["r2"]


@given(
    negatives=st.integers(0, 30),
    positives=st.integers(0, 30),
    level=st.sampled_from([2, 1000]),
    seed=st.integers(0, 99),
)
def test_every_statement_can_be_written_and_read(
    negatives: int, positives: int, level: int, seed: int
) -> None:
    if negatives + positives == 0:
        return
    y = labels(negatives, positives)
    scores = np.random.default_rng(seed).integers(0, level + 1, (len(y), 1)) / level
    told = state(y, scores, replicates=20)
    assert decode_statement(encode_statement(told)) == told
    small = min(negatives, positives) < 5
    assert (told.withheld == "nothing") == (not small)
