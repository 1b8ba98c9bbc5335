"""The statistics of set-up as counts for a sum over sites: what each site counts, and what follows.

Of the second and the third step, in studies where nobody sees a site's own. Of each column, in
order: in the second step persons and rows with a value, and the sums of values and of their squares
in digits of 32 bits; in the third, persons by their first value in `BINS` bins. A site counts what
it might as well say (`table@2`): nothing of few persons, and cells of enough, spread over their
bins. Whatever others know and subtract from the sum, nothing about few persons is left. Of
`table@1`, which old ledgers have, small sites counted as well, and what was small in the sum was
not used.
docs/spec/19-summed-statistics.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from collegium.data.table import CLASSIFYING
from collegium.data.tabular.agreed_preparation import AgreedColumn, AgreedPreparation, encode_agreed
from collegium.data.tabular.combining_statistics import follows_from
from collegium.data.tabular.computing_statistics import bins_of, joined, moment_of, persons_with
from collegium.data.tabular.quantiles import MASS_BITS, spread, with_masses
from collegium.data.tabular.site_statistics import (
    BINS,
    VALUE_BITS,
    ColumnMoments,
    Histogram,
    SiteMoments,
    SiteQuantiles,
)
from collegium.data.tabular.study_rows import StudyRows

Counts = NDArray[np.int64]

Layout = Literal["table@1", "table@2"]

MOST_ROWS = 1 << 24
"""Training rows of a site that a sum has room for."""

_DIGIT = 1 << 32
_PER_MOMENT = 7


def counted_columns(before: AgreedPreparation) -> list[AgreedColumn]:
    """Return the columns that the step after an agreement counts, in order."""
    columns = [one for one in before.columns if one.kind != "categorical"]
    if before.step == 1:
        if before.task not in CLASSIFYING:
            columns = sorted([*columns, before.target], key=lambda one: one.name)
        return columns
    return [one for one in columns if one.scale]


def size_of_counts(before: AgreedPreparation) -> int:
    """Return how many numbers a site counts in the step after an agreement."""
    return len(counted_columns(before)) * (_PER_MOMENT if before.step == 1 else BINS)


def largest_counts(before: AgreedPreparation, layout: Layout) -> Counts:
    """Return the largest value of each number that a site may count, int64 [m]; 0 is least."""
    columns = len(counted_columns(before))
    if before.step == 1:
        digit = _DIGIT - 1
        one = (MOST_ROWS, MOST_ROWS, 2 * MOST_ROWS, digit, digit, digit, MOST_ROWS)
        return np.array(one * columns, np.int64)
    unit = 1 if layout == "table@1" else 1 << MASS_BITS
    return np.full(BINS * columns, MOST_ROWS * unit, np.int64)


def counts_of(studied: StudyRows, before: AgreedPreparation, smallest: int) -> Counts:
    """Return what a site counts in the step after an agreement by `table@2`, int64 [m].

    Args:
        studied: the site's training rows.
        before: what was agreed before.
        smallest: K, the persons behind everything that it counts.
    """
    columns = counted_columns(before)
    if before.step == 1:
        moments = [one for name in columns for one in _moment(studied, name, smallest)]
        return np.array(moments, np.int64)
    return np.array([one for name in columns for one in _masses(studied, name, smallest)], np.int64)


def _masses(studied: StudyRows, column: AgreedColumn, smallest: int) -> list[int]:
    bins = bins_of(studied, column, smallest)
    return spread(() if bins is None else joined(bins.tolist(), smallest))


def _moment(studied: StudyRows, column: AgreedColumn, smallest: int) -> Sequence[int]:
    moment = moment_of(studied, column, smallest)
    if moment is None:
        return [0] * _PER_MOMENT
    high, low = divmod(int(moment.sum), _DIGIT)
    squares = int(moment.squares)
    return (
        persons_with(studied, column, smallest), moment.rows, high + moment.rows, low,
        squares % _DIGIT, squares // _DIGIT % _DIGIT, squares // _DIGIT**2,
    )  # fmt: skip


def concluded(
    before: AgreedPreparation, counts: Counts, sites: tuple[str, ...], smallest: int, layout: Layout
) -> bytes:
    """Return the blob of what follows from a sum of counts; b"" where it contradicts itself.

    Args:
        before: what was agreed before.
        counts: the sum over sites, int64 [m], none below 0.
        sites: whose counts are in it.
        smallest: K, the persons behind everything that is used of the sum.
        layout: as registered.

    Raises:
        DataError: nothing can be learned.
    """
    columns = counted_columns(before)
    if before.step == 2:
        bins = counts.reshape(len(columns), BINS).tolist()
        if layout == "table@2":
            names = [column.name for column in columns]
            return encode_agreed(with_masses(before, dict(zip(names, bins, strict=True)), sites))
        cells = [joined(one, smallest) for one in bins]
        said = SiteQuantiles(
            histograms=tuple(
                Histogram(name=column.name, cells=found)
                for column, found in zip(columns, cells, strict=True)
                if found
            )
        )
        return encode_agreed(follows_from(before, [said], sites))
    moments = []
    for column, told in zip(columns, counts.reshape(-1, _PER_MOMENT).tolist(), strict=True):
        persons, rows, high, low, *digits = told
        total = (high - rows) * _DIGIT + low
        squares = sum(digit << (32 * place) for place, digit in enumerate(digits))
        if not _is_fair(persons, rows, total, squares):
            return b""
        if persons >= smallest:
            moments.append(
                ColumnMoments(name=column.name, rows=rows, sum=str(total), squares=str(squares))
            )
    return encode_agreed(follows_from(before, [SiteMoments(moments=tuple(moments))], sites))


def _is_fair(persons: int, rows: int, total: int, squares: int) -> bool:
    most = rows << VALUE_BITS
    return persons <= rows and abs(total) <= most and total * total <= rows * squares <= most * most
