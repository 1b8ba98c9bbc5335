"""Persons dealt into folds, so that every row is tested once by a model that never saw its person.

Cross-validation (Stone, "Cross-Validatory Choice and Assessment of Statistical Predictions",
1974), grouped by person and stratified by site and class.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from collegium.data.persons import by_person
from collegium.data.randomness import draws
from collegium.data.table import SiteRows, take, together
from collegium.errors import DataError


def fold(
    sites: Sequence[SiteRows], number: int, folds: int, seed: int
) -> dict[str, tuple[SiteRows, SiteRows]]:
    """Return each site's (training, test) rows where the persons of one fold are tested on.

    A person is in one fold at every site. Persons of one class whose first row is at one site are
    dealt evenly, in an order that the seed draws.

    Args:
        sites: every site's rows; names are distinct.
        number: of the fold, from 1.
        folds: how many there are, 2 or more.
        seed: the study's.

    Raises:
        DataError: a site would have nobody to train or to test on.
    """
    everybody = together("all", sites)
    persons = by_person(everybody)
    of_row = np.repeat(np.arange(len(sites)), [len(rows.y) for rows in sites])
    first = np.full(len(persons.label), len(everybody.y))
    np.minimum.at(first, persons.of_row, np.arange(len(everybody.y)))
    stratum = of_row[first] * (int(persons.label.max()) + 1) + persons.label
    generator = draws("folds", folds, seed)
    shuffled = generator.permutation(len(persons.label))
    dealt = shuffled[np.argsort(stratum[shuffled], kind="stable")]
    part = np.empty(len(dealt), dtype=np.int64)
    part[dealt] = np.arange(len(dealt)) % folds + 1
    tested = part[persons.of_row] == number
    cut = {}
    for place, rows in enumerate(sites):
        own = tested[of_row == place]
        if own.all() or not own.any():
            raise DataError(
                "data.split",
                f"the rows of {rows.name} cannot be dealt into {folds} folds",
                f"fold {number} holds {'all' if own.all() else 'none'} of its persons",
                "choose fewer evaluation.folds, or a partition with more persons a site",
            )
        cut[rows.name] = take(rows, ~own), take(rows, own)
    return cut
