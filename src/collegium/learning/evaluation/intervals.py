"""How sure a measure of quality is: percentile bootstrap intervals (Efron 1979).

Persons are drawn with replacement within each site, each with all of their rows, so a small site
keeps its persons' number; the interval speaks of other patients of the same sites, not of other
sites. Where a site's rows are all of one person, rows are drawn. Draws are frozen and a
function of the seed: a repeated evaluation has the same intervals, and two models on the same
rows are compared on the same resamplings (paired).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collegium.data.persons import positions
from collegium.data.randomness import draws
from collegium.data.table import Task
from collegium.learning.evaluation.metrics import measure, measure_resampled

LEVEL = 0.95
DEFINED = 0.9
"""The least share of resamplings where a measure must be defined to have an interval."""

CELLS = 2**20
"""Resamplings are made in portions of about that many counts, to bound memory."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A measure with the bounds that hold `LEVEL` of its resamplings."""

    value: float
    low: float
    high: float


def intervals(
    task: Task,
    y: NDArray[Any],
    scores: NDArray[Any],
    *,
    threshold: float,
    replicates: int,
    seed: int,
    site: NDArray[np.int64] | None = None,
    person: NDArray[np.int64] | None = None,
) -> dict[str, Interval | None]:
    """Return the interval of each measure of a task by name.

    Args:
        task: see `metrics`, as are the next three.
        y: [rows].
        scores: [rows, 1] or [rows, classes].
        threshold: of a binary task.
        replicates: the number of resamplings; with 0 every interval is None.
        seed: the study's.
        site: [rows], the number of each row's site, for rows of several sites put together.
        person: [rows], the same number where rows are of one person; without, none are.

    Returns:
        None where a measure is undefined, or was so in more than a tenth of the resamplings.

    Raises:
        DataError: y and scores do not fit to each other or to the task, or no rows.
    """
    return intervals_by(
        lambda counts: measure_resampled(task, y, scores, threshold, counts), len(y),
        replicates=replicates, seed=seed, site=site, person=person,
    )  # fmt: skip


def intervals_by(
    measured: Callable[[NDArray[np.int64]], dict[str, NDArray[np.float64]]],
    rows: int,
    *,
    replicates: int,
    seed: int,
    site: NDArray[np.int64] | None = None,
    person: NDArray[np.int64] | None = None,
) -> dict[str, Interval | None]:
    """Return the interval of each of other measures by name, on the resamplings of `intervals`.

    Args:
        measured: returns them, [resamplings], NaN where undefined, of counts [resamplings, rows].
        rows: how many there are.
        replicates: as for `intervals`, as are the next three.
        seed: the study's.
        site: [rows].
        person: [rows].
    """
    portions = [measured(one) for one in _resamplings(rows, site, person, replicates, seed)]
    once = measured(np.ones((1, rows), dtype=np.int64))
    return {
        name: _interval(
            None if np.isnan(value[0]) else float(value[0]),
            np.concatenate([np.empty(0), *(portion[name] for portion in portions)]),
        )
        for name, value in once.items()
    }


def intervals_of_difference(
    task: Task,
    y: NDArray[Any],
    pairs: Sequence[tuple[NDArray[Any], NDArray[Any]]],
    *,
    threshold: float,
    replicates: int,
    seed: int,
    site: NDArray[np.int64] | None = None,
    person: NDArray[np.int64] | None = None,
) -> dict[str, Interval | None]:
    """Return the interval of (a model's measure - another's) on the same rows, by name.

    Args, None and errors as for `intervals`, with the scores of two models in place of one's; of
    several pairs it is the mean of their differences. All models meet the same resamplings.
    """
    portions = [
        _mean_difference(
            [tuple(measure_resampled(task, y, one, threshold, counts) for one in pair)
             for pair in pairs]
        )
        for counts in _resamplings(len(y), site, person, replicates, seed)
    ]  # fmt: skip
    measured = [[measure(task, y, one, threshold) for one in pair] for pair in pairs]
    result = {}
    for name in measured[0][0]:
        values = [(one[name], other[name]) for one, other in measured]
        apart = [one - other for one, other in values if one is not None and other is not None]
        result[name] = _interval(
            float(np.mean(apart)) if len(apart) == len(values) else None,
            np.concatenate([np.empty(0), *(portion[name] for portion in portions)]),
        )
    return result


def _mean_difference(
    pairs: Sequence[tuple[dict[str, NDArray[np.float64]], ...]],
) -> dict[str, NDArray[np.float64]]:
    """Return the mean of the pairs' differences in each resampling, by name."""
    return {
        name: np.mean([one[name] - other[name] for one, other in pairs], axis=0)
        for name in pairs[0][0]
    }


def _resamplings(
    rows: int,
    site: NDArray[np.int64] | None,
    person: NDArray[np.int64] | None,
    replicates: int,
    seed: int,
) -> Iterator[NDArray[np.int64]]:
    """Yield portions of counts [resamplings, rows]; each site's persons add up to their number."""
    generator = draws("bootstrap", seed)
    members = (
        [np.arange(rows)]
        if site is None
        else [np.flatnonzero(site == number) for number in np.unique(site)]
    )
    drawn_from = [_persons(len(own), None if person is None else person[own]) for own in members]
    portion = max(1, CELLS // max(rows, 1))
    for done in range(0, replicates, portion):
        size = min(portion, replicates - done)
        counts = np.zeros((size, rows), dtype=np.int64)
        for own, (number, of_row) in zip(members, drawn_from, strict=True):
            drawn = generator.randint(0, number, (size, number))
            drawn += np.arange(size)[:, None] * number
            drawn_counts = np.bincount(drawn.ravel(), minlength=size * number)
            counts[:, own] = drawn_counts.reshape(size, number)[:, of_row]
        yield counts


def _persons(rows: int, person: NDArray[np.int64] | None) -> tuple[int, NDArray[np.int64]]:
    """Return how many are drawn from, and which of them each row is of."""
    of_row = np.arange(rows) if person is None else positions(person)
    number = len(np.unique(of_row))
    return (number, of_row) if number > 1 else (rows, np.arange(rows))


def _interval(value: float | None, resampled: NDArray[np.float64]) -> Interval | None:
    defined = resampled[~np.isnan(resampled)]
    if value is None or not len(defined) or len(defined) < DEFINED * len(resampled):
        return None
    low, high = np.quantile(defined, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(value, float(low), float(high))
