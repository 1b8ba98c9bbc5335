"""Rows fall to sites completely, once, by the seed alone, and never to nobody."""

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.data.example_tables import SCHEMA, dataset, site

from collegium.data import uci_heart
from collegium.data.partition import apportion, made_up_sites, partition
from collegium.data.split import split
from collegium.data.table import SiteRows
from collegium.errors import DataError
from collegium.study.document import Partition

HEART = uci_heart.load()
SPLIT = Partition(by="split", sites=10)
IID = Partition(by="iid", sites=10)
SKEWED = Partition(by="dirichlet", sites=10, alpha=0.3)
UNEQUAL = Partition(by="size", sites=10, alpha=0.3)


def persons(sites: tuple[SiteRows, ...]) -> list[list[int]]:
    return [rows.person.tolist() for rows in sites]


def test_by_site_is_the_natural_partition() -> None:
    assert partition(HEART, Partition(), 7) == HEART.sites
    assert partition(HEART, Partition(sites=4), 7) == HEART.sites


def test_ten_sites_are_cut_inside_the_four_hospitals_by_size() -> None:
    assert [rows.name for rows in partition(HEART, SPLIT, 43)] == [
        "cleveland-1", "cleveland-2", "cleveland-3", "cleveland-4",
        "hungarian-1", "hungarian-2", "hungarian-3",
        "switzerland-1",
        "va-1", "va-2",
    ]  # fmt: skip


def test_pieces_are_of_one_hospital_and_of_equal_size() -> None:
    cleveland = {*HEART.sites[0].person.tolist()}
    pieces = partition(HEART, SPLIT, 43)[:4]
    assert sorted(len(piece.y) for piece in pieces) == [75, 76, 76, 76]
    assert {person for piece in persons(pieces) for person in piece} == cleveland


@pytest.mark.parametrize("spec", [SPLIT, IID, SKEWED, UNEQUAL])
def test_every_row_falls_to_one_site_and_keeps_its_values(spec: Partition) -> None:
    sites = partition(HEART, spec, 43)
    assert len(sites) == 10
    together = sorted(person for site in persons(sites) for person in site)
    assert together == sorted(person for site in persons(HEART.sites) for person in site)
    values = {
        int(person): (x.tobytes(), int(y))
        for rows in HEART.sites
        for person, x, y in zip(rows.person, rows.x, rows.y, strict=True)
    }
    for rows in sites:
        for person, x, y in zip(rows.person, rows.x, rows.y, strict=True):
            assert values[int(person)] == (x.tobytes(), int(y))


@pytest.mark.parametrize("spec", [SPLIT, IID, SKEWED, UNEQUAL])
def test_the_seed_decides(spec: Partition) -> None:
    assert persons(partition(HEART, spec, 1)) == persons(partition(HEART, spec, 1))
    assert persons(partition(HEART, spec, 1)) != persons(partition(HEART, spec, 2))


RECORDED = {
    SPLIT: [3, 6, 7, 10, 18],
    IID: [2, 7, 29, 38, 39],
    SKEWED: [5, 6, 7, 10, 11],
}
"""The first five persons of the first site with seed 43."""


@pytest.mark.parametrize("spec", RECORDED)
def test_draws_are_recorded(spec: Partition) -> None:
    assert partition(HEART, spec, 43)[0].person[:5].tolist() == RECORDED[spec]


def test_draws_do_not_depend_on_the_process() -> None:
    program = (
        "from collegium.data.partition import partition\n"
        "from collegium.data.uci_heart import load\n"
        "from collegium.study.document import Partition\n"
        "spec = Partition(by='dirichlet', sites=10, alpha=0.3)\n"
        "print([rows.person.tolist() for rows in partition(load(), spec, 43)])\n"
    )
    for hash_seed in ("1", "2"):
        printed = subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert printed.stdout.strip() == str(persons(partition(HEART, SKEWED, 43)))


def test_an_inconsistent_data_set_is_not_parted() -> None:
    rows = site("a", 9)
    broken = replace(rows, y=rows.y + 1)
    with pytest.raises(DataError) as caught:
        partition(dataset(broken), Partition(), 0)
    assert caught.value.code == "data.inconsistent"


def test_every_hospital_is_cut_by_draws_of_its_own() -> None:
    """Two sites of equal size are not cut at the same positions."""
    twins = dataset(site("a", 40), site("b", 40, first_person=40))
    first, _, other, _ = persons(partition(twins, Partition(by="split", sites=4), 0))
    assert first != [person - 40 for person in other]


def test_a_small_alpha_skews_labels_and_a_large_one_does_not() -> None:
    def spread(alpha: float) -> float:
        sites = partition(HEART, replace_alpha(alpha), 3)
        return float(np.std([rows.y.mean() for rows in sites]))

    def replace_alpha(alpha: float) -> Partition:
        return Partition(by="dirichlet", sites=5, alpha=alpha)

    assert spread(0.1) > 0.2
    assert spread(1000.0) < 0.05


