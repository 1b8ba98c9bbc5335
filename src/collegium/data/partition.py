"""How rows fall to sites: as they were collected, cut inside hospitals, or made up.

Natural sites are evidence; the other partitions are for research on numbers of sites and on
skew. Every draw is a function of the data set's name and the study's seed. The rows of one
person always stay at one site, and each site has at least two persons: one to train on, one
to test on.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from collegium.data.checking import check_dataset
from collegium.data.persons import Persons, by_person
from collegium.data.randomness import draws
from collegium.data.table import DataSet, SiteRows, take, together
from collegium.errors import DataError
from collegium.study.document import Partition

LEAST = 2
"""Persons that every made-up site has."""


def partition(dataset: DataSet, spec: Partition, seed: int) -> tuple[SiteRows, ...]:
    """Return the sites of a study, each with its rows in their original order.

    - ``site``: the natural sites.
    - ``split``: natural sites cut into equal pieces by chance, named ``cleveland-1`` and so on;
      pieces are apportioned by rows (Webster's method, at least one each).
    - ``iid``: all rows shuffled and dealt in equal parts, named ``site-1`` and so on.
    - ``size``: size skew: all rows shuffled and dealt in proportions drawn from a symmetric
      Dirichlet distribution with concentration `alpha`.
    - ``dirichlet``: label skew: each class (of survival: events and the censored) is dealt in
      proportions drawn from a symmetric Dirichlet distribution with concentration `alpha`
      (Yurochkin et al. 2019; Hsu et al. 2019); then the largest sites give to those that have
      fewer than two persons.

    Args:
        dataset: a registered data set; it is checked against its own schema first.
        spec: the study's ``data.partition``.
        seed: the study's, 0 or more.

    Raises:
        DataError: the data set is not what it says, or cannot be parted so.
    """
    check_dataset(dataset)
    return parted(dataset, spec, seed)


def parted(dataset: DataSet, spec: Partition, seed: int) -> tuple[SiteRows, ...]:
    """Do the same with rows that need not be what the data set's schema says.

    Raises:
        DataError: they cannot be parted so.
    """
    if spec.by == "site":
        if spec.sites not in (None, len(dataset.sites)):
            raise _impossible(dataset, spec, f"it has {len(dataset.sites)} natural sites")
        return dataset.sites
    if spec.sites is None or spec.sites < 1:
        raise _impossible(dataset, spec, "it needs a number of sites, 1 or more")
    if spec.by == "split":
        return _cut_inside(dataset, spec, spec.sites, seed)
    everybody = together("site", dataset.sites)
    persons = by_person(everybody)
    if len(persons.label) < LEAST * spec.sites:
        raise _impossible(dataset, spec, f"it has {len(persons.label)} persons")
    generator = draws("partition", dataset.name, spec.by, seed)
    if spec.by == "iid":
        return _deal(everybody, persons, _equal(len(persons.label), spec.sites, generator))
    classes = np.zeros_like(persons.label) if spec.by == "size" else persons.label
    if spec.by == "dirichlet" and dataset.schema.task in ("regression", "count", "segmentation"):
        raise _impossible(dataset, spec, "its target has no classes to be skewed")
    return _deal(everybody, persons, _skewed(dataset, spec, spec.sites, classes, generator))


def made_up_sites(dataset: DataSet, spec: Partition) -> str:
    """Return in words how a study's sites were made up, empty where institutions are sites."""
    if spec.by in ("site", "split"):
        return dataset.made_up
    how = {
        "iid": "dealt in equal parts by chance",
        "size": f"dealt in unequal parts by chance (alpha {spec.alpha})",
        "dirichlet": f"with classes dealt unequally by chance (alpha {spec.alpha})",
    }
    return how[spec.by]


def apportion(sizes: tuple[int, ...], seats: int) -> tuple[int, ...]:
    """Apportion seats to sizes by Webster's method, at least one each; ties go to the earlier.

    With no more seats than the sum of floor(size / 2) none gets more than floor(size / 2): up to
    there its claim to another seat is above 1, and beyond at most 1.
    """
    given = [1] * len(sizes)
    for _ in range(seats - len(sizes)):
        claims = [Fraction(size, 2 * seat + 1) for size, seat in zip(sizes, given, strict=True)]
        given[claims.index(max(claims))] += 1
    return tuple(given)


def _cut_inside(dataset: DataSet, spec: Partition, sites: int, seed: int) -> tuple[SiteRows, ...]:
    grouped = [by_person(rows) for rows in dataset.sites]
    sizes = tuple(len(persons.label) for persons in grouped)
    room = sum(max(1, size // LEAST) for size in sizes)
    if not len(sizes) <= sites <= room:
        raise _impossible(dataset, spec, f"it can be cut into {len(sizes)} to {room} sites")
    pieces: list[SiteRows] = []
    for rows, persons, parts in zip(dataset.sites, grouped, apportion(sizes, sites), strict=True):
        generator = draws("partition", dataset.name, spec.by, seed, rows.name)
        pieces.extend(_deal(rows, persons, _equal(len(persons.label), parts, generator)))
    return tuple(pieces)


def _equal(persons: int, parts: int, generator: np.random.RandomState) -> NDArray[np.int64]:
    """Return each person's part, [persons]; sizes of parts differ by one at most."""
    part = np.empty(persons, dtype=np.int64)
    part[generator.permutation(persons)] = np.arange(persons) % parts
    return part


def _skewed(
    dataset: DataSet,
    spec: Partition,
    sites: int,
    classes: NDArray[np.int64],
    generator: np.random.RandomState,
) -> NDArray[np.int64]:
    """Return each person's site, [persons], with a Dirichlet draw for each of their classes."""
    if spec.alpha is None or not 1e-3 <= spec.alpha <= 1e6:
        raise _impossible(dataset, spec, "alpha must lie within 0.001 and 1000000")
    part = np.empty(len(classes), dtype=np.int64)
    for label in np.unique(classes):
        own = generator.permutation(np.flatnonzero(classes == label))
        shares = generator.standard_gamma(spec.alpha, sites)
        if not shares.sum() > 0:  # a tiny alpha: every draw was too small for a float
            shares = np.eye(sites)[generator.randint(sites)]
        ends = np.rint(np.cumsum(shares) / shares.sum() * len(own)).astype(np.int64)
        part[own] = np.searchsorted(ends, np.arange(len(own)), side="right")
    sizes = np.bincount(part, minlength=sites)
    while sizes.min() < LEAST:
        poor, rich = int(sizes.argmin()), int(sizes.argmax())
        part[np.flatnonzero(part == rich)[-1]] = poor
        sizes = np.bincount(part, minlength=sites)
    return part


def _deal(rows: SiteRows, persons: Persons, part: NDArray[np.int64]) -> tuple[SiteRows, ...]:
    """Return the rows of each part as a site of its own, numbered from 1."""
    of_row = part[persons.of_row]
    return tuple(
        take(rows, of_row == number, f"{rows.name}-{number + 1}")
        for number in range(int(part.max()) + 1)
    )


def _impossible(dataset: DataSet, spec: Partition, why: str) -> DataError:
    asked = f"{spec.by!r}" if spec.sites is None else f"{spec.by!r} with {spec.sites} sites"
    return DataError(
        "data.partition",
        f"data set {dataset.name!r} cannot be parted by {asked}",
        why,
        "change data.partition in the study",
    )
