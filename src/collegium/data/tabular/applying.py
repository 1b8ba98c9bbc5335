"""A table to be predicted for, by what was agreed: refused where it is not what sites agreed on.

Columns, kinds and units must be those of the agreement. A category that was not agreed, a gap and
a value beyond what was seen are dealt with as registered, and told.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from collegium.data.reading import KEEP_OR_LEAVE_OUT
from collegium.data.tabular.agreed_preparation import AgreedColumn, AgreedPreparation
from collegium.data.tabular.columns import Column, Kind, Table, as_numbers, as_words, unreadable
from collegium.data.tabular.computing_statistics import numbers_of
from collegium.data.tabular.preparation import (
    FURTHEST,
    check_unit,
    encode_columns,
    positions,
    value_of,
)
from collegium.data.tabular.reading import read_table_file
from collegium.errors import DataError

ENOUGH = 20
"""Rows from which on a column's median tells whether it is in another unit."""


@dataclass(frozen=True, slots=True, eq=False)
class Beyond:
    """How many of a table's rows have in one column what training hardly had, or never.

    Of a number or date `outside` counts rows below `low` or above `high`, in the column's unit:
    nine tenths of the training values lie between these, or all where the study's document
    describes the column (`described`). `held` are the rows so far out that they count as less. Of
    categories `unseen` counts rows with one that no site told, such as `example`.
    """

    column: str
    rows: int
    outside: int = 0
    held: int = 0
    unseen: int = 0
    low: float = 0.0
    high: float = 0.0
    unit: str = ""
    described: bool = False
    example: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Applied:
    """Model inputs, float32 [rows, inputs], and what their reader should know.

    `beyond` has an entry for each column that becomes inputs.
    """

    x: NDArray[np.float32]
    notes: tuple[str, ...]
    beyond: tuple[Beyond, ...]


def apply_agreed(
    path: Path, agreement: AgreedPreparation, *, any_range: bool = False,
    aside: Sequence[str] = (),
) -> Applied:  # fmt: skip
    """Read a table as a model's inputs.

    Columns that the study sets aside or leaves out may be there and are not looked at. Where the
    study's document describes the columns, no other one is looked at either, and each cell is read
    by itself, as in training.

    Args:
        path: a file as `read_table_file` takes it.
        agreement: the model's.
        any_range: accept columns most of whose values lie beyond those that sites have.
        aside: other columns that are not looked at.

    Raises:
        DataError: the table's columns, kinds, units or values are not those that were agreed.
    """
    declared: dict[str, Kind] = {
        column.name: column.kind for column in agreement.columns if column.kind != "date"
    }
    skip = {*agreement.aside, *(one.name for one in agreement.left_out), *aside}
    skip -= {agreement.exposure, *(column.name for column in agreement.columns)}
    only: dict[str, Kind] | None = None
    if agreement.step == 0:
        only = {column.name: column.kind for column in agreement.columns}
        only |= {agreement.exposure: "numeric"} if isinstance(agreement.exposure, str) else {}
    table = read_table_file(
        path, skip=skip, declared=declared, only=only, absent=agreement.absent or ()
    )
    _check_names(table, agreement)
    notes, beyond = list(table.notes), []
    if isinstance(agreement.exposure, str):
        _check_exposure(table.columns[agreement.exposure])
    for column in agreement.columns:
        found = table.columns[column.name]
        check_unit(column, found, "the model was made from values in")
        if column.kind == "categorical":
            beyond.append(_unseen_words(agreement, column, found, table.rows))
        else:
            _check_cells(column, found)
            notes += _about_range(column, found, any_range=any_range)
            beyond.append(_outside(column, found))
        notes += _about_gaps(column, found)
    x = encode_columns(agreement, table.columns, table.rows)
    return Applied(x, tuple(notes), tuple(beyond))


MOST_TOLD = 10
"""Columns of which it is told in words how many rows lie beyond what training had."""


def in_words(beyond: Iterable[Beyond]) -> list[str]:
    """Return what is beyond training in words, the columns with most such rows first."""
    there = sorted(
        (one for one in beyond if one.outside or one.unseen),
        key=lambda one: (one.outside + one.unseen) / one.rows, reverse=True,
    )  # fmt: skip
    told = [_words_beyond(one) for one in there[:MOST_TOLD]]
    more = len(there) - MOST_TOLD
    return told + [f"{more} more columns have rows beyond training: see --json"] * (more > 0)


def _words_beyond(one: Beyond) -> str:
    if one.unseen:
        return (
            f"{one.column}: {one.unseen} of {_rows(one.rows)} have a value that no model has seen,"
            f" such as {one.example[:40]!r}: it counts as any other"
        )
    bounds = f"{_told(one.low, one.unit)} to {_told(one.high, one.unit)}"
    bounds += f" {one.unit}" if one.unit and one.unit != _DAYS else ""
    within = (
        "which the study describes"
        if one.described
        else "between which nine tenths of the training values lie"
    )
    held = "the nearer end" if one.described else f"{FURTHEST:g} standard deviations from the mean"
    return f"{one.column}: {one.outside} of {_rows(one.rows)} lie outside {bounds}, {within}" + (
        f"; {one.held} of them count as {held}" if one.held else ""
    )


_DAYS = "days since 1970-01-01"


def _told(value: float, unit: str) -> str:
    if unit != _DAYS:
        return f"{value:.4g}"
    return str(np.datetime64("1970-01-01") + np.timedelta64(round(value), "D"))


def _rows(rows: int) -> str:
    return "1 row" if rows == 1 else f"{rows} rows"


