"""What a site tells of a model on its test part under differential privacy.

A unit (all of a patient's rows, or one row) counts once, in parts where it has several rows, in a
table of answers; two-sided geometric noise on every cell makes the table differentially private.
Everything that is told is calculated from the noised table: it stands for rows that nobody has.
Intervals speak of other patients and of other noise.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from collegium.data.randomness import draws
from collegium.data.table import Task
from collegium.learning.evaluation.disclosure import statement_of
from collegium.learning.evaluation.intervals import DEFINED, LEVEL
from collegium.learning.evaluation.metrics import measure_resampled, predicted
from collegium.learning.evaluation.statement import (
    RANGES,
    SMALLEST_COUNT,
    UNITS,
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
        labels, places = np.arange(4 * _BINS) % 2, np.arange(4 * _BINS) // 2
        middles = ((edges[:-1] + edges[1:]) / 2)[places][:, None]
        told = statement_of(
            task, np.repeat(labels, table), np.repeat(middles, table, axis=0), threshold=threshold,
            replicates=0, seed=seed, model=model, kind="federated",
        )  # fmt: skip
        again = _resampled(table, epsilon, stream, replicates, seed)
        found = measure_resampled(task, labels, middles, threshold, again)
        values = tuple(_with_interval(one, found[one.name]) for one in told.values)
        return msgspec.structs.replace(told, values=values)
    if task == "multiclass":
        right = (predicted(task, scores, threshold) == y).astype(np.int64)
        table = _noised(right, 2, units, epsilon, stream)
        rows, correct = int(table.sum()), int(table[1])
        if rows >= SMALLEST_COUNT:
            again = _resampled(table, epsilon, stream, replicates, seed)
            accuracy = Value(name="accuracy", value=units_of_ratio(correct, rows))
            return Statement(
                kind="federated", model=model, rows=rows, task=task, correct=correct,
                values=(_with_interval(accuracy, again[:, 1] / again.sum(axis=1)),),
                withheld="by-class",
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
    found: NDArray[np.int64] = whole_counts(table[None])[0]
    return found


def whole_counts(tables: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the nearest tables of units without negative cells, which add up to the same.

    The Euclidean projection onto a simplex (Held, Wolfe and Crowder, "Validation of subgradient
    optimization", 1974), then whole units by largest remainders. To cut negative cells off
    would add units that nobody has.

    Args:
        tables: int64 [tables, cells], in `PARTS` of a unit.

    Returns:
        int64 [tables, cells], in units; of each table at least one.
    """
    total = np.maximum((tables.sum(axis=1) + PARTS // 2) // PARTS, 1)
    ordered = -np.sort(-tables / PARTS, axis=1)
    excess = (ordered.cumsum(axis=1) - total[:, None]) / np.arange(1, tables.shape[1] + 1)
    last = (ordered > excess).sum(axis=1) - 1
    near = np.maximum(tables / PARTS - np.take_along_axis(excess, last[:, None], axis=1), 0.0)
    whole = np.floor(near + 1e-9).astype(np.int64)
    place = np.argsort(np.argsort(whole - near, axis=1, kind="stable"), axis=1, kind="stable")
    found: NDArray[np.int64] = whole + (place < (total - whole.sum(axis=1))[:, None])
    return found


def _resampled(
    table: NDArray[np.int64], epsilon: float, stream: SecretStream, replicates: int, seed: int
) -> NDArray[np.int64]:
    """Return tables that other patients and other noise could have given, int64 [replicates, c].

    Both are drawn of the table that is told, so that they cost no privacy.
    """
    rows = int(table.sum())
    drawn = draws("noised-bootstrap", seed).multinomial(rows, table / rows, replicates)
    noise = stream.geometric(epsilon / PARTS, drawn.size).reshape(drawn.shape)
    return whole_counts(drawn.astype(np.int64) * PARTS + noise)


def _with_interval(value: Value, resampled: NDArray[np.float64]) -> Value:
    """Return a value with its interval: from percentiles, and the same mirrored at the value.

    Noise and projection pull a measure towards that of a model which knows nothing, once in what
    is told and again in what is drawn from it. Percentiles alone are too low then, and mirrored
    ones (Davison and Hinkley 1997, section 5.2) alone too narrow at the end of the range.
    """
    defined = resampled[~np.isnan(resampled)]
    if not len(defined) or len(defined) < DEFINED * len(resampled):
        return value
    low, high = np.quantile(defined, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    at = value.value / UNITS
    ends = min(low, 2 * at - high), max(high, 2 * at - low)
    least, most = RANGES[value.name]
    bounds = [min(max(round(one * UNITS), least), most) for one in ends]
    return msgspec.structs.replace(value, low=bounds[0], high=bounds[1])
