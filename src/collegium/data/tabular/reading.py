"""A user's table from a file: every column with its kind, whoever wrote the file.

What cannot be known is an error with its line; what was decided is a note. Nothing is written.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from collegium.data.tabular.columns import (
    NUMBER,
    Column,
    ColumnBuilder,
    Kind,
    Table,
    missing_column,
    without,
)
from collegium.data.tabular.csv_text import read_rows, read_text, separator_of
from collegium.data.tabular.dates import two_readings
from collegium.data.tabular.parquet import is_parquet, parquet_cells, parquet_columns, parquet_names
from collegium.errors import DataError

MOST_COLUMNS = 10_000

_UNIT = re.compile(r"(?P<name>.*\S)\s*\[(?P<unit>[^\[\]]{1,40})\]")
_UNDERSCORED = re.compile(r"\d_\d")


def read_table_file(
    path: Path, *, skip: Iterable[str] = (), declared: Mapping[str, Kind] | None = None,
    whole: bool = False, only: Mapping[str, Kind] | None = None, absent: Collection[str] = (),
) -> Table:  # fmt: skip
    """Read a CSV file whose first line names its columns, or a Parquet file.

    A name may end with a unit in brackets, as in ``glucose [mg/dL]``: the column is then called
    ``glucose``. A column without a name is left out (a row number, most often).

    Args:
        path: the file.
        skip: columns that are not read.
        declared: by name, how a column is to be read whatever its cells look like.
        whole: whether every column that is skipped or declared has to be there.
        only: the columns that are read and how, each cell by itself: what a row becomes then
            depends on the header and on itself, and on no other row. Others are told of.
        absent: numbers that stand for no value in any column, in their shortest form.

    Raises:
        DataError: whatever is wrong with the file, with its line where there is one.
    """
    kinds = declared or {}
    if is_parquet(path):
        return _read_parquet(path, skip=skip, kinds=kinds, whole=whole, only=only, absent=absent)
    text, about = read_text(path, by_row=only is not None)
    notes = [] if about is None else [about]
    separator = separator_of(_telling(text, by_row=only is not None))
    pieces = read_rows(path, text, separator)
    _, (header,) = next(pieces)
    names = [_named(cell) for cell in header]
    _check_header(path, [name for name, _ in names])
    unread = {*skip, ""}
    if whole:
        _check_known(names, (*skip, *kinds, *(only or ())))
    if only is not None:
        notes += _about_unread(path, names, {*skip, *only})
        unread |= {name for name, _ in names} - only.keys()
    if any(not name for name, _ in names):
        notes.append(f"a column of {path.name} has no name and was left out")
    builders = [
        None if name in unread else ColumnBuilder(name, unit, commas_separate=separator == ",")
        for name, unit in names
    ]
    plain = only is None and ("_" not in text or _UNDERSCORED.search(text) is None)
    rows = 0
    for _, piece in pieces:
        rows += len(piece)
        for builder, cells in zip(builders, zip(*piece, strict=True), strict=False):
            if builder is not None:
                builder.add(cells, plain=plain)
    if not rows:
        raise _nobody(path)
    columns = {
        builder.name: builder.column(declared=kinds.get(builder.name))
        if only is None
        else builder.column_by_row(only[builder.name])
        for builder in builders
        if builder is not None
    }
    columns = _without(columns, kinds, only, absent)
    notes += [note for one in builders if one is not None for note in one.notes]
    if only is None:  # else the columns that are read know which cells are odd
        notes += [_about_odd(path, column) for column in columns.values() if column.odd]
        notes += [told for column in columns.values() for told in _about_dates(path, column)]
    return Table(columns, rows, tuple(notes))


def cells_as_written(
    path: Path, names: Sequence[str], *, by_row: bool = False
) -> dict[str, tuple[str, ...]]:
    """Return the cells of some columns as text, row by row as `read_table_file` has them.

    An ID keeps its leading zeros: nothing is taken for a number or for missing.

    Args:
        path: the file.
        names: of the columns, without their units.
        by_row: whether the table is read with ``only``.

    Raises:
        DataError: whatever is wrong with the file, or it has no such column.
    """
    if not names:
        return {}
    if is_parquet(path):
        of_file = parquet_names(path)
        at = _places(path, of_file, names)
        return {name: parquet_cells(path, of_file[place]) for name, place in at.items()}
    text, _ = read_text(path, by_row=by_row)
    pieces = read_rows(path, text, separator_of(_telling(text, by_row=by_row)))
    _, (header,) = next(pieces)
    rows = [row for _, piece in pieces for row in piece]
    at = _places(path, header, names)
    return {name: tuple(row[place].strip() for row in rows) for name, place in at.items()}


def _telling(text: str, *, by_row: bool) -> str:
    """Return the part of a text that tells its separator: of cells read by row, the header."""
    return text.lstrip().partition("\n")[0] if by_row else text


def _places(path: Path, header: Sequence[str], names: Sequence[str]) -> dict[str, int]:
    found = [_named(cell)[0] for cell in header]
    _check_header(path, found)
    for name in names:
        if name not in found:
            raise missing_column(name, [one for one in found if one], "it is to be kept")
    return {name: found.index(name) for name in names}


def _read_parquet(
    path: Path, *, skip: Iterable[str], kinds: Mapping[str, Kind], whole: bool,
    only: Mapping[str, Kind] | None, absent: Collection[str],
) -> Table:  # fmt: skip
    of_file = parquet_names(path)
    names = [_named(name) for name in of_file]
    _check_header(path, [name for name, _ in names])
    if whole:
        _check_known(names, (*skip, *kinds, *(only or ())))
    unread = {*skip, ""}
    notes: list[str] = []
    if only is not None:
        notes += _about_unread(path, names, {*skip, *only})
        unread |= {name for name, _ in names} - only.keys()
    wanted = {
        own: named for own, named in zip(of_file, names, strict=True) if named[0] not in unread
    }
    found = list(parquet_columns(path, wanted, kinds, only=only))
    columns = _without(
        {one.name: one for one in found if isinstance(one, Column)}, kinds, only, absent
    )
    notes += [one for one in found if isinstance(one, str)]
    if only is None:
        notes += [_about_odd(path, column) for column in columns.values() if column.odd]
        notes += [told for column in columns.values() for told in _about_dates(path, column)]
    rows = len(next(iter(columns.values()))) if columns else 0
    if not rows:
        raise _nobody(path)
    return Table(columns, rows, tuple(notes))


def _without(
    columns: dict[str, Column], kinds: Mapping[str, Kind], only: Mapping[str, Kind] | None,
    absent: Collection[str],
) -> dict[str, Column]:  # fmt: skip
    if not absent:
        return columns
    known = kinds if only is None else only
    return {name: without(one, absent, known.get(name), by_row=only is not None)
            for name, one in columns.items()}  # fmt: skip


def _check_known(names: Iterable[tuple[str, str]], asked: Iterable[str]) -> None:
    known = [name for name, _ in names if name]
    for name in asked:
        if name not in known:
            raise missing_column(name, known, "the study says what to do with it")


def _about_unread(path: Path, names: Iterable[tuple[str, str]], known: set[str]) -> list[str]:
    others = [name for name, _ in names if name and name not in known]
    told = f"{', '.join(others[:10])}{' and more' if len(others) > 10 else ''}"
    return [f"{path.name} has columns that data.columns does not describe: {told}"] * bool(others)


def _nobody(path: Path) -> DataError:
    return DataError(
        "data.no-rows", f"{path} has a header and no row below it", "there is nobody in it",
        "add a row for each patient",
    )  # fmt: skip


def _named(cell: str) -> tuple[str, str]:
    """Return a column's name and its unit, which may be empty."""
    text = " ".join(cell.split())
    hit = _UNIT.fullmatch(text)
    return (text, "") if hit is None else (hit["name"], " ".join(hit["unit"].split()))


