"""Small made-up data sets that the tests of this folder share."""

from __future__ import annotations

import numpy as np

from collegium.data.table import Category, DataSet, Feature, Schema, SiteRows

SCHEMA = Schema(
    features=(
        Feature("age", "age", "numeric", "years", center=50.0, scale=10.0),
        Feature("smoker", "smokes (1 yes, 0 no)", "binary"),
        Feature(
            "ward",
            "ward",
            "categorical",
            categories=(Category("1", "north"), Category("2", "south"), Category("icu", "ICU")),
        ),
    ),
    target="died",
    task="binary",
    classes=("alive", "dead"),
    positive="died in hospital",
)


def site(name: str, rows: int, *, first_person: int = 0, persons: int | None = None) -> SiteRows:
    """A site of that many rows, each of another person unless `persons` share them in turn."""
    who = np.arange(rows) % (rows if persons is None else persons)
    return SiteRows(
        name,
        np.repeat((first_person + np.arange(rows, dtype=np.float32))[:, None], 4, axis=1),
        (who % 3 == 0).astype(np.int64),
        first_person + who.astype(np.int64),
    )


def dataset(*sites: SiteRows, schema: Schema = SCHEMA) -> DataSet:
    """A data set of these sites."""
    return DataSet("made_up", "Made up", schema, sites, "CC0", "nobody", "", ())
