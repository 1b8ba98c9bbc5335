"""Folds: every person is tested once, at all sites at once, by the seed alone."""

from __future__ import annotations

import numpy as np
import pytest
from tests.data.example_tables import site

from collegium.data import uci_heart
from collegium.data.folds import fold
from collegium.data.table import SiteRows
from collegium.errors import DataError

HEART = uci_heart.load().sites


def persons_of(sites: tuple[SiteRows, ...], folds: int, seed: int = 7) -> list[list[int]]:
    """The persons of each fold."""
    found = []
    for number in range(1, folds + 1):
        cut = fold(sites, number, folds, seed)
        found.append(sorted({int(p) for _, test in cut.values() for p in test.person}))
    return found


def test_every_person_is_tested_in_one_fold() -> None:
    folds = persons_of(HEART, 5)
    everybody = sorted(int(p) for rows in HEART for p in rows.person)
    assert sorted(p for persons in folds for p in persons) == everybody
    assert {len(persons) for persons in folds} == {148}


def test_nobody_is_trained_on_and_tested_even_at_two_sites() -> None:
    shared = (site("a", 60, persons=20), site("b", 60, persons=20))  # the same twenty persons
    for number in range(1, 5):
        cut = fold(shared, number, 4, 7)
        trained = {int(p) for train, _ in cut.values() for p in train.person}
        late = {int(p) for _, test in cut.values() for p in test.person}
        assert not trained & late
        assert len(late) == 5


def test_folds_are_stratified_by_site_and_class() -> None:
    for number in range(1, 6):
        for rows in HEART:
            _, test = fold(HEART, number, 5, 7)[rows.name]
            assert len(test.y) == pytest.approx(len(rows.y) / 5, abs=2)
            assert test.y.sum() == pytest.approx(rows.y.sum() / 5, abs=2)


def test_the_seed_decides_and_rows_keep_their_order() -> None:
    assert persons_of(HEART, 5) == persons_of(HEART, 5)
    assert persons_of(HEART, 5) != persons_of(HEART, 5, seed=8)
    train, test = fold(HEART, 2, 5, 7)["va"]
    assert np.all(np.diff(train.person) > 0)
    assert np.all(np.diff(test.person) > 0)
    assert len(train.y) + len(test.y) == 130


def test_a_site_whose_persons_are_all_in_one_fold_is_refused() -> None:
    sites = (site("many", 40), site("alone", 9, first_person=50, persons=1))
    with pytest.raises(DataError, match="alone") as caught:
        persons_of(sites, 5)
    assert caught.value.code == "data.split"
    assert "evaluation.folds" in caught.value.todo
