"""Columns that tell the answer by themselves: most often it was written down after the answer.

Kaufman, Rosset, Perlich and Stitelman, "Leakage in Data Mining", ACM TKDD 6, 2012.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from collegium.data.table import Schema, SiteRows, in_words, input_names
from collegium.learning.evaluation.ranking import auc
from collegium.study.english import Value
from collegium.study.notice import Notice

TELLING = 0.99
"""From this AUC on, of one input for one class against the rest, the owner is told."""

FEWEST = 10
"""Rows of a class, and of the others, below which a perfect order may be chance."""

ROWS = 20_000
"""So many training rows, evenly taken, are enough to tell."""


def about_target_leakage(schema: Schema, train: Mapping[str, SiteRows]) -> tuple[Notice, ...]:
    """Return a warning where single inputs answer a question of classes.

    Args:
        schema: what the rows are.
        train: training rows by site.
    """
    if schema.task not in ("binary", "multiclass", "ordinal"):
        return ()
    x = np.concatenate([rows.x for rows in train.values()])
    y = np.concatenate([rows.y for rows in train.values()])
    every = -(-len(y) // ROWS)
    x, y = x[::every], y[::every]
    once = np.ones((1, len(y)), np.int64)
    classes = [y == number for number in range(len(schema.classes))]
    classes = [own for own in classes if FEWEST <= own.sum() <= len(y) - FEWEST]
    names = [
        name
        for at, name in enumerate(input_names(schema))
        if any(abs(auc(own, x[:, at], once)[0] - 0.5) >= TELLING - 0.5 for own in classes)
    ]
    if not names:
        return ()
    told: dict[str, Value] = {
        "case": "one" if len(names) == 1 else "several", "names": in_words(names, 6),
        "target": schema.target, "auc": TELLING,
    }  # fmt: skip
    return (Notice("warning", "study.giveaway", told),)
