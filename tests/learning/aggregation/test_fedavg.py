"""Federated averaging: exact, in any order, and clear about what it cannot do."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collegium import plugins
from collegium.errors import RunError, StudyError
from collegium.learning.aggregation.fedavg import FEDAVG, weighted_sum
from collegium.learning.aggregation.rule import Rule
from collegium.learning.aggregation.updates import Updates


def _updates(rows: list[list[int]], weights: tuple[int, ...]) -> Updates:
    count = len(rows)
    return Updates(
        np.array(rows, np.int16).reshape(count, -1), weights, 12, ("a",) * count, (b"",) * count
    )


def test_the_aggregate_is_a_weighted_sum_over_the_sum_of_weights() -> None:
    rule: Rule = plugins.find("rules", "fedavg")
    assert rule is FEDAVG
    assert (rule.name, rule.kind) == ("fedavg@1", "recomputed")
    aggregate = rule.aggregate(_updates([[1, -2, 32767], [10, 20, 32767]], (3, 2)), 0)
    assert aggregate.total.tolist() == [23, 34, 5 * 32767]
    assert aggregate.total.dtype == np.int64
    assert aggregate.denominator == 5


@given(
    st.integers(1, 6),
    st.lists(st.integers(1, 2**43) | st.integers(1, 64), min_size=6, max_size=6),
    st.integers(0, 2**32 - 1),
)
def test_the_sum_is_exact_for_any_weights(count: int, weights: list[int], seed: int) -> None:
    values = np.random.default_rng(seed).integers(-32767, 32768, (count, 9)).astype(np.int16)
    values[:, 0] = 32767
    expected = [
        sum(w * int(x) for w, x in zip(weights, column, strict=False)) for column in values.T
    ]
    assert weighted_sum(values, tuple(weights[:count])).tolist() == expected


@pytest.mark.parametrize("weights", [(1, 1, 1), (512, 1, 3), (2**30, 3, 2**37), (2**40, 1, 3)])
def test_the_sum_is_exact_over_many_columns_at_full_range(weights: tuple[int, ...]) -> None:
    pattern = np.arange(3 * 40_000).reshape(3, 40_000) * 7919 % 65535 - 32767
    expected = np.array(weights) @ pattern
    assert weighted_sum(pattern.astype(np.int16), weights).tolist() == expected.tolist()


def test_the_order_of_participants_does_not_matter() -> None:
    values = np.random.default_rng(0).integers(-32767, 32768, (20, 1000)).astype(np.int16)
    weights = tuple(range(1, 21))
    backwards = weighted_sum(np.ascontiguousarray(values[::-1]), weights[::-1])
    assert (weighted_sum(values, weights) == backwards).all()


def test_a_sum_beyond_64_bits_is_refused() -> None:
    values = np.full((2, 1), 32767, np.int16)
    largest = (2**63 - 1) // 32767
    assert weighted_sum(values, (largest - 1, 1)).tolist() == [32767 * largest]
    with pytest.raises(RunError) as caught:
        weighted_sum(values, (largest, 1))
    assert caught.value.code == "aggregation.refused"


@pytest.mark.parametrize(
    ("rows", "weights"), [([], ()), ([[1]], (0,)), ([[1]], (-1,)), ([[1], [2]], (1,))]
)
def test_broken_updates_are_refused(rows: list[list[int]], weights: tuple[int, ...]) -> None:
    with pytest.raises(RunError):
        FEDAVG.aggregate(_updates(rows, weights) if rows else _updates([[1]], ()), 0)


def test_it_bears_no_bad_update_and_needs_one_good() -> None:
    FEDAVG.check(1, 0)
    with pytest.raises(StudyError) as caught:
        FEDAVG.check(10, 1)
    assert caught.value.code == "rule.tolerate"
    with pytest.raises(StudyError) as caught:
        FEDAVG.check(0, 0)
    assert caught.value.code == "rule.participants"
