"""A user's table as model inputs, for `collegium predict`: strict, because a patient follows.

The table is a CSV file in UTF-8 with a header of the schema's feature names, in any order. The
target column may be there and is not looked at; any other column is refused unless it is asked
for, since a column that the model does not know may be a misspelling.
Nothing is guessed: a missing or odd value is an error with its row and column, never a default.
"""

from __future__ import annotations

import csv
import difflib
import io
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collegium.data.files import file_bytes
from collegium.data.table import Feature, Schema, encode, in_words, target_columns
from collegium.data.tabular.csv_text import malformed_csv
from collegium.errors import DataError

LARGEST_FILE = 64 * 2**20
"""Bytes; about half a million rows of twenty columns."""

KEEP_OR_LEAVE_OUT = "leave the column out, or keep it beside the predictions with --id"

NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")
MISSING = {"", "?", "na", "n/a", "nan", "null", "none"}


def read_table(path: Path, schema: Schema, besides: tuple[str, ...] = ()) -> NDArray[np.float32]:
    """Read a CSV file into model inputs, float32 [rows, inputs].

    A categorical cell is a category's code; where codes are numbers, ``4.0`` is ``4``. Blanks
    around cells and wholly blank lines do not count.

    Args:
        path: the file, at most `LARGEST_FILE` bytes.
        schema: of the model that will see the inputs.
        besides: other columns that must be there.

    Raises:
        DataError: whatever is wrong with the file, with row and column where there is one. Rows
            are counted from 1 below the header, and the line of the file is given.
    """
    table = read_cells(path, schema, besides)
    return encode(schema, {feature.name: table.column(feature) for feature in schema.features})


@dataclass(frozen=True, slots=True)
class Cells:
    """A table's cells as text: the header's names, and each row with its line in the file."""

    names: list[str]
    rows: list[tuple[int, list[str]]]

    def of(self, name: str) -> list[tuple[int, str]]:
        """Return a column's cells, each with its line in the file."""
        at = self.names.index(name)
        return [(line, cells[at]) for line, cells in self.rows]

    def column(self, feature: Feature) -> NDArray[Any]:
        """Return a feature's cells as `encode` takes them: numbers, or codes as text.

        Raises:
            DataError: a cell is missing, or is not what the feature allows.
        """
        return _column(feature, self.of(feature.name))


def read_cells(path: Path, schema: Schema, besides: tuple[str, ...] = ()) -> Cells:
    """Read a CSV file whose header names each feature once.

    Args:
        path: the file, at most `LARGEST_FILE` bytes.
        schema: names the features, and the target, which may be there.
        besides: other columns that must be there.

    Raises:
        DataError: the file cannot be read, is not CSV, or its header or a row's length is wrong.
    """
    lines = _lines(path)
    _, header = lines[0]
    names = _header(path, header, schema, besides)
    body = lines[1:]
    if not body:
        raise DataError(
            "data.no-rows",
            f"{path} has a header and no row below it",
            "there is nobody in it",
            "add a row for each patient",
        )
    for row, (line, cells) in enumerate(body, start=1):
        if len(cells) != len(names):
            raise DataError(
                "data.ragged",
                f"row {row} (line {line}) has {len(cells)} cells, the header {len(names)}",
                "a comma is missing or too many, or a text with a comma lacks its quotes",
                "give every row one cell for each column",
            )
    return Cells(names, body)


def _lines(path: Path) -> list[tuple[int, list[str]]]:
    """Return the lines that are not blank, each with its number in the file."""
    text = _text(path)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, skipinitialspace=True)
    try:
        lines = [
            (reader.line_num, [cell.strip() for cell in cells])
            for cells in reader
            if any(cell.strip() for cell in cells)
        ]
    except csv.Error as error:
        raise malformed_csv(path, text, ",", blanks=True) from error
    if not lines:
        raise DataError(
            "data.empty",
            f"{path} is empty",
            "a table has a header and at least one row",
            "check that the export worked",
        )
    return lines