def _outside(column: AgreedColumn, found: Column) -> Beyond:
    values = numbers_of(found, column.kind)
    unit = _DAYS if column.kind == "date" else column.unit
    if isinstance(column.lowest, int) and isinstance(column.highest, int):
        low, high = value_of(column, column.lowest), value_of(column, column.highest)
        outside = int(((values < low) | (values > high)).sum())
        return Beyond(
            column.name, len(values), outside, outside, 0, low, high, unit, described=True
        )
    if not column.scale:
        return Beyond(column.name, len(values), unit=unit)
    low, high = value_of(column, column.low), value_of(column, column.high)
    center, scale = value_of(column, column.center), value_of(column, column.scale)
    held = int((np.abs(values - center) > FURTHEST * scale).sum())
    outside = int(((values < low) | (values > high)).sum())
    return Beyond(column.name, len(values), outside, held, 0, low, high, unit)


def _check_names(table: Table, agreement: AgreedPreparation) -> None:
    known = [column.name for column in agreement.columns]
    known += [agreement.exposure] if isinstance(agreement.exposure, str) else []
    for name in table.columns:
        if name not in known:
            near = difflib.get_close_matches(name, set(known) - set(table.columns), n=1)
            raise DataError(
                "data.unknown-column", f"the model knows no column {name[:60]!r}",
                f"it was made from {', '.join(known[:20])}{' and more' if len(known) > 20 else ''}",
                f"rename it to {near[0]!r}" if near else KEEP_OR_LEAVE_OUT,
            )  # fmt: skip
    for name in known:
        if name not in table.columns:
            raise DataError(
                "data.missing-column", f"the table has no column {name[:60]!r}",
                f"needed are: {', '.join(known)}",
                "add the column under exactly that name; it may be empty where nothing is known",
            )  # fmt: skip


def _check_exposure(found: Column) -> None:
    """Refuse a row that was not counted over anything."""
    exposed = as_numbers(found) > 0
    if not exposed.all():
        raise DataError(
            "data.value", f"row {int(np.argmin(exposed)) + 1}, column {found.name!r}: no exposure",
            "a count is predicted for what it is counted over, a number above 0",
            "correct the value, or leave the row out",
        )  # fmt: skip


def _check_cells(column: AgreedColumn, found: Column) -> None:
    """Refuse a cell of a number or date that is neither that nor missing."""
    bad = unreadable(found, numbers_of(found, column.kind))
    if not bad.any() or found.codes is None:
        return
    row = int(np.argmax(bad))
    word = found.words[int(found.codes[row])]
    what = "date" if column.kind == "date" else "number"
    raise DataError(
        "data.value", f"row {row + 1}, column {column.name!r}: {word[:40]!r} is no {what}",
        f"the column holds {what}s" + (f", in {column.unit}" if column.unit else ""),
        "write it with a decimal point and nothing between thousands"
        if "," in word
        else "correct the value, or leave its cell empty",
    )  # fmt: skip


def _unseen_words(
    agreement: AgreedPreparation, column: AgreedColumn, found: Column, rows: int
) -> Beyond:
    """Refuse or count categories that were not agreed."""
    other = positions(column, found, rows) == -1
    if not other.any():
        return Beyond(column.name, rows)
    codes, words = as_words(found)
    row = int(np.argmax(other))
    word = words[int(codes[row])]
    if agreement.unknown == "refuse":
        raise DataError(
            "data.value", f"row {row + 1}, column {column.name!r}: {word[:40]!r} is not known",
            f"sites agreed on {', '.join(column.categories)}, and the study refuses others",
            "correct the value, or leave the row out",
        )  # fmt: skip
    return Beyond(column.name, rows, unseen=int(other.sum()), example=word)


def _about_gaps(column: AgreedColumn, found: Column) -> list[str]:
    values = None if column.kind == "categorical" else numbers_of(found, column.kind)
    gaps = int((as_words(found)[0] < 0).sum() if values is None else np.isnan(values).sum())
    if column.missing or not gaps:
        return []
    lack = "row lacks" if gaps == 1 else "rows lack"
    described = isinstance(column.lowest, int)
    number = "the typical value stands in" if described else "the median stands in"
    instead = "it counts as any other" if values is None else number
    rarely = "" if not column.sites else ", which hardly anybody lacked at any site"
    return [f"{gaps} {lack} {column.name}{rarely}: {instead}"]


def _about_range(column: AgreedColumn, found: Column, *, any_range: bool) -> list[str]:
    """Refuse or tell of values that look as if they were in another unit."""
    values = numbers_of(found, column.kind)
    values = values[~np.isnan(values)]
    if not len(values) or not column.scale:
        return []
    low, high = value_of(column, column.low), value_of(column, column.high)
    width = high - low
    least = max(low - width / 2, low / 3) if low > 0 else low - width / 2
    most = high + width / 2
    middle = float(np.median(values))
    if least <= middle <= most:
        return []
    values_of = (
        "values that the study describes lie"
        if isinstance(column.lowest, int)
        else "5 % to 95 % of the sites' values lie"
    )
    what = (
        f"the median of {column.name!r} is {middle:g}, and {values_of}"
        f" between {low:g} and {high:g}{' ' + column.unit if column.unit else ''}"
    )
    if len(values) < ENOUGH or any_range:
        return [what]
    raise DataError(
        "data.units", f"column {column.name!r} looks as if it were in another unit", what,
        "convert it; if these patients really are so, ask with --any-range",
    )  # fmt: skip