@given(
    alpha=st.sampled_from([0.001, 0.01, 0.3, 1e6]),
    sites=st.integers(1, 15),
    seed=st.integers(0, 2**53 - 1),
)
def test_no_skew_leaves_a_site_that_cannot_be_split(alpha: float, sites: int, seed: int) -> None:
    small = dataset(site("a", 20), site("b", 11, first_person=20))
    spec = Partition(by="dirichlet", sites=sites, alpha=alpha)
    for rows in partition(small, spec, seed):
        train, test = split(rows, 0.34, seed)
        assert len(train.y)
        assert len(test.y)


@pytest.mark.parametrize("by", ["split", "iid", "dirichlet"])
def test_all_rows_of_a_person_stay_together(by: str) -> None:
    repeated = dataset(site("a", 90, persons=30), site("b", 60, first_person=90, persons=20))
    sites = partition(repeated, Partition(by=by, sites=6, alpha=1.0), 0)  # type: ignore[arg-type]
    seen = [person for rows in sites for person in set(rows.person.tolist())]
    assert len(seen) == len(set(seen)) == 50


@given(
    sizes=st.lists(st.integers(2, 500), min_size=1, max_size=8).map(tuple), more=st.integers(0, 20)
)
def test_seats_are_apportioned_whole_and_in_order_of_size(
    sizes: tuple[int, ...], more: int
) -> None:
    seats = min(len(sizes) + more, sum(size // 2 for size in sizes))
    given_seats = apportion(sizes, seats)
    assert sum(given_seats) == seats
    assert min(given_seats) >= 1
    assert all(size >= 2 * seat for size, seat in zip(sizes, given_seats, strict=True))
    for size, seat in zip(sizes, given_seats, strict=True):
        assert all(seat >= other for s, other in zip(sizes, given_seats, strict=True) if s < size)


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        (Partition(by="site", sites=3), "4 natural sites"),
        (Partition(by="split"), "needs a number of sites"),
        (Partition(by="iid", sites=0), "needs a number of sites"),
        (Partition(by="split", sites=3), "4 to 369 sites"),
        (Partition(by="split", sites=370), "4 to 369 sites"),
        (Partition(by="iid", sites=371), "740 persons"),
        (Partition(by="dirichlet", sites=10), "alpha"),
        (Partition(by="dirichlet", sites=10, alpha=0.0), "alpha"),
        (Partition(by="dirichlet", sites=10, alpha=float("nan")), "alpha"),
    ],
)
def test_an_impossible_partition_is_refused(spec: Partition, says: str) -> None:
    with pytest.raises(DataError) as caught:
        partition(HEART, spec, 0)
    assert caught.value.code == "data.partition"
    assert says in caught.value.why


def test_a_regression_has_no_labels_to_skew() -> None:
    rows = site("a", 30)
    measured = SiteRows("a", rows.x, rows.y.astype(np.float32), rows.person)
    schema = replace(SCHEMA, task="regression", classes=())
    with pytest.raises(DataError, match="dirichlet"):
        partition(dataset(measured, schema=schema), SKEWED, 0)


@pytest.mark.parametrize("spec", [Partition(by="split", sites=4), Partition(by="iid", sites=4)])
def test_times_go_where_their_rows_go(spec: Partition) -> None:
    def timed(rows: SiteRows) -> SiteRows:
        return replace(rows, time=np.stack([rows.person, rows.person + 9], axis=1))

    made = dataset(timed(site("a", 40)), timed(site("b", 20, first_person=40)))
    for rows in partition(made, spec, 3):
        assert rows.time is not None
        assert np.array_equal(rows.time[:, 0], rows.person)
    half = replace(made, sites=(made.sites[0], replace(made.sites[1], time=None)))
    assert partition(half, Partition(by="iid", sites=4), 3)[0].time is None


def test_by_size_sizes_differ_and_classes_do_not() -> None:
    unequal, skewed, equal = (partition(HEART, spec, 43) for spec in (UNEQUAL, SKEWED, IID))

    def largest(sites: tuple[SiteRows, ...]) -> int:
        return max(len(rows.y) for rows in sites)

    def spread(sites: tuple[SiteRows, ...]) -> float:
        return float(np.std([rows.y.mean() for rows in sites if len(rows.y) > 40]))

    assert largest(unequal) > 3 * largest(equal)
    assert spread(unequal) < 0.5 * spread(skewed)
    assert min(len(rows.y) for rows in unequal) >= 2


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (Partition(), ""), (SPLIT, ""), (IID, "equal parts"), (UNEQUAL, "unequal parts"),
        (SKEWED, "alpha 0.3"),
    ],
)  # fmt: skip
def test_made_up_sites_are_called_so(spec: Partition, words: str) -> None:
    told = made_up_sites(HEART, spec)
    assert bool(told) == bool(words)
    assert words in told
    by_hand = replace(HEART, made_up="by the first letter")
    assert made_up_sites(by_hand, Partition()) == "by the first letter"
