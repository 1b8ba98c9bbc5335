"""What a site says of its own training rows, so that no person can be told by it.

`data.tabular.site_statistics` lists what is said; counts are of persons, and of fewer than K
nothing is said. That goes for those who lack a value as well, whose number would follow from that
of all rows: where fewer than K do, they are counted as if they had the mean of the others.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from collegium.data.table import CLASSIFYING
from collegium.data.tabular.agreed_preparation import (
    FINE_BITS,
    AgreedColumn,
    AgreedPreparation,
    histogram_range,
)
from collegium.data.tabular.columns import (
    Column,
    as_days,
    as_numbers,
    as_words,
    canonical_word,
)
from collegium.data.tabular.site_statistics import (
    BINS,
    EXPONENTS,
    FEW_CLASSES,
    LONGEST_NAME,
    MOST_CATEGORIES,
    VALUE_BITS,
    AnySaid,
    ColumnMoments,
    ColumnStatistics,
    Histogram,
    SiteColumns,
    SiteMoments,
    SiteQuantiles,
)
from collegium.data.tabular.study_rows import StudyRows, class_order
from collegium.study.document import Task

_IDENTIFIER = re.compile(
    r"(?:.*[\W_])?(?:id|ids|mrn|uuid|guid|ssn|nhs|pid|index|row|record|patient|subject|case)"
    r"(?:[\W_]?(?:id|no|nr|num|number|code))?",
    re.IGNORECASE,
)
_MANY = 30
"""Values from which on whole numbers without a gap look like a running number."""

_RARE = 10.0
"""Logarithm of the odds, 22 000, against chance as the reason that no two are equal at a site."""


def site_statistics_of(
    studied: StudyRows,
    task: Task,
    before: AgreedPreparation | None,
    smallest: int,
    *,
    coarse: bool = False,
    most: int | None = None,
) -> AnySaid:
    """Return what a site says in the step after an agreement; of the first step if None.

    Args:
        studied: the site's training rows.
        task: what is to be predicted.
        before: what was agreed before.
        smallest: K, the persons behind everything that is told.
        coarse: whether numbers of rows are rounded down to two binary digits, as weights are.
        most: categories of a column that are told, the most frequent ones; None for a column of
            too many to be left out.
    """
    if before is None:
        return _columns(studied, task, smallest, coarse=coarse, most=most)
    columns = [one for one in before.columns if one.kind != "categorical"]
    if before.step == 1:
        if task not in CLASSIFYING:
            columns = sorted([*columns, before.target], key=lambda one: one.name)
        moments = [moment_of(studied, column, smallest) for column in columns]
        return SiteMoments(moments=tuple(one for one in moments if one is not None))
    histograms = [_histogram(studied, column, smallest) for column in columns]
    return SiteQuantiles(histograms=tuple(one for one in histograms if one is not None))


def numbers_of(column: Column, kind: str) -> NDArray[np.float64]:
    """Return a column as the numbers of an agreed kind, NaN where missing or beyond all bounds."""
    values = as_days(column) if kind == "date" else as_numbers(column)
    return np.where(np.abs(values) <= 2.0 ** EXPONENTS[1], values, np.nan)


def _columns(
    studied: StudyRows, task: Task, smallest: int, *, coarse: bool, most: int | None
) -> SiteColumns:
    columns = studied.table.columns
    told = [_column(columns[name], studied.person, smallest, most) for name in sorted(columns)]
    numeric = task not in CLASSIFYING
    target = _column(studied.target, studied.person, smallest, numeric=True) if numeric else None
    if coarse:
        told = [None if one is None else _coarse(one, smallest) for one in told]
        target = None if target is None else _coarse(target, smallest)
    named = studied.event if numeric else studied.target
    words = () if named is None else _class_words(named, studied.person, smallest)
    return SiteColumns(
        columns=tuple(one for one in told if one is not None),
        classes=tuple(class_order(words))[:MOST_CATEGORIES],
        target=msgspec.UNSET if target is None else target,
    )


def _coarse(column: ColumnStatistics, smallest: int) -> ColumnStatistics:
    """Return what is said of a column with its number of rows rounded down."""
    shift = max(column.present.bit_length() - 2, 0)
    rounded = max(column.present >> shift << shift, smallest if column.present else 0)
    return msgspec.structs.replace(column, present=rounded)


def _column(
    column: Column, person: NDArray[np.int64], smallest: int, most: int | None = None,
    *, numeric: bool = False,
) -> ColumnStatistics | None:  # fmt: skip
    """Return what is said of a column, None where its name is too long to be told."""
    kind = "numeric" if numeric else column.kind
    if len(column.name) > LONGEST_NAME or len(column.unit) > LONGEST_NAME:
        return None
    if kind == "categorical":
        present = as_words(column)[0] >= 0
        values = np.empty(0)
    else:
        values = numbers_of(column, kind)
        present = ~np.isnan(values)
    missing = _persons(person[~present]) >= smallest
    if kind == "empty" or _persons(person[present]) < smallest:
        return ColumnStatistics(
            name=column.name, unit=column.unit, kind="empty", present=0, missing=missing,
            exponent=0, categories=(), identifier=False,
        )  # fmt: skip
    largest = float(np.abs(values[present]).max()) if kind != "categorical" else 0.0
    categories = shared_words(column, person, smallest, most) if kind == "categorical" else ()
    return ColumnStatistics(
        name=column.name, unit=column.unit, kind=kind,
        present=int(present.sum()) if missing else len(present),
        missing=missing,
        exponent=0 if kind == "categorical" else exponent_of(largest),
        categories=tuple(class_order(categories))[: MOST_CATEGORIES + 1],
        identifier=kind == "numeric" and looks_like_identifier(column.name, values[present]),
    )  # fmt: skip


def _persons(person: NDArray[np.int64]) -> int:
    return len(np.unique(person))


def _class_words(target: Column, person: NDArray[np.int64], smallest: int) -> tuple[str, ...]:
    """Return the target's classes: by name all of a few, else those that enough persons have.

    That a class occurs among K persons tells little more than the question of the study; a long
    list of rare ones could name persons.
    """
    if _persons(person) < smallest:
        return ()
    every = shared_words(target, person, 1)
    few = len(every) <= FEW_CLASSES
    return every if few else shared_words(target, person, smallest)


def shared_words(
    column: Column, person: NDArray[np.int64], smallest: int, most: int | None = None
) -> tuple[str, ...]:
    """Return the words that so many persons or more have, each in its canonical form.

    Of more than `most` only those that most persons have, of equals the first in `class_order`.
    """
    codes, words = as_words(column)
    canonical = [canonical_word(word) for word in words]
    names = sorted(set(canonical))
    at = {name: number for number, name in enumerate(names)}
    table = np.array([*(at[word] for word in canonical), -1], np.int64)
    found = table[codes]
    pairs = np.unique(np.stack([found, person]), axis=1)[0]
    counts = np.bincount(pairs[pairs >= 0], minlength=len(names))
    shared = {
        name: count
        for name, count in zip(names, counts.tolist(), strict=True)
        if count >= smallest and len(name) <= LONGEST_NAME
    }
    if most is None or len(shared) <= most:
        return tuple(shared)
    return tuple(sorted(class_order(shared), key=lambda name: -shared[name])[:most])


def exponent_of(largest: float) -> int:
    """Return the least exponent whose power of two is no less than a value."""
    if largest == 0.0:
        return EXPONENTS[0]
    mantissa, exponent = math.frexp(largest)
    return max(exponent - (mantissa == 0.5), EXPONENTS[0])


def looks_like_identifier(name: str, values: NDArray[np.float64]) -> bool:
    """Whether whole numbers, nearly all different, are a running number or are called one.

    A running number that others share, as where one counts the rows of all sites, has gaps: n draws
    from w numbers all differ with a probability of at most exp(-n (n - 1) / 2w). Measurements
    crowd, and differ less often still.
    """
    count = len(values)
    if not np.array_equal(values, np.rint(values)):
        return False
    distinct = len(np.unique(values))
    within = float(values.max() - values.min())
    if 0 < within < 2**53:
        within /= float(np.gcd.reduce((values - values.min()).astype(np.int64)))
    dense = within < 2 * count or count * (count - 1) > 2 * _RARE * within
    running = count >= _MANY and distinct == count and dense
    return running or (distinct > 0.9 * count and _IDENTIFIER.fullmatch(name) is not None)


def moment_of(studied: StudyRows, column: AgreedColumn, smallest: int) -> ColumnMoments | None:
    """Return the moment of a column, or None where too few persons have a value."""
    values = _values(studied, column, smallest)
    if values is None:
        return None
    units = np.rint(np.ldexp(values, VALUE_BITS - column.exponent)).astype(np.int64)
    # Squares of 33 bits are added in halves of 16, each sum far from 2^63.
    high, low = units >> 16, units & 0xFFFF
    squares = (
        (int((high * high).sum()) << 32) + (int((high * low).sum()) << 17) + int((low * low).sum())
    )
    return ColumnMoments(
        name=column.name, rows=len(units), sum=str(int(units.sum())), squares=str(squares)
    )


def persons_with(studied: StudyRows, column: AgreedColumn, smallest: int) -> int:
    """Return how many persons have a value in a column of numbers; 0 if too few do."""
    values = _values(studied, column, smallest, first=True)
    return 0 if values is None else len(values)


def _histogram(studied: StudyRows, column: AgreedColumn, smallest: int) -> Histogram | None:
    """Return a histogram of each person's first value, in cells of K persons or more."""
    counts = bins_of(studied, column, smallest)
    cells = () if counts is None else joined(counts.tolist(), smallest)
    return Histogram(name=column.name, cells=cells) if cells else None


