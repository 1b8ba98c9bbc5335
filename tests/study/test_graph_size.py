"""How many neighbours a secure sum needs: tails of drawing without replacement, exactly."""

from __future__ import annotations

from fractions import Fraction
from math import comb

import pytest

from collegium.study.graph_size import (
    Population,
    graph_size,
    least_threshold,
    population,
    secrecy_bits,
    tightest,
)

SHARES = [(0.05, 0.05), (0.1, 0.1), (0.2, 0.1), (0.2, 0.2)]
PUBLISHED = {
    100: [(30, 6), (42, 11), (54, 21), (72, 21)],
    1000: [(32, 18), (50, 27), (73, 45), (109, 57)],
    10000: [(37, 20), (60, 32), (87, 53), (134, 70)],
}
"""Degree and threshold by members, at 40 bits of secrecy and 30 of correctness (Bell et al. 2020,
section 3.3, calculated anew with a population of n)."""


@pytest.mark.parametrize("members", PUBLISHED)
@pytest.mark.parametrize("column", range(4))
def test_the_tightest_graph_is_the_published_one(members: int, column: int) -> None:
    """Others count n members in place of the n - 1 that a neighbour is drawn from."""
    found = tightest(population(members, *SHARES[column]))
    assert found is not None
    degree, threshold = PUBLISHED[members][column]
    assert abs(found.degree - degree) <= 2
    assert abs(found.threshold - threshold) <= 1


def chance(whole: int, marked: int, drawn: int, hits: range) -> Fraction:
    """The chance that a draw without replacement has so many marked ones."""
    ways = sum(comb(marked, hit) * comb(whole - marked, drawn - hit) for hit in hits)
    return Fraction(ways, comb(whole, drawn))


@pytest.mark.parametrize("trust", ["malicious", "honest_but_curious"])
@pytest.mark.parametrize("members", [60, 100, 400, 1500])
@pytest.mark.parametrize("shares", SHARES)
def test_a_studys_graph_meets_every_condition(
    members: int, shares: tuple[float, float], trust: str
) -> None:
    people = population(members, *shares)
    found = graph_size(people, trust)
    degree = min(found.degree, members - 1)
    assert found.degree % 2 == 0
    assert found.threshold >= least_threshold(trust, degree)
    opened = chance(members - 1, people.corrupt, degree, range(found.threshold, degree + 1))
    assert members * opened <= Fraction(1, 2**40)
    if found.degree < members - 1:
        left = members - 1 - people.missing
        closed = chance(members - 1, left, degree, range(found.threshold))
        assert members * closed <= Fraction(1, 2**30)
        bits = secrecy_bits(people, found.degree, found.threshold)
        assert bits is None or bits >= 39  # the two ways to fail are added


def test_shares_are_the_decimals_that_they_are_written_as() -> None:
    assert population(100, 0.29, 0.07) == Population(100, 29, 7)


def test_few_members_mask_with_all() -> None:
    assert graph_size(population(10, 0.1, 0.1), "malicious").degree == 10
    assert tightest(population(10, 0.1, 0.1)) is None


def test_bits_of_secrecy_are_the_chance_of_failing() -> None:
    people = Population(21, 5, 0)
    expected = 21 * chance(20, 5, 10, range(4, 11)) + 21 * Fraction(5, 21) ** 5
    bits = secrecy_bits(people, 10, 4)
    assert bits is not None
    assert expected * 2**bits <= 1 or bits == 0
    assert expected * 2 ** (bits + 1) > 1
