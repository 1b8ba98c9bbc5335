"""The test part is scikit-learn's, draw for draw, and no person is on both sides."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.data.example_tables import site

from collegium.data import uci_heart
from collegium.data.split import split
from collegium.data.table import SiteRows
from collegium.errors import DataError


def test_heart_has_flambys_254_test_rows() -> None:
    """Sizes and members are recorded, so that no library is needed to notice a change."""
    tests = [split(s, 0.34, 43)[1] for s in uci_heart.load().sites]
    assert [len(t.y) for t in tests] == [104, 89, 16, 45]
    persons = np.concatenate([t.person for t in tests]).astype("<i8").tobytes()
    assert hashlib.sha256(persons).hexdigest() == RECORDED


RECORDED = "88fa60745ba55109b92f8e33791f053e6857ffeeca7426b5802f060756271a84"


def reference(y: np.ndarray, seed: int) -> np.ndarray:
    """FLamby's rule around scikit-learn's function: the positions to test on, sorted."""
    model_selection = pytest.importorskip("sklearn.model_selection")
    _, sizes = np.unique(y, return_counts=True)
    _, test = model_selection.train_test_split(
        np.arange(len(y)),
        test_size=1.0 - 0.66,
        train_size=0.66,
        random_state=seed,
        stratify=y if len(sizes) > 1 and sizes.min() > 2 else None,
    )
    return np.sort(test)


@pytest.mark.parametrize("hospital", range(4))
def test_heart_is_split_as_flamby_splits_it(hospital: int) -> None:
    rows = uci_heart.load().sites[hospital]
    _, test = split(rows, 0.34, 43)
    assert np.array_equal(test.person, rows.person[reference(rows.y, 43)])


def test_any_labels_are_split_as_scikit_learn_splits_them() -> None:
    generator = np.random.default_rng(5)
    for seed in range(300):
        rows = int(generator.integers(12, 400))
        y = generator.integers(0, generator.integers(1, 5), rows)
        made = SiteRows("made", np.zeros((rows, 1), np.float32), y, np.arange(rows))
        assert np.array_equal(split(made, 0.34, seed)[1].person, reference(y, seed)), seed


def test_parts_are_disjoint_complete_and_in_order() -> None:
    rows = site("here", 101)
    train, test = split(rows, 0.3, 1)
    assert len(test.y) == 31
    assert sorted([*train.person.tolist(), *test.person.tolist()]) == list(range(101))
    for part in (train, test):
        assert part.name == "here"
        assert (np.diff(part.person) > 0).all()
        assert np.array_equal(part.x[:, 0], part.person.astype(np.float32))


def test_a_person_is_on_one_side_only() -> None:
    person = np.random.default_rng(0).permutation(np.arange(300) % 40)
    train, test = split(replace(site("here", 300), person=person), 0.34, 43)
    assert set(train.person.tolist()).isdisjoint(test.person.tolist())
    assert len(set(test.person.tolist())) == 14


def test_persons_are_counted_in_the_order_of_their_rows_not_of_their_numbers() -> None:
    rows = site("here", 60)
    renamed = SiteRows("here", rows.x, rows.y, rows.person[::-1].copy())
    assert np.array_equal(split(rows, 0.34, 3)[1].x, split(renamed, 0.34, 3)[1].x)


def test_a_fraction_is_the_decimal_it_is_written_as() -> None:
    """In floats 0.07 x 100 is a little over 7, and an eighth person would be tested."""
    assert len(split(site("here", 100), 0.07, 0)[1].y) == 7


def test_seeds_differ_and_large_ones_are_used_whole() -> None:
    rows = site("here", 100)
    parts = [
        tuple(split(rows, 0.34, seed)[1].person.tolist()) for seed in (1, 2, 2**32 + 1, 2**53 - 1)
    ]
    assert len(set(parts)) == 4


def test_values_of_a_regression_are_split_by_chance() -> None:
    rows = site("here", 50)
    measured = SiteRows("here", rows.x, np.linspace(0, 1, 50, dtype=np.float32), rows.person)
    train, test = split(measured, 0.34, 0)
    assert (len(train.y), len(test.y)) == (33, 17)


def test_events_and_the_censored_are_split_in_proportion() -> None:
    rows = site("here", 50)
    y = np.stack([np.arange(50), np.arange(50) < 10], axis=1).astype(np.float32)
    _, test = split(SiteRows("here", rows.x, y, rows.person), 0.2, 0)
    assert (len(test.y), test.y[:, 1].sum()) == (10, 2)


@pytest.mark.parametrize(
    ("make", "test"),
    [
        (lambda: site("here", 1), 0.34),
        (lambda: site("here", 2), 0.9),
        (lambda: site("here", 30, persons=1), 0.34),
        (lambda: site("here", 10), 0.0),
        (lambda: site("here", 10), 1.0),
        (lambda: site("here", 10), float("nan")),
    ],
)
def test_an_empty_part_is_refused(make: Callable[[], Any], test: float) -> None:
    with pytest.raises(DataError) as caught:
        split(make(), test, 0)
    assert caught.value.code == "data.split"


def timed(rows: SiteRows, length: int = 1) -> SiteRows:
    """Rows of one person after another, each of which covers `length` moments."""
    begins = np.arange(len(rows.y))
    return replace(rows, time=np.stack([begins, begins + length - 1], axis=1))


def test_by_time_each_persons_latest_rows_are_tested() -> None:
    rows = timed(site("here", 20, persons=2))
    shuffled = np.random.default_rng(1).permutation(20)
    mixed = SiteRows(
        "here", rows.x[shuffled], rows.y[shuffled], rows.person[shuffled],
        None if rows.time is None else rows.time[shuffled],
    )  # fmt: skip
    train, test = split(mixed, 0.3, 9, "time")
    assert test.time is not None
    assert sorted(test.time[:, 0].tolist()) == [14, 15, 16, 17, 18, 19]
    assert (len(train.y), len(test.y)) == (14, 6)


def test_by_time_what_overlaps_the_test_part_is_in_neither() -> None:
    train, test = split(timed(site("here", 10, persons=1), length=3), 0.3, 9, "time")
    assert train.time is not None
    assert test.time is not None
    assert test.time[:, 0].tolist() == [7, 8, 9]
    assert train.time[:, 1].max() == 6


def test_by_time_needs_times_and_rows_before_the_cut() -> None:
    with pytest.raises(DataError, match="here") as caught:
        split(site("here", 10), 0.3, 9, "time")
    assert "no times" in caught.value.why
    with pytest.raises(DataError, match="here") as caught:
        split(timed(site("here", 10, persons=1), length=30), 0.3, 9, "time")
    assert "before the test part" in caught.value.why


def test_by_row_persons_are_not_kept_together() -> None:
    rows = site("here", 100, persons=5)
    train, test = split(rows, 0.34, 9, "row")
    assert set(train.person.tolist()) & set(test.person.tolist())
    assert len(train.y) + len(test.y) == 100
    alone = replace(rows, person=np.arange(100))
    assert np.array_equal(split(alone, 0.34, 9)[1].x, test.x), "as if each were another person's"


def test_a_published_test_part_is_taken_as_it_is() -> None:
    rows = replace(site("here", 6), published=np.array([True, False, False, True, False, False]))
    train, test = split(rows, 0.9, 3, "published")
    assert (train.person.tolist(), test.person.tolist()) == ([1, 2, 4, 5], [0, 3])
    for none in (replace(rows, published=None), replace(rows, published=np.zeros(6, np.bool_))):
        with pytest.raises(DataError, match="here") as caught:
            split(none, 0.3, 3, "published")
        assert "came without" in caught.value.why


def test_the_latest_rows_of_a_site_are_of_nobody_who_is_trained_on() -> None:
    begin = np.array([3, 1, 2, 5, 5, 4, 5, 0])
    rows = SiteRows(
        "one", np.arange(8, dtype=np.float32)[:, None], np.zeros(8, np.int64),
        np.array([1, 2, 3, 4, 1, 6, 7, 8]), np.stack([begin, begin], axis=1),
    )  # fmt: skip
    train, test = split(rows, 0.25, 1, "latest")
    # Three rows share the moment of the second latest; one of them is of person 1.
    assert train.x[:, 0].tolist() == [0, 1, 2, 5, 7]
    assert test.x[:, 0].tolist() == [3, 6]
    same = SiteRows("one", rows.x, rows.y, np.ones(8, np.int64), rows.time)
    with pytest.raises(DataError, match="cannot be split") as refused:
        split(same, 0.25, 1, "latest")
    assert refused.value.why == "every person with a late row has an earlier one too"
