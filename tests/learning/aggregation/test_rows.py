"""Rows and their mixtures: exact inner products, coordinates and weighted means."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from tests.learning.aggregation.cases import cloud, updates

from collegium.learning.aggregation._internal.integers import integers
from collegium.learning.aggregation._internal.shifted_columns import Block
from collegium.learning.aggregation.rows import WEIGHT_BITS, UpdateRows, rows_of

VALUES = cloud(0, 5, 300, spread=9000)
MATRIX = integers([[1, 1, 0, 0, 1], [0, 3, -2, 1, 1], [7, 0, 0, 0, 0]])
KEYS = (b"a", b"b", b"c")


def exact(rows: UpdateRows) -> list[list[Fraction]]:
    """Return the rows' coordinates, one rule call for each."""
    found = []
    for index in range(rows.count):
        weights = [int(index == other) for other in range(rows.count)]
        aggregate = rows.combination(weights, 1)
        found.append([Fraction(int(one), aggregate.denominator) for one in aggregate.total])
    return found


def collected(rows: UpdateRows, chosen: list[int] | None = None) -> list[list[int]]:
    """Return the rows' integer vectors as a coordinate rule sees them."""
    seen: list[Block] = []

    def choose(block: Block) -> list[Block]:
        seen.append(block.copy())
        return [block[0]]

    rows.by_columns(choose, 1, chosen)
    (whole,) = seen  # so few columns are one block
    found: list[list[int]] = whole.tolist()
    return found


def test_a_mixture_of_a_mixture_is_exact() -> None:
    rows = rows_of(updates(VALUES))
    mixed = rows.mixed(MATRIX, 3, KEYS, (1, 1, 1))
    twice = mixed.mixed(integers([[1, 2, 0], [0, 0, 5]]), 4, KEYS[:2], (1, 1))
    wide = VALUES.astype(object)
    once = MATRIX @ wide
    again = integers([[1, 2, 0], [0, 0, 5]]) @ once
    for found, vectors, denominator in ((mixed, once, 3), (twice, again, 12)):
        assert found.denominator == denominator
        assert found.gram.tolist() == (vectors @ vectors.T).tolist()
        assert collected(found) == vectors.tolist()
        assert exact(found) == [[Fraction(one, denominator) for one in row] for row in vectors]
    assert collected(mixed, [2, 0]) == [once[2].tolist(), once[0].tolist()]


def test_distances_are_those_of_the_vectors() -> None:
    rows = rows_of(updates(VALUES))
    wide = VALUES.astype(int)
    expected = ((wide[:, None] - wide[None]) ** 2).sum(axis=2)
    assert rows.distances.tolist() == expected.tolist()


def test_some_coordinates_are_the_same_rows_with_fewer_of_them() -> None:
    columns = np.array([3, 10, 299])
    mixed = rows_of(updates(VALUES)).mixed(MATRIX, 3, KEYS, (1, 1, 1))
    part = mixed.of_columns(columns)
    vectors = MATRIX @ VALUES[:, columns].astype(object)
    assert part.gram.tolist() == (vectors @ vectors.T).tolist()
    assert (part.count, part.size, part.denominator) == (3, 3, 3)


def test_weights_without_room_keep_46_bits() -> None:
    rows = rows_of(updates(VALUES)).mixed(integers(np.eye(5, dtype=int) * 2**30), 2**30, KEYS, ())
    weights = [2**40, 0, 2**39, 0, 1]
    found = rows.combination(weights, 2**41)
    assert found.denominator == 1 << WEIGHT_BITS
    share = [Fraction(one, 2**41) for one in weights]
    wanted = [sum(w * int(x) for w, x in zip(share, column, strict=True)) for column in VALUES.T]
    got = [Fraction(int(one), found.denominator) for one in found.total]
    assert max(abs(a - b) for a, b in zip(got, wanted, strict=True)) < Fraction(32767 * 5, 2**46)


@pytest.mark.parametrize("chosen", [[0], [1, 3], [4, 4, 2]])
def test_a_mean_counts_each_row_once(chosen: list[int]) -> None:
    found = rows_of(updates(VALUES)).mean_of(chosen)
    taken = sorted(set(chosen))
    assert found.total.tolist() == VALUES[taken].astype(int).sum(axis=0).tolist()
    assert found.denominator == len(taken)
