"""A table to be predicted for, by what was agreed: refused where it is not what sites agreed on.

Columns, kinds and units must be those of the agreement. A category that was not agreed, a gap and
a value beyond what was seen are dealt with as registered, and told.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from collegium.data.tabular.agreed_preparation import AgreedColumn, AgreedPreparation
from collegium.data.tabular.columns import Column, Kind, Table, as_numbers, as_words, unreadable
from collegium.data.tabular.computing_statistics import numbers_of
from collegium.data.tabular.preparation import check_unit, encode_columns, positions, value_of
from collegium.data.tabular.reading import read_table_file
from collegium.errors import DataError

ENOUGH = 20
"""Rows from which on a column's median tells whether it is in another unit."""


@dataclass(frozen=True, slots=True, eq=False)
class Applied:
    """Model inputs, float32 [rows, inputs], and what their reader should know."""

    x: NDArray[np.float32]
    notes: tuple[str, ...]


def apply_agreed(path: Path, agreement: AgreedPreparation, *, any_range: bool = False) -> Applied:
    """Read a table as a model's inputs.

    Columns that the study sets aside or leaves out may be there and are not looked at. Where the
    study's document describes the columns, no other one is looked at either, and each cell is read
    by itself, as in training.

    Args:
        path: a file as `read_table_file` takes it.
        agreement: the model's.
        any_range: accept columns most of whose values lie beyond those that sites have.

    Raises:
        DataError: the table's columns, kinds, units or values are not those that were agreed.
    """
    declared: dict[str, Kind] = {
        column.name: "categorical" for column in agreement.columns if column.kind == "categorical"
    }
    aside = {*agreement.aside, *(one.name for one in agreement.left_out)} - {agreement.exposure}
    only: dict[str, Kind] | None = None
    if agreement.step == 0:
        only = {column.name: column.kind for column in agreement.columns}
        only |= {agreement.exposure: "numeric"} if isinstance(agreement.exposure, str) else {}
    table = read_table_file(path, skip=aside, declared=declared, only=only)
    _check_names(table, agreement)
    notes = list(table.notes)
    if isinstance(agreement.exposure, str):
        _check_exposure(table.columns[agreement.exposure])
    for column in agreement.columns:
        found = table.columns[column.name]
        check_unit(column, found, "the model was made from values in")
        if column.kind == "categorical":
            notes += _about_words(agreement, column, found, table.rows)
        else:
            _check_cells(column, found)
            notes += _about_range(column, found, any_range=any_range)
        notes += _about_gaps(column, found)
    return Applied(encode_columns(agreement, table.columns, table.rows), tuple(notes))


def _check_names(table: Table, agreement: AgreedPreparation) -> None:
    known = [column.name for column in agreement.columns]
    known += [agreement.exposure] if isinstance(agreement.exposure, str) else []
    for name in table.columns:
        if name not in known:
            near = difflib.get_close_matches(name, set(known) - set(table.columns), n=1)
            raise DataError(
                "data.unknown-column", f"the model knows no column {name[:60]!r}",
                f"it was made from {', '.join(known[:20])}{' and more' if len(known) > 20 else ''}",
                f"rename it to {near[0]!r}" if near else "leave the column out",
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


def _about_words(
    agreement: AgreedPreparation, column: AgreedColumn, found: Column, rows: int
) -> list[str]:
    """Refuse or tell of categories that were not agreed."""
    other = positions(column, found, rows) == -1
    if not other.any():
        return []
    codes, words = as_words(found)
    row = int(np.argmax(other))
    word = words[int(codes[row])]
    if agreement.unknown == "refuse":
        raise DataError(
            "data.value", f"row {row + 1}, column {column.name!r}: {word[:40]!r} is not known",
            f"sites agreed on {', '.join(column.categories)}, and the study refuses others",
            "correct the value, or leave the row out",
        )  # fmt: skip
    have = "row has" if other.sum() == 1 else "rows have"
    return [
        f"{other.sum()} {have} a {column.name} that no model has seen, such as {word[:40]!r}: it"
        " counts as any other"
    ]


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
