"""What a site tells of a model on its test part under differential privacy.

A unit (all of a patient's rows, or one row) counts once, in parts where it has several rows, in a
table of answers; two-sided geometric noise on every cell makes the table differentially private.
Everything that is told is calculated from the noised table: it stands for rows that nobody has.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from collegium.data.table import Task
from collegium.learning.evaluation.disclosure import statement_of
from collegium.learning.evaluation.metrics import predicted
from collegium.learning.evaluation.statement import (
    SMALLEST_COUNT,
    Statement,
    Value,
    units_of_ratio,
)
from collegium.learning.noise import SecretStream

PARTS = 1000
"""A unit's weight in a table, in whole numbers, so that a row's share of it is one too."""

_BINS = 4
"""Cells for scores on each side of a binary task's threshold."""


def noised_statement(
    task: Task,
    y: NDArray[Any],
    scores: NDArray[Any],
    units: NDArray[np.int64],
    *,
    epsilon: float,
    stream: SecretStream,
    threshold: float,
    replicates: int,
    seed: int,
    model: str,
) -> Statement:
    """Return a statement of pure differential privacy about the study's model.

    A binary task's measures are those of eight classes of scores; of several classes only the
    right and wrong answers are told, of a regression only how many units there are.

    Args:
        task: what the scores answer.
        y: [rows], the true values.
        scores: [rows, outputs].
        units: [rows], the unit that each row belongs to.
        epsilon: what the statement costs each unit.
        stream: the noise.
        threshold: of a binary task, as registered.
        replicates: resamplings behind the intervals, none for 0.
        seed: the study's.
        model: SHA-256 of the model's blob, base64url.
    """
    if task == "binary":
        edges = np.concatenate(
            [np.linspace(0, threshold, _BINS, endpoint=False), np.linspace(threshold, 1, _BINS + 1)]
        )
        bins = np.clip(np.searchsorted(edges, scores[:, 0], side="right") - 1, 0, 2 * _BINS - 1)
        table = _noised(bins * 2 + y, 4 * _BINS, units, epsilon, stream)
        cells = np.repeat(np.arange(len(table)), table)
        middles = (edges[:-1] + edges[1:]) / 2
        return statement_of(
            task, cells % 2, middles[cells // 2][:, None], threshold=threshold,
            replicates=replicates, seed=seed, model=model, kind="federated",
        )  # fmt: skip
    if task == "multiclass":
        right = (predicted(task, scores, threshold) == y).astype(np.int64)
        wrong_right = _noised(right, 2, units, epsilon, stream)
        rows, correct = int(wrong_right.sum()), int(wrong_right[1])
        if rows >= SMALLEST_COUNT:
            accuracy = Value(name="accuracy", value=units_of_ratio(correct, rows))
            return Statement(
                kind="federated", model=model, rows=rows, task=task, correct=correct,
                values=(accuracy,), withheld="by-class",
            )  # fmt: skip
    else:
        rows = int(_noised(np.zeros(len(y), np.int64), 1, units, epsilon, stream).sum())
    return Statement(kind="federated", model=model, rows=rows, task=task, values=(), withheld="all")


def _noised(
    cell: NDArray[np.int64], cells: int, units: NDArray[np.int64], epsilon: float,
    stream: SecretStream,
) -> NDArray[np.int64]:  # fmt: skip
    """Return a table of units by cell with noise, at least one of them: int64 [cells].

    One unit more or less changes the table by at most `PARTS` in all.
    """
    _, inverse, counts = np.unique(units, return_inverse=True, return_counts=True)
    table = np.zeros(cells, np.int64)
    np.add.at(table, cell, PARTS // counts[inverse])
    table += stream.geometric(epsilon / PARTS, cells)
    rounded = np.maximum((table + PARTS // 2) // PARTS, 0)
    rounded[0] += int(rounded.sum() == 0)
    return rounded
