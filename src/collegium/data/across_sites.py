"""Persons with rows at several sites: one part for all of them, where one process sees all sites.

Members compare no persons, so a node cuts its own rows by themselves. A simulation can do better.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collegium.data.table import SiteRows, take, together
from collegium.errors import DataError

Cut = Mapping[str, tuple[SiteRows, SiteRows]]
"""Rows of sites by name, each cut in two: (trained on, tested on or held out)."""


@dataclass(frozen=True, slots=True)
class Shared:
    """Persons with rows at several sites, and how many of them are in both parts of a cut."""

    persons: int
    in_both: int


def shared_persons(cut: Cut) -> Shared:
    """Return how many persons a cut's sites share."""
    several = _at_several(cut)
    both = np.intersect1d(_persons(cut, 0), _persons(cut, 1))
    return Shared(len(several), len(np.intersect1d(several, both)))


def in_one_part(cut: Cut) -> dict[str, tuple[SiteRows, SiteRows]]:
    """Return a cut in which each person is in one part everywhere: that at the first of its sites.

    Args:
        cut: sites in order, nobody of whom is in both parts of one site.

    Raises:
        DataError: a site would train on nobody.
    """
    several = _at_several(cut)
    if not len(several):
        return dict(cut)
    tested: dict[int, bool] = {}
    for parts in cut.values():
        for side, rows in enumerate(parts):
            for person in np.intersect1d(rows.person, several).tolist():
                tested.setdefault(person, side == 1)
    moved = np.array([person for person, late in tested.items() if late], np.int64)
    kept = np.array([person for person, late in tested.items() if not late], np.int64)
    found = {}
    for name, (train, test) in cut.items():
        out, back = np.isin(train.person, moved), np.isin(test.person, kept)
        found[name] = (
            together(name, [take(train, ~out), take(test, back)]) if back.any() else
            take(train, ~out),
            together(name, [take(test, ~back), take(train, out)]) if out.any() else
            take(test, ~back),
        )  # fmt: skip
        if not len(found[name][0].y):
            raise DataError(
                "data.split", f"site {name} would train on nobody",
                "all of its persons are tested on at another site",
                "leave the site out, choose another seed, or data.split.by = 'row'",
            )  # fmt: skip
    return found


def of_nobody_trained_on(cut: Cut) -> dict[str, tuple[SiteRows, SiteRows]]:
    """Return a cut whose second parts are of nobody who is in a first part, at any site."""
    known = _persons(cut, 0)
    return {
        name: (train, take(test, ~np.isin(test.person, known)))
        for name, (train, test) in cut.items()
    }


def _at_several(cut: Cut) -> NDArray[np.int64]:
    """Return the persons of more than one site."""
    own = [np.unique(np.concatenate([one.person for one in parts])) for parts in cut.values()]
    persons, sites = np.unique(np.concatenate(own), return_counts=True)
    return persons[sites > 1]


def _persons(cut: Cut, side: int) -> NDArray[np.int64]:
    return np.unique(np.concatenate([parts[side].person for parts in cut.values()]))
