"""The part of a site's rows that is opened once, after the last round.

The draws are those of FLamby's Fed-Heart-Disease (Terrail et al. 2022), which splits each
center by scikit-learn's ``train_test_split``: with test = 0.34 and seed 43 the same 254 rows
are tested there and here. They come from NumPy's `RandomState`, frozen for ever (NEP 19).
"""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from collegium.data.persons import by_person
from collegium.data.table import SiteRows, take
from collegium.errors import DataError

FEW = 2
"""A class with no more persons than this is not stratified on; FLamby's rule."""


def split(
    rows: SiteRows,
    test: float,
    seed: int,
    by: Literal["person", "time", "row", "published", "latest"] | None = None,
) -> tuple[SiteRows, SiteRows]:
    """Return a site's (training, test) rows, each in the order in which they were.

    By ``person``, persons are drawn, so all rows of a person stay together. The draw is
    stratified by class where there are two classes or more and each has more than two persons
    (and the smaller part holds as many persons as there are classes), else by chance alone. By
    ``row``, rows are drawn as if each were of another person: where they are not, the test part
    knows its persons already. By ``time``, each person's latest rows are tested on, and what
    overlaps the first of them is left out of both parts. By ``latest``, the test part begins at one
    moment for all rows of the site; later rows of persons who are trained on are in neither part.
    By ``published``, the test part is the
    one that the data came with.

    Args:
        rows: one site's rows.
        test: the fraction to test on, within (0, 1), taken as the decimal it is written as;
            ceil(test x persons) persons are drawn, or of each person's n rows ceil(test x n)
            are the latest.
        seed: 0 or more; one seed serves all sites of a study.
        by: what is drawn; persons where nothing is said.

    Raises:
        DataError: one of the two parts would be empty, or the rows have no times to go by.
    """
    if not 0 < test < 1:
        raise _impossible(rows, f"{test} is not a fraction between 0 and 1")
    if by == "published":
        return _published(rows)
    if by == "time":
        return _latest(rows, test)
    if by == "latest":
        return _from_a_moment_on(rows, test)
    if by == "row":
        trained, late = split(replace(rows, person=np.arange(len(rows.y))), test, seed)
        return (
            replace(trained, person=rows.person[trained.person]),
            replace(late, person=rows.person[late.person]),
        )
    persons = by_person(rows)
    count = len(persons.label)
    tested = math.ceil(Fraction(repr(float(test))) * count)
    if tested >= count:
        raise _impossible(rows, f"of {count} persons {tested} would be tested, none trained on")
    generator = np.random.RandomState(seed if seed < 2**32 else [seed % 2**32, seed >> 32])
    sizes = np.unique(persons.label, return_counts=True)[1]
    if len(sizes) > 1 and sizes.min() > FEW and min(tested, count - tested) >= len(sizes):
        drawn = _stratified(persons.label, count - tested, tested, generator)
    else:
        drawn = generator.permutation(count)[:tested]
    of_test = np.zeros(count, dtype=np.bool_)
    of_test[drawn] = True
    mask = of_test[persons.of_row]
    return take(rows, ~mask), take(rows, mask)


def _published(rows: SiteRows) -> tuple[SiteRows, SiteRows]:
    tested = rows.published
    if tested is None or tested.all() or not tested.any():
        raise _impossible(rows, "the data set came without a test part there")
    return take(rows, ~tested), take(rows, tested)


def _latest(rows: SiteRows, test: float) -> tuple[SiteRows, SiteRows]:
    """Cut each person's rows at a moment: test rows begin there, training rows end before."""
    if rows.time is None:
        raise _impossible(rows, "the data set has no times to go by")
    persons = by_person(rows)
    tested = np.zeros(len(rows.y), dtype=np.bool_)
    trained = np.zeros(len(rows.y), dtype=np.bool_)
    for number in range(len(persons.label)):
        own = np.flatnonzero(persons.of_row == number)
        in_time = own[np.argsort(rows.time[own, 0], kind="stable")]
        latest = in_time[len(own) - math.ceil(Fraction(repr(float(test))) * len(own)) :]
        tested[latest] = True
        trained[own] = rows.time[own, 1] < rows.time[latest, 0].min()
    if not trained.any():
        raise _impossible(rows, "no row ends before the test part begins")
    return take(rows, trained), take(rows, tested)


def _from_a_moment_on(rows: SiteRows, test: float) -> tuple[SiteRows, SiteRows]:
    """Cut a site's rows at the moment of the first of its latest ones; equal moments stay together.

    Nobody is in both parts: who has earlier rows is trained on.
    """
    if rows.time is None:
        raise _impossible(rows, "the rows have no times to go by")
    begin = rows.time[:, 0]
    tested = math.ceil(Fraction(repr(float(test))) * len(begin))
    late = begin >= np.sort(begin)[len(begin) - tested]
    new = late & ~np.isin(rows.person, rows.person[~late])
    if late.all():
        raise _impossible(rows, "no row is earlier than those that would be tested")
    if not new.any():
        raise _impossible(rows, "every person with a late row has an earlier one too")
    return take(rows, ~late), take(rows, new)


def _stratified(
    label: NDArray[np.int64], trained: int, tested: int, generator: np.random.RandomState
) -> NDArray[np.int64]:
    """Return the positions to test on, each class in proportion; scikit-learn's sequence of draws.

    The order of calls is what makes the draws equal: shares of training, shares of test, then
    one permutation a class.
    """
    _, inverse, sizes = np.unique(label, return_inverse=True, return_counts=True)
    members = np.split(np.argsort(inverse, kind="stable"), np.cumsum(sizes)[:-1])
    for_training = _shares(sizes, trained, generator)
    for_test = _shares(sizes - for_training, tested, generator)
    drawn = []
    for own, skip, picked in zip(members, for_training, for_test, strict=True):
        order = generator.permutation(len(own))
        drawn.append(own[order[skip : skip + picked]])
    return np.concatenate(drawn)


def _shares(sizes: NDArray[Any], total: int, generator: np.random.RandomState) -> NDArray[np.int64]:
    """Apportion a total to classes by largest remainder, equal remainders by chance."""
    exact = sizes / sizes.sum() * total
    shares = np.floor(exact)
    remainder = exact - shares
    missing = int(total - shares.sum())
    for value in np.unique(remainder)[::-1]:
        if missing <= 0:
            break
        (equal,) = np.nonzero(remainder == value)
        lucky = generator.choice(equal, size=min(len(equal), missing), replace=False)
        shares[lucky] += 1
        missing -= len(lucky)
    whole: NDArray[np.int64] = shares.astype(np.int64)
    return whole


def _impossible(rows: SiteRows, why: str) -> DataError:
    return DataError(
        "data.split",
        f"the rows of {rows.name} cannot be split into a training and a test part",
        why,
        "choose another data.split.test or data.split.by, or a partition with more persons a site",
    )
