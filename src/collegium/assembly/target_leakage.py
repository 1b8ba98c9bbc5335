"""Columns that tell the answer by themselves: most often it was written down after the answer.

Kaufman, Rosset, Perlich and Stitelman, "Leakage in Data Mining", ACM TKDD 6, 2012. Looked at are
the inputs of a model alone, and told are names that all sites agreed on: no statistic of rows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collegium.data.table import SiteRows, in_words
from collegium.data.tabular.agreed_preparation import AgreedColumn, AgreedPreparation
from collegium.data.tabular.preparation import inputs_of
from collegium.learning.evaluation.ranking import auc
from collegium.study.english import Value
from collegium.study.notice import Notice

TELLING = 0.99
"""From this on the owner is told: the AUC of one column for one class against the rest, or its rank
correlation with a number."""

FEWEST = 10
"""Rows of a class, and of the others, below which a perfect order may be chance."""

ROWS = 20_000
"""So many training rows, evenly taken, are enough to tell."""

BINS = 64
"""Ranges of equally many rows, into which numbers with more values than that are cut."""


@dataclass(frozen=True, slots=True, eq=False)
class _Answers:
    """What a column may tell of training rows: classes, and the order of numbers.

    `classes` are bool [rows], which rows are of a class; `numbers` float64 [rows], NaN where a row
    has none.
    """

    classes: Sequence[NDArray[np.bool_]] = ()
    numbers: Sequence[NDArray[np.float64]] = ()


def about_target_leakage(
    agreement: AgreedPreparation, train: Mapping[str, SiteRows]
) -> tuple[Notice, ...]:
    """Return a warning where single columns answer a study's question.

    Of a number, a count, a rate and the time of a survival's event it is looked at whether a column
    puts them in order (Spearman's correlation).

    Args:
        agreement: how the table's columns became inputs.
        train: training rows by site.
    """
    x = np.concatenate([rows.x for rows in train.values()])
    y = np.concatenate([rows.y for rows in train.values()])
    every = -(-len(y) // ROWS)
    x, y = x[::every], y[::every]
    answers = _answers(agreement, x, y)
    names, at = [], 0
    for column in agreement.columns:
        features = [feature.name for feature in inputs_of(column)]
        block = x[:, at : at + len(features)]
        at += len(features)
        by_name = dict(_scores(column, features, block))
        name = next((name for name, score in by_name.items() if _tells(score, answers)), None)
        if name is None and _tell_together(block, answers):
            name = column.name
        if name is not None:
            names.append(name)
    if not names:
        return ()
    measures = ["AUC"] * bool(answers.classes) + ["rank correlation"] * bool(answers.numbers)
    told: dict[str, Value] = {
        "case": "one" if len(names) == 1 else "several", "names": in_words(names, 6),
        "target": agreement.target.name + f" or {agreement.event}" * bool(agreement.event),
        "measure": " or ".join(measures), "least": TELLING,
    }  # fmt: skip
    return (Notice("warning", "study.giveaway", told),)


def _answers(agreement: AgreedPreparation, x: NDArray[np.float32], y: NDArray[Any]) -> _Answers:
    classes: list[NDArray[np.bool_]] = []
    numbers: list[NDArray[np.float64]] = []
    if agreement.task == "survival":
        seen = y[:, 1] == 1
        classes, numbers = [seen], [np.where(seen, y[:, 0], np.nan)]
    elif agreement.classes:
        classes = [y == number for number in range(len(agreement.classes))]
    else:
        numbers = [y.astype(np.float64)]
        if isinstance(agreement.exposure, str):
            numbers.append(y / np.exp(x[:, -1].astype(np.float64)))
    return _Answers(
        [own for own in classes if FEWEST <= own.sum() <= len(y) - FEWEST],
        [own for own in numbers if _has_order(own[~np.isnan(own)])],
    )


def _has_order(values: NDArray[np.float64]) -> bool:
    """Whether enough rows have another value than the most frequent one."""
    often = np.unique(values, return_counts=True)[1]
    return len(values) - int(often.max(initial=0)) >= FEWEST


def _scores(
    column: AgreedColumn, features: list[str], block: NDArray[np.float32]
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Yield a column's inputs by name, and the indicator of its first category, which is none."""
    if column.categories:
        yield f"{column.name}={column.categories[0]}", 1 - block.sum(axis=1)
    yield from zip(features, block.T, strict=True)


def _tells(score: NDArray[np.float32], answers: _Answers) -> bool:
    once = np.ones((1, len(score)), np.int64)
    return any(
        abs(auc(own, score, once)[0] - 0.5) >= TELLING - 0.5 for own in answers.classes
    ) or any(_in_order(score[there], own[there]) for own, there in _known(answers))


def _known(answers: _Answers) -> Iterator[tuple[NDArray[np.float64], NDArray[np.bool_]]]:
    yield from ((own, ~np.isnan(own)) for own in answers.numbers)


def _tell_together(block: NDArray[np.float32], answers: _Answers) -> bool:
    """Whether a column's categories, or ranges of its numbers, tell an answer together."""
    of_classes = (
        _tells(_rates(block, own.astype(np.float64)), _Answers([own])) for own in answers.classes
    )
    of_numbers = (
        _in_order(_rates(block[there], _ranks(own[there])), own[there])
        for own, there in _known(answers)
    )
    return any(of_classes) or any(of_numbers)


def _in_order(score: NDArray[np.float32], values: NDArray[np.float64]) -> bool:
    """Whether Spearman's correlation, with mean ranks of what is equal, is as good as one."""
    ranks = np.stack([_ranks(score), _ranks(values)])
    ranks -= ranks.mean(axis=1, keepdims=True)
    products = ranks @ ranks.T
    return bool(abs(products[0, 1]) >= TELLING * math.sqrt(products[0, 0] * products[1, 1]) > 0)


def _ranks(values: NDArray[Any]) -> NDArray[np.float64]:
    _, place, often = np.unique(values, return_inverse=True, return_counts=True)
    ranks: NDArray[np.float64] = (np.cumsum(often) - (often - 1) / 2)[place]
    return ranks


def _rates(block: NDArray[np.float32], own: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the mean answer in each row's category, or range of numbers.

    Each half of the rows is told by the other half, so that many small categories, which fit any
    answer, tell nothing unless they do so twice.

    Args:
        block: [rows, inputs of one column].
        own: [rows], 1 for a row of the class and 0 for others, or a number's rank.
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
