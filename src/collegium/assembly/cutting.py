"""A study's rows cut into training and test parts, and what there is to say about that."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from collegium.data.across_sites import Cut, in_one_part, of_nobody_trained_on, shared_persons
from collegium.data.folds import fold
from collegium.data.partition import made_up_sites
from collegium.data.split import split
from collegium.data.table import DataSet, SiteRows, take
from collegium.errors import DataError
from collegium.study.document import Study
from collegium.study.english import Value
from collegium.study.fold_checks import folds_of
from collegium.study.notice import Notice
from collegium.study.splitting import way_of_split
from collegium.study.tables import compares_persons


def cut_of(study: Study, sites: Sequence[SiteRows]) -> dict[str, tuple[SiteRows, SiteRows]]:
    """Return each site's training and test part.

    A person of a user's table is in one part at all sites, where a simulation holds them; cut by
    time it is trained on wherever it has an early row, and tested on nowhere.

    Raises:
        DataError: a site's rows cannot be cut as asked.
    """
    part, seed = study.data.split, study.study.seed
    folds, number = folds_of(study), study.evaluation.fold
    if number is not None and folds is not None:
        return fold(sites, number, folds, seed)
    way = way_of_split(study)
    cut = {rows.name: split(rows, part.test, seed, way) for rows in sites}
    if not compares_persons(study):
        return cut
    if way == "latest":
        return _with_tests(of_nobody_trained_on(cut))
    return _with_tests(in_one_part(cut))


def _with_tests(
    cut: dict[str, tuple[SiteRows, SiteRows]],
) -> dict[str, tuple[SiteRows, SiteRows]]:
    """Return the parts of sites, each of which has somebody to test on."""
    for name, (_, test) in cut.items():
        if not len(test.y):
            raise DataError(
                "data.split", f"site {name} would test on nobody",
                "all of its persons are trained on at another site",
                "leave the site out, choose another seed, or data.split.by = 'row'",
            )  # fmt: skip
    return cut


def about_persons(study: Study, cut: Cut) -> tuple[Notice, ...]:
    """Return how many persons have rows at several sites, and are trained and tested on."""
    found = shared_persons(cut)
    if not found.persons or way_of_split(study) not in (None, "person", "latest"):
        return ()
    case = "both" if found.in_both else "one-part"
    told: dict[str, Value] = {"case": case, "persons": found.persons, "both": found.in_both}
    return (Notice("note", "study.shared-persons", told),)


def learned_from(study: Study, train: SiteRows) -> SiteRows:
    """Return what of a site's training part is trained on: of an autoencoder normal rows alone.

    Raises:
        DataError: none of them is normal.
    """
    if study.model.architecture != "autoencoder":
        return train
    if not (train.y == 0).any():
        raise DataError(
            "data.split", f"site {train.name} has no normal row to train on",
            "an autoencoder learns what is normal: the first of the two classes",
            "leave the site out, choose another partition, or model.architecture = 'mlp'",
        )  # fmt: skip
    return take(train, train.y == 0)


def about_data(study: Study, dataset: DataSet, sites: Sequence[SiteRows]) -> tuple[Notice, ...]:
    """Return what the owner should know of the rows, and of how they were dealt and cut."""
    notices: list[Notice] = []
    if dataset.caution:
        notices.append(Notice("note", "study.data-caution", {"text": dataset.caution}))
    made_up = made_up_sites(dataset, study.data.partition)
    if made_up:
        notices.append(Notice("note", "study.made-up-sites", {"how": made_up}))
    repeated = sum(len(rows.y) > len(np.unique(rows.person)) for rows in sites)
    if study.data.split.by != "row" or not repeated:
        return tuple(notices)
    told = {"repeated": repeated, "sites": len(sites)}
    notices.append(Notice("warning", "study.random-rows", told))
    return tuple(notices)
