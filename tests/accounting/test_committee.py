"""Committees by lot: how likely a third or a majority of one is bad."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collegium.accounting.committee import capture, majority, over_rounds, smallest, third

# Computed once by hypergeometric sums: committees of m of n = 100, with so many bad.
THIRDS = [(20, 4, 0.178), (20, 7, 0.141), (20, 10, 0.110), (20, 21, 0.083), (20, 31, 0.0116),
          (30, 21, 0.449)]  # fmt: skip
MAJORITIES = [(20, 7, 0.028), (20, 21, 1.5e-4), (30, 21, 0.014)]

# VBFL's layout: 20 devices, 5 of them validators, 3 of them miners.
VBFL = [(3, 5, 0.0088), (4, 5, 0.032), (6, 5, 0.131), (3, 3, 0.046), (6, 3, 0.202)]


@pytest.mark.parametrize(("bad", "size", "chance"), THIRDS)
def test_a_third_of_a_hundred(bad: int, size: int, chance: float) -> None:
    assert float(capture(100, bad, size, third(size))) == pytest.approx(chance, rel=0.03)


@pytest.mark.parametrize(("bad", "size", "chance"), MAJORITIES)
def test_a_majority_of_a_hundred(bad: int, size: int, chance: float) -> None:
    assert float(capture(100, bad, size, majority(size))) == pytest.approx(chance, rel=0.03)


@pytest.mark.parametrize(("bad", "size", "chance"), VBFL)
def test_the_committees_of_vbfl(bad: int, size: int, chance: float) -> None:
    assert float(capture(20, bad, size, majority(size))) == pytest.approx(chance, rel=0.03)


@given(st.integers(1, 8), st.integers(0, 8), st.integers(1, 8), st.integers(0, 9))
def test_it_is_the_share_of_all_committees(members: int, bad: int, size: int, least: int) -> None:
    if bad > members or size > members:
        return
    all_of_them = list(combinations(range(members), size))
    hit = sum(sum(one < bad for one in drawn) >= least for drawn in all_of_them)
    assert capture(members, bad, size, least) == Fraction(hit, len(all_of_them))


def test_small_committees_are_captured_in_the_long_run() -> None:
    once = capture(20, 6, 5, majority(5))
    assert over_rounds(once, 1) == pytest.approx(0.131, rel=0.01)
    assert over_rounds(once, 100) > 0.999999


def test_the_smallest_committee_that_will_do() -> None:
    found = smallest(100, 20, Fraction(1, 1000))
    assert found == 17
    assert capture(100, 20, 17, majority(17)) <= Fraction(1, 1000)
    assert capture(100, 20, 15, majority(15)) > Fraction(1, 1000)
    assert smallest(10, 6, Fraction(1, 1000)) is None
    assert smallest(4, 0, Fraction(1, 1000)) == 1


@pytest.mark.parametrize(("members", "bad", "size"), [(4, 5, 2), (4, 1, 5), (4, 1, 0), (4, -1, 2)])
def test_there_is_no_such_committee(members: int, bad: int, size: int) -> None:
    with pytest.raises(ValueError, match="a committee of"):
        capture(members, bad, size, 1)
