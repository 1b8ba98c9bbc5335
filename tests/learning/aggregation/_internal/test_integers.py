"""Products, roots and logarithms of integers of any size are exact."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collegium.learning.aggregation._internal.integers import (
    ONE,
    integers,
    logarithm,
    magnitude,
    product,
    roots,
    shortened,
)


@pytest.mark.parametrize(("rows", "inner", "columns"), [(2, 3, 2), (7, 90, 11), (30, 50, 1)])
@pytest.mark.parametrize("bits", [1, 20, 21, 63, 150])
def test_a_product_is_exact_at_any_size(rows: int, inner: int, columns: int, bits: int) -> None:
    draw = random.Random(bits)
    top = 2**bits

    def matrix(height: int, width: int) -> list[list[int]]:
        return [[draw.choice([top, -top, draw.randint(-top, top)]) for _ in range(width)]
                for _ in range(height)]  # fmt: skip

    a, b = matrix(rows, inner), matrix(inner, columns)
    across = list(zip(*b, strict=True))
    expected = [[sum(x * y for x, y in zip(row, column, strict=True)) for column in across]
                for row in a]  # fmt: skip
    assert product(integers(a), integers(b)).tolist() == expected
    first = integers(row[0] for row in b)
    assert product(integers(a), first).tolist() == [row[0] for row in expected]


def test_a_sum_of_too_many_terms_is_no_product() -> None:
    with pytest.raises(OverflowError):
        product(np.zeros((1, 8193), object), np.zeros(8193, object))


def test_roots_are_rounded_down() -> None:
    assert roots([0, 1, 3, 4, 10**60 - 1]).tolist() == [0, 1, 1, 2, 10**30 - 1]


@given(st.lists(st.integers(-(2**90), 2**90), min_size=1), st.integers(2, 60))
def test_shortened_values_have_the_same_shift(values: list[int], bits: int) -> None:
    found = shortened(integers(values), bits)
    by = magnitude(integers(values)).bit_length() - bits
    assert found.tolist() == [one >> by if by >= 0 else one << -by for one in values]
    assert magnitude(found) <= 2**bits


@pytest.mark.parametrize("value", [1, 2, 3, ONE, ONE - 1, ONE * 99 // 100, 2**1000 + 1])
def test_the_logarithm_is_good_to_40_bits(value: int) -> None:
    assert logarithm(value) / ONE == pytest.approx(math.log2(value), abs=4 / ONE)
    if value.bit_count() == 1:
        assert logarithm(value) == (value.bit_length() - 1) * ONE


def test_the_logarithm_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="0"):
        logarithm(0)