def _check_header(path: Path, names: list[str]) -> None:
    if len(names) > MOST_COLUMNS:
        raise DataError(
            "data.too-large", f"{path} has {len(names)} columns",
            f"at most {MOST_COLUMNS} are read", "leave out what no model needs",
        )  # fmt: skip
    for name in names:
        if not name.isprintable() or len(name) > 200:
            raise DataError(
                "data.no-header", f"the first line of {path} names no columns",
                f"{name[:40]!a} is no name", "put the columns' names in the first line",
            )  # fmt: skip
    seen: set[str] = set()
    for name in names:
        if name and name in seen:
            raise DataError(
                "data.duplicate-column", f"the header names column {name[:40]!r} more than once",
                "which of them is meant cannot be known", "keep one of them",
            )  # fmt: skip
        seen.add(name)
    if all(NUMBER.fullmatch(name) for name in names if name):
        raise DataError(
            "data.no-header", f"the first line of {path} names no columns",
            "its cells are empty or numbers", "put the columns' names in the first line",
        )  # fmt: skip


def _about_dates(path: Path, column: Column) -> list[str]:
    """Return what to know of a column whose dates can be read in two ways."""
    found = two_readings(column.words) if column.kind == "categorical" else []
    if not found or column.codes is None:
        return []
    which = np.isin(column.codes, [column.words.index(word) for word in found])
    first = np.flatnonzero(which)[:2].tolist()
    cells = " and ".join(f"{column.words[column.codes[at]]!r} (row {at + 1})" for at in first)
    return [
        f"dates of column {column.name!r} in {path.name} can have the day or the month first, such"
        f" as {cells}: they were read as words. Write them as 2024-12-31, or name the column in"
        " data.source.drop"
    ]


def _about_odd(path: Path, column: Column) -> str:
    kind = "numbers" if column.kind == "numeric" else "dates"
    return (
        f"{column.odd} cells of column {column.name!r} in {path.name} are no {kind}, such as"
        f" {column.example[:40]!r}: they count as missing"
    )
