"""Median, trimmed mean and mean around the median, coordinate by coordinate."""

from __future__ import annotations

from fractions import Fraction
from statistics import median

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.learning.aggregation.cases import aggregate

from collegium.learning.aggregation.rule import Aggregate

VALUE = st.integers(-32767, 32767) | st.sampled_from([-32767, 0, 1, 32767])


def exact(found: Aggregate) -> list[Fraction]:
    return [Fraction(int(one), found.denominator) for one in found.total]


def cases(least: int = 1) -> st.SearchStrategy[tuple[list[list[int]], int]]:
    """Updates with as few as `least`, and a number of bad ones that they can bear."""
    return st.integers(least, 14).flatmap(
        lambda count: st.tuples(
            st.lists(st.lists(VALUE, min_size=3, max_size=3), min_size=count, max_size=count),
            st.integers(0, (count - 1) // 2),
        )
    )


def around(column: list[int], kept: int) -> Fraction:
    """Return the mean of the `kept` values nearest to the median, the lower ones where equal."""
    middle = Fraction(median(map(Fraction, column)))
    nearest = sorted(column, key=lambda one: (abs(one - middle), one))[:kept]
    return Fraction(sum(nearest), kept)


@settings(max_examples=60, deadline=None)
@given(cases())
def test_they_are_what_their_definitions_say(case: tuple[list[list[int]], int]) -> None:
    rows, tolerate = case
    columns = [list(column) for column in zip(*rows, strict=True)]
    count = len(rows)
    assert exact(aggregate("median", rows, tolerate)) == [
        Fraction(median(map(Fraction, column))) for column in columns
    ]
    assert exact(aggregate("trimmed_mean", rows, tolerate)) == [
        Fraction(sum(sorted(column)[tolerate : count - tolerate]), count - 2 * tolerate)
        for column in columns
    ]
    assert exact(aggregate("meamed", rows, tolerate)) == [
        around(column, count - tolerate) for column in columns
    ]


def test_of_two_values_equally_near_to_the_median_the_lower_one_stays() -> None:
    assert exact(aggregate("meamed", [[-4], [0], [4]], 1)) == [Fraction(-4, 2)]
    assert exact(aggregate("meamed", [[-4], [0], [3]], 1)) == [Fraction(3, 2)]
    assert exact(aggregate("meamed", [[-4], [-4], [4], [4]], 1)) == [Fraction(-4, 3)]


@pytest.mark.parametrize("rule", ["median", "trimmed_mean", "meamed"])
def test_full_range_leaves_no_type(rule: str) -> None:
    rows = np.full((100, 2), 32767, np.int16)
    rows[:, 1] *= -1
    assert exact(aggregate(rule, rows, 49)) == [32767, -32767]
    assert exact(aggregate(f"nnm+{rule}", rows, 49)) == [32767, -32767]
    assert exact(aggregate(f"norm_clipping+nnm+{rule}", rows, 49)) == [32767, -32767]


def test_the_trimmed_mean_has_one_denominator_after_mixing() -> None:
    found = aggregate("nnm+trimmed_mean", [[index * index] for index in range(10)], 3)
    assert found.denominator == 7 * 4