def _text(path: Path) -> str:
    """Return the file's text; a byte order mark is dropped."""
    content = file_bytes(path, LARGEST_FILE)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(
            "data.encoding",
            f"line {line} of {path} is not text in UTF-8",
            f"byte {error.start} is 0x{content[error.start]:02x}",
            "export the table as CSV in UTF-8",
        ) from error


def _header(path: Path, names: list[str], schema: Schema, besides: tuple[str, ...]) -> list[str]:
    """Return the header after checking that it names each feature once, and nothing else."""
    known = [feature.name for feature in schema.features]
    listed = in_words(known)
    answers = target_columns(schema)
    if not set(names) & {*known, *answers}:
        separator = next((mark for mark in ";\t|" if any(mark in name for name in names)), None)
        raise DataError(
            "data.no-header",
            f"the first line of {path} names no column of the model",
            f"cells are separated by {separator!r}, not by commas"
            if separator
            else f"the header must name: {listed}",
            "write the table with commas"
            if separator
            else "put the columns' names in the first line",
        )
    for name in names:
        if names.count(name) > 1:
            raise DataError(
                "data.duplicate-column",
                f"the header names column {name[:40]!r} more than once",
                "which of them is meant cannot be known",
                "keep one of them",
            )
        if name not in (*known, *answers, *besides):
            near = difflib.get_close_matches(name, set(known) - set(names), n=1)
            raise DataError(
                "data.unknown-column",
                f"the model knows no column {name[:40]!r}",
                f"it knows: {listed}; {in_words(answers)} may be there, ignored",
                f"rename it to {near[0]!r}" if near else KEEP_OR_LEAVE_OUT,
            )
    absent = [name for name in (*known, *besides) if name not in names]
    if absent:
        raise DataError(
            "data.missing-column",
            f"the table has no column {absent[0]!r}",
            f"needed are: {in_words((*known, *besides))}",
            "add the column under exactly that name",
        )
    return names


def _column(feature: Feature, cells: list[tuple[int, str]]) -> NDArray[Any]:
    """Return a feature's cells as `encode` takes them: numbers, or codes as text."""
    if feature.kind == "categorical":
        codes = [category.code for category in feature.categories]
        return np.array([_code(feature, codes, row, cell) for row, cell in enumerate(cells, 1)])
    return np.array([_number(feature, row, cell) for row, cell in enumerate(cells, 1)])


def _number(feature: Feature, row: int, cell: tuple[int, str]) -> float:
    line, text = cell
    if not NUMBER.fullmatch(text):
        raise _bad_cell(feature, row, line, text, "is not a number")
    value = float(text)
    if not math.isfinite(value):
        raise _bad_cell(feature, row, line, text, "is too large for a number")
    if feature.kind == "binary" and value not in (0.0, 1.0):
        raise _bad_cell(feature, row, line, text, "is neither 0 nor 1")
    return value


def _code(feature: Feature, codes: list[str], row: int, cell: tuple[int, str]) -> str:
    line, text = cell
    if text in codes:
        return text
    if NUMBER.fullmatch(text):
        for code in codes:
            if NUMBER.fullmatch(code) and float(code) == float(text):
                return code
    meanings = ", ".join(f"{one.code} ({one.title})" for one in feature.categories)
    raise _bad_cell(feature, row, line, text, f"is none of {meanings}")


def _bad_cell(feature: Feature, row: int, line: int, text: str, why: str) -> DataError:
    where = f"row {row} (line {line}), column {feature.name!r}"
    described = feature.title + (f", in {feature.unit}" if feature.unit else "")
    if text.lower() in MISSING:
        return DataError(
            "data.missing-value",
            f"{where} has no value",
            f"the model needs {described}, for every patient",
            "complete the value, or leave the row out",
        )
    return DataError(
        "data.value",
        f"{where}: {text[:40]!r} {why}",
        f"the column holds {described}",
        "correct the value, or leave the row out",
    )
