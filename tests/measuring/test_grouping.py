"""Which subgroups nothing is told of: small ones, and what would give them away."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from collegium.measuring.grouping import withheld


def binary(no: int, yes: int) -> NDArray[np.int64]:
    return np.repeat([0, 1], [no, yes])


def test_large_groups_are_all_told() -> None:
    assert withheld("binary", [binary(5, 5), binary(50, 9)]) == set()


def test_what_is_left_beside_a_small_group_would_give_it_away() -> None:
    assert withheld("binary", [binary(500, 90), binary(30, 4)]) == {0, 1}


def test_the_smallest_of_the_others_is_withheld_beside_it() -> None:
    groups = [binary(40, 20), binary(9, 0), binary(20, 12), binary(300, 60)]
    assert withheld("binary", groups) == {1, 2}


def test_two_small_groups_hide_each_other_if_they_are_enough_together() -> None:
    assert withheld("binary", [binary(40, 3), binary(3, 40), binary(60, 60)]) == {0, 1}
    assert withheld("binary", [binary(6, 1), binary(7, 2), binary(60, 60)]) == {0, 1, 2}


def test_a_group_without_rows_hides_nobody() -> None:
    assert withheld("binary", [np.empty(0), binary(60, 60), binary(30, 30)]) == {0}


def test_events_count_where_survival_is_asked_for() -> None:
    def lives(censored: int, events: int) -> NDArray[np.float32]:
        seen = np.repeat([0, 1], [censored, events])
        return np.stack([np.ones(len(seen)), seen], axis=1).astype(np.float32)

    assert withheld("survival", [lives(40, 4), lives(90, 30), lives(200, 70)]) == {0, 1}
    assert withheld("survival", [lives(40, 5), lives(90, 30)]) == set()


def test_rows_alone_count_where_there_are_no_classes() -> None:
    assert withheld("regression", [np.zeros(9), np.ones(30), np.ones(20)]) == {0, 2}
