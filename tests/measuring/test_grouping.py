"""Which subgroups are told: none that is small, and none from which a small one follows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray

from collegium.measuring.grouping import told_requests

Mask = NDArray[np.bool_]


def labelled(*groups: tuple[int, int]) -> tuple[NDArray[np.int64], list[Mask]]:
    """Answers of groups with so many negative and positive rows, and which rows are in each."""
    y = np.concatenate([np.repeat([0, 1], one) for one in groups])
    label = np.repeat(np.arange(len(groups)), [sum(one) for one in groups])
    return y, [label == number for number in range(len(groups))]


def cut(values: NDArray[np.int64], *at: int) -> list[list[Mask]]:
    """Requests that cut a number."""
    return [[values < one, values >= one] for one in at]


def test_large_groups_are_told_and_a_small_one_hides_all_of_its_feature() -> None:
    for groups, expected in (
        (((5, 5), (50, 9)), [0]),
        (((500, 90), (30, 4)), []),
        (((40, 20), (9, 0), (300, 60)), []),
        (((60, 60), (0, 0), (30, 30)), [0]),
    ):
        y, masks = labelled(*groups)
        assert told_requests("binary", y, ["sex"], [masks]) == expected


def test_cuts_of_one_feature_are_told_only_if_what_is_between_them_is_large() -> None:
    age, y = np.repeat(np.arange(40, 80), 8), np.tile([0, 1], 160)
    features = ["age", "age", "age"]
    assert told_requests("binary", y, features, cut(age, 60, 61, 70)) == [0, 2]
    assert told_requests("binary", y, features, cut(age, 60, 62, 61)) == [0, 1]


def test_a_group_within_another_feature_s_is_told_only_if_the_rest_is_large() -> None:
    age, y = np.repeat(np.arange(40, 80), 8), np.tile([0, 1], 160)
    born = cut(2000 - age, 1940)
    assert told_requests("binary", y, ["age", "born"], [*cut(age, 61), *born]) == [0, 1]
    born[0][0][np.flatnonzero(age == 60)[:3]] ^= True
    born[0][1] = ~born[0][0]
    assert told_requests("binary", y, ["age", "born"], [*cut(age, 61), *born]) == [0]


def test_events_count_where_survival_is_asked_for_and_rows_alone_without_classes() -> None:
    lives = np.stack([np.ones(130), np.repeat([0, 1, 0, 1], [40, 4, 60, 26])], axis=1)
    groups = [[np.arange(130) < 44, np.arange(130) >= 44]]
    assert told_requests("survival", lives, ["sex"], groups) == []
    assert told_requests("regression", np.zeros(130), ["sex"], groups) == [0]


@pytest.mark.parametrize("seed", range(8))
def test_nothing_that_can_be_added_up_from_told_groups_is_small(seed: int) -> None:
    """Over 1,000 tables in all: whatever whole-number combination of told groups is a set of rows.

    Of cuts of one feature these are the intervals between cuts that are told.
    """
    draws = np.random.default_rng(seed)
    told = 0
    for _ in range(130):
        size = int(draws.integers(20, 400))
        age = draws.integers(30, 90, size)
        kind, y = draws.integers(0, 4, size), draws.integers(0, 2, size)
        cuts = draws.integers(30, 90, 5).tolist()
        requests: list[Sequence[Mask]] = [*cut(age, *cuts), [kind == one for one in range(4)]]
        found = told_requests("binary", y, [*["age"] * 5, "kind"], requests)
        marks = sorted({0, 200, *(cuts[one] for one in found if one < 5)})
        for low, high in product(marks, marks):
            inside = y[(age >= low) & (age < high)]
            assert len(inside) == 0 or min(inside.sum(), len(inside) - inside.sum()) >= 5
        told += len(found)
    assert told > 100
