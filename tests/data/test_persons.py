"""Persons are the units of every cut."""

import numpy as np

from collegium.data.persons import by_person
from collegium.data.table import SiteRows


def rows(person: list[int], y: list[int]) -> SiteRows:
    return SiteRows(
        "here", np.zeros((len(y), 1), np.float32), np.array(y), np.array(person, dtype=np.int64)
    )


def test_persons_come_in_the_order_of_their_first_rows_with_their_highest_class() -> None:
    persons = by_person(rows([9, 2, 9, 5, 2], [0, 1, 2, 0, 0]))
    assert persons.of_row.tolist() == [0, 1, 0, 2, 1]
    assert persons.label.tolist() == [2, 1, 0]


def test_where_every_row_is_another_person_positions_are_the_rows() -> None:
    persons = by_person(rows([30, 10, 20], [1, 0, 1]))
    assert persons.of_row.tolist() == [0, 1, 2]
    assert persons.label.tolist() == [1, 0, 1]