def bins_of(studied: StudyRows, column: AgreedColumn, smallest: int) -> NDArray[np.int64] | None:
    """Return persons by their first value, int64 [BINS]; None where too few have one."""
    values = _values(studied, column, smallest, first=True)
    if values is None or not column.scale:
        return None
    low, high = histogram_range(column)
    units = np.rint(np.ldexp(values, FINE_BITS - column.exponent)).astype(np.int64)
    inside = np.clip(units, low, high)
    bins = np.clip((inside - low) * BINS // (high - low), 0, BINS - 1)
    return np.bincount(bins, minlength=BINS)


def joined(counts: Sequence[int], smallest: int) -> tuple[tuple[int, int], ...]:
    """Return cells of so many persons or more, from bins on; what is left joins the last one."""
    cells: list[tuple[int, int]] = []
    waiting = 0
    for at, count in enumerate(counts):
        waiting += count
        if waiting >= smallest:
            cells.append((at, waiting))
            waiting = 0
    if waiting and cells:
        cells[-1] = (BINS - 1, cells[-1][1] + waiting)
    return tuple(cells)


def _values(
    studied: StudyRows, column: AgreedColumn, smallest: int, *, first: bool = False
) -> NDArray[np.float64] | None:
    """Return a column's values, of each person's first only if asked; None of too few persons.

    Where too few persons lack one, theirs is the mean of the others.
    """
    found = studied.target if column.name == studied.target.name else None
    found = studied.table.columns.get(column.name, found)
    if found is None:
        return None
    values = numbers_of(found, column.kind)
    values = np.where(np.abs(values) <= 2.0**column.exponent, values, np.nan)
    present = ~np.isnan(values)
    if _persons(studied.person[present]) < smallest:
        return None
    if _persons(studied.person[~present]) < smallest:
        values = np.where(present, values, values[present].mean())
        present = np.ones_like(present)
    if not first:
        return values[present]
    _, at = np.unique(studied.person[present], return_index=True)
    return values[present][np.sort(at)]
