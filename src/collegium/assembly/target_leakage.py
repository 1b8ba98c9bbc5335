"""Columns that tell the answer by themselves: most often it was written down after the answer.

Kaufman, Rosset, Perlich and Stitelman, "Leakage in Data Mining", ACM TKDD 6, 2012. Looked at are
the inputs of a model alone, and told are names that all sites agreed on: no statistic of rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from collegium.data.table import SiteRows, in_words
from collegium.data.tabular.agreed_preparation import AgreedColumn, AgreedPreparation
from collegium.data.tabular.preparation import inputs_of
from collegium.learning.evaluation.ranking import auc
from collegium.study.english import Value
from collegium.study.notice import Notice

TELLING = 0.99
"""From this AUC on, of one column for one class against the rest, the owner is told."""

FEWEST = 10
"""Rows of a class, and of the others, below which a perfect order may be chance."""

ROWS = 20_000
"""So many training rows, evenly taken, are enough to tell."""

BINS = 64
"""Ranges of equally many rows, into which numbers with more values than that are cut."""


def about_target_leakage(
    agreement: AgreedPreparation, train: Mapping[str, SiteRows]
) -> tuple[Notice, ...]:
    """Return a warning where single columns answer a question of classes.

    Args:
        agreement: how the table's columns became inputs.
        train: training rows by site.
    """
    if agreement.task not in ("binary", "multiclass", "ordinal"):
        return ()
    x = np.concatenate([rows.x for rows in train.values()])
    y = np.concatenate([rows.y for rows in train.values()])
    every = -(-len(y) // ROWS)
    x, y = x[::every], y[::every]
    classes = [y == number for number in range(len(agreement.classes))]
    classes = [own for own in classes if FEWEST <= own.sum() <= len(y) - FEWEST]
    names, at = [], 0
    for column in agreement.columns:
        features = [feature.name for feature in inputs_of(column)]
        block = x[:, at : at + len(features)]
        at += len(features)
        by_name = dict(_scores(column, features, block))
        name = next((name for name, score in by_name.items() if _tells(score, classes)), None)
        if name is None and any(_tells(_rates(block, own), [own]) for own in classes):
            name = column.name
        if name is not None:
            names.append(name)
    if not names:
        return ()
    told: dict[str, Value] = {
        "case": "one" if len(names) == 1 else "several", "names": in_words(names, 6),
        "target": agreement.target.name, "auc": TELLING,
    }  # fmt: skip
    return (Notice("warning", "study.giveaway", told),)


def _scores(
    column: AgreedColumn, features: list[str], block: NDArray[np.float32]
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Yield a column's inputs by name, and the indicator of its first category, which is none."""
    if column.categories:
        yield f"{column.name}={column.categories[0]}", 1 - block.sum(axis=1)
    yield from zip(features, block.T, strict=True)


def _tells(score: NDArray[np.float32], classes: list[NDArray[np.bool_]]) -> bool:
    once = np.ones((1, len(score)), np.int64)
    return any(abs(auc(own, score, once)[0] - 0.5) >= TELLING - 0.5 for own in classes)


def _rates(block: NDArray[np.float32], own: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return how frequent a class is in each row's category, or range of numbers.

    Each half of the rows is told by the other half, so that many small categories, which fit any
    answer, tell nothing unless they do so twice.

    Args:
        block: [rows, inputs of one column].
        own: [rows], which rows are of the class.
    """
    level = np.zeros(len(own), np.int64)
    for values in block.T:
        found, codes = np.unique(values, return_inverse=True)
        if len(found) > BINS:
            ends = np.quantile(values, np.arange(1, BINS) / BINS)
            codes = np.searchsorted(ends, values, side="right")
        _, level = np.unique(level * BINS + codes, return_inverse=True)
    half = np.zeros(len(own), np.int64)
    half[np.lexsort((own, level))] = np.arange(len(own)) % 2
    cell = 2 * level + half
    rows = np.bincount(cell, minlength=2 * int(level.max()) + 2)
    hits = np.bincount(cell, own, minlength=len(rows))
    rate = (hits + own.mean()) / (rows + 1)
    told: NDArray[np.float32] = rate[cell ^ 1].astype(np.float32)
    return told
