"""Columns of a user's table as arrays, and what can be said of a column from its cells alone.

A column's cells are numbers, dates or words. Each of the three can be seen as another one: where
sites disagree about a column, they agree on one view of it, and cells that have none are missing.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from collegium.data.tabular.dates import days_by_cell, days_of
from collegium.data.tabular.number_notation import (
    Notation,
    about_notation,
    notation_of,
    plainly,
)
from collegium.errors import DataError

Kind = Literal["numeric", "date", "categorical", "empty"]

MISSING = frozenset(
    ("", "?", ".", "-", "NA", "na", "Na", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NAN",
     "NULL", "Null", "null")
)  # fmt: skip
"""Cells that stand for no value, whatever the column."""

MISSING_NUMBERS = MISSING | {"None", "none", "NONE"}
"""Cells of a numeric column that stand for no value; as a word, "none" may be an answer."""

MOSTLY = 0.9
"""Share of a column's values that must be numbers (or dates) for the rest to be taken for slips."""

NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One column.

    `kind` is how its cells read. `values` is float64 [rows]: numbers, or days since 1970-01-01
    for dates, NaN where missing; a categorical column has none. `codes` is int64 [rows], indices
    into `words`, -1 where missing; a column that holds nothing but numbers has none. `odd` counts
    the cells of a numeric or date column that are neither; `example` is one of them.
    """

    name: str
    unit: str
    kind: Kind
    values: NDArray[np.float64] | None
    codes: NDArray[np.int64] | None
    words: tuple[str, ...]
    odd: int = 0
    example: str = ""

    def __len__(self) -> int:
        """Return the number of rows."""
        known = self.values if self.codes is None else self.codes
        return 0 if known is None else len(known)


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Columns of equal length by name, in the order of the file, and what the reader noticed."""

    columns: Mapping[str, Column]
    rows: int
    notes: tuple[str, ...] = ()


def take_rows(table: Table, which: NDArray[np.int64]) -> Table:
    """Return a table of the rows at those positions."""
    columns = {name: take_cells(column, which) for name, column in table.columns.items()}
    return Table(columns, len(which), table.notes)


def take_cells(column: Column, which: NDArray[np.int64]) -> Column:
    """Return a column of the cells at those positions."""
    values = None if column.values is None else column.values[which]
    codes = None if column.codes is None else column.codes[which]
    return Column(
        column.name, column.unit, column.kind, values, codes, column.words, column.odd,
        column.example,
    )  # fmt: skip


def without(
    column: Column, absent: Collection[str], declared: Kind | None, *, by_row: bool
) -> Column:
    """Return a column in which some numbers stand for no value.

    Args:
        column: as read.
        absent: numbers in their shortest form.
        declared: how it is to be read whatever its cells look like, if that is said.
        by_row: whether each cell is read by itself.
    """
    if column.codes is None:
        if column.values is None or column.kind != "numeric":
            return column
        gone = np.isin(column.values, [float(word) for word in absent])
        if not gone.any():
            return column
        values = np.where(gone, np.nan, column.values)
        return replace(column, values=values, kind="empty" if np.isnan(values).all() else "numeric")
    said = np.array([*(canonical_word(word) in absent for word in column.words), False], np.bool_)
    if not said.any():
        return column
    codes = np.where(said[column.codes], -1, column.codes)
    if by_row and declared is not None:
        return read_as(declared, column.name, column.unit, codes, column.words)
    return inferred(column.name, column.unit, codes, column.words, declared)


def as_numbers(column: Column) -> NDArray[np.float64]:
    """Return a column seen as numbers, float64 [rows], NaN where a cell has none."""
    if column.kind in ("numeric", "empty") and column.values is not None:
        return column.values
    return _looked_up(column, [number_of(word) for word in column.words])


def as_days(column: Column) -> NDArray[np.float64]:
    """Return a column seen as days since 1970-01-01, float64 [rows], NaN where a cell has none."""
    if column.kind in ("date", "empty") and column.values is not None:
        return column.values
    return _looked_up(column, days_of(column.words) or [])


def as_words(column: Column) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Return a column seen as words: indices into them, int64 [rows], -1 where missing."""
    if column.codes is not None:
        return column.codes, column.words
    values = column.values if column.values is not None else np.empty(0)
    found, codes = np.unique(values, return_inverse=True)
    codes = codes.astype(np.int64)
    codes[np.isnan(values)] = -1
    return codes, tuple(number_word(value) for value in found.tolist() if value == value)


def number_word(value: float) -> str:
    """Return the shortest word of a number: ``4.0`` is ``4``."""
    return repr(value + 0.0).removesuffix(".0")


def canonical_word(word: str) -> str:
    """Return a word as categories are compared: numbers in their shortest form."""
    number = number_of(word)
    return word if number != number or word in ("", "-") else number_word(number)


def number_of(word: str) -> float:
    """Return a word's number, or NaN if it has none."""
    if not NUMBER.fullmatch(word):
        return float("nan")
    value = float(word)
    return value if np.isfinite(value) else float("nan")


def _looked_up(column: Column, of_words: list[float]) -> NDArray[np.float64]:
    """Return each row's number, given each word's."""
    table = np.array([*(of_words or [np.nan] * len(column.words)), np.nan])
    if column.codes is None:
        return np.full(len(column), np.nan)
    return table[column.codes]


def cleaned(
    codes: NDArray[np.int64], cells: tuple[str, ...], notation: Notation
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Return codes of different words, without blanks around them; those for no value are -1.

    Where commas are decimal points ``1,5`` becomes ``1.5``, where they separate thousands
    ``1,500`` becomes ``1500``.
    """
    words: dict[str, int] = {}
    again = np.full(len(cells) + 1, -1, np.int64)
    for at, cell in enumerate(cells):
        word = plainly(" ".join(cell.split()), notation)
        again[at] = -1 if word in MISSING else words.setdefault(word, len(words))
    return again[codes], tuple(words)


def inferred(
    name: str, unit: str, codes: NDArray[np.int64], words: tuple[str, ...], declared: Kind | None
) -> Column:
    """Return a column of words as what most of its values are: numbers, dates, or words.

    Args:
        name: its name.
        unit: its unit.
        codes: [rows], indices into `words`, -1 where missing.
        words: what occurs, and what does not count where it does not.
        declared: how the study says that the column is to be read, if it does.
    """
    counts = np.bincount(codes[codes >= 0], minlength=len(words))
    if not counts.all():
        here = np.flatnonzero(counts)
        again = np.full(len(words) + 1, -1, np.int64)
        again[here] = np.arange(len(here))
        words = tuple(words[at] for at in here.tolist())
        codes, counts = again[codes], counts[here]
    plain = Column(name, unit, "categorical" if len(words) else "empty", None, codes, words)
    if declared in (None, "numeric"):
        found = _seen_as("numeric", plain, counts, list(map(number_of, words)), declared)
        if found is not None:
            return found
    days = days_of(words) if declared is None else None
    found = None if days is None else _seen_as("date", plain, counts, days, declared)
    return found or plain


def read_together(
    name: str, unit: str, codes: NDArray[np.int64], cells: tuple[str, ...], declared: Kind | None,
    *, separates: bool | None,
) -> tuple[Column, list[str]]:  # fmt: skip
    """Return a column whose cells tell together how its numbers are written, and what to know.

    Args:
        name: its name.
        unit: of its header; a column in percent has that unit where it names none.
        codes: [rows], indices into `cells`.
        cells: as they stand in the file.
        declared: how the study says that the column is to be read, if it does.
        separates: as in `notation_of`.
    """
    words = [" ".join(cell.split()) for cell in cells]
    notation = notation_of(words, separates=separates)
    if declared is not None:
        numbers = declared == "numeric"
        notation = Notation(notation.commas, numbers and notation.percent, numbers)
    found = inferred(
        name, unit or "%" * notation.percent, *cleaned(codes, cells, notation), declared
    )
    return found, about_notation(name, words, notation)


def read_as(
    kind: Kind, name: str, unit: str, codes: NDArray[np.int64], words: tuple[str, ...]
) -> Column:
    """Return a column of words as a kind that is known beforehand, each cell by itself.

    Numbers have a decimal point, and dates with slashes, whose order other rows would tell, none.
    """
    if kind == "categorical":
        return Column(name, unit, kind, None, codes, words)
    found = [number_of(word) for word in words] if kind == "numeric" else days_by_cell(words)
    slips = [
        word for word, value in zip(words, found, strict=True)
        if value != value and word not in MISSING_NUMBERS
    ]  # fmt: skip
    at = {word: number for number, word in enumerate(words)}
    odd = int(np.isin(codes, [at[word] for word in slips]).sum())
    values = np.array([*found, np.nan])[codes]
    return Column(name, unit, kind, values, codes, words, odd, slips[0] if slips else "")


def unreadable(column: Column, values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which cells are neither missing nor what a column of numbers or dates holds.

    Args:
        column: as read.
        values: its numbers or days, NaN where there is none.
    """
    if column.codes is None:
        return np.zeros(len(values), np.bool_)
    says = np.array([*(word not in MISSING_NUMBERS for word in column.words), False], np.bool_)
    return np.isnan(values) & says[column.codes]


def _seen_as(
    kind: Kind, plain: Column, counts: NDArray[np.int64], of_words: list[float],
    declared: Kind | None,
) -> Column | None:  # fmt: skip
    """Return a column of words as another kind if enough of its values are of that, else None."""
    readable = np.array([value == value for value in of_words], np.bool_)
    empty = np.array([word in MISSING_NUMBERS for word in plain.words], np.bool_)
    present = int(counts[~empty].sum())
    good = int(counts[readable].sum())
    if good == 0 or (good < MOSTLY * present and declared != kind):
        return None
    slips = [word for word, fine in zip(plain.words, readable | empty, strict=True) if not fine]
    values = np.array([*of_words, np.nan])[plain.codes]
    return Column(
        plain.name, plain.unit, kind, values, plain.codes, plain.words, present - good,
        slips[0] if slips else "",
    )  # fmt: skip


def missing_column(name: str, known: Iterable[str], why: str) -> DataError:
    """Return the error about a column that is not in a table."""
    names = list(known)
    near = difflib.get_close_matches(name.partition("[")[0].strip() or name, names, n=1)
    return DataError(
        "data.missing-column", f"the table has no column {name[:60]!r}",
        f"{why}; the table has {', '.join(names[:20])}{' and more' if len(names) > 20 else ''}",
        f"did you mean {near[0]!r}?" if near else "correct the name, or add the column",
    )  # fmt: skip


class ColumnBuilder:
    """Takes a column's cells piece by piece; numbers become arrays at once."""

    def __init__(self, name: str, unit: str, *, commas_separate: bool) -> None:
        self.name, self.unit, self.commas_separate = name, unit, commas_separate
        self.notes: list[str] = []
        self._pieces: list[NDArray[np.float64] | NDArray[np.int64]] = []
        self._index: dict[str, int] = {}

    def add(self, cells: tuple[str, ...], *, plain: bool) -> None:
        """Add cells, in order of rows; `plain` says that no word is a number only to Python."""
        missing, nan = MISSING_NUMBERS, float("nan")
        try:
            if not plain:
                raise ValueError
            numbers = np.array([nan if cell in missing else float(cell) for cell in cells])
            if np.isinf(numbers).any():
                raise ValueError
            self._pieces.append(numbers)
        except ValueError:
            index = self._index
            self._pieces.append(
                np.array([index.setdefault(cell, len(index)) for cell in cells], np.int64)
            )

    def column(self, *, declared: Kind | None) -> Column:
        """Return the column of all cells that were added.

        Args:
            declared: how the study says that the column is to be read, if it does.
        """
        if not self._index:
            values = np.concatenate(self._pieces) if self._pieces else np.empty(0)
            return self._of_numbers(values.astype(np.float64), declared)
        column, self.notes = read_together(
            self.name, self.unit, self._as_codes(), tuple(self._index), declared,
            separates=self.commas_separate,
        )  # fmt: skip
        return column

    def column_by_row(self, kind: Kind) -> Column:
        """Return the column of all cells that were added, none of which was `plain`.

        Args:
            kind: how it is read, each cell by itself.
        """
        codes = np.concatenate([*self._pieces, np.empty(0, np.int64)]).astype(np.int64)
        own = Notation()
        if kind == "numeric":
            own = Notation("none" if self.commas_separate else "decimal", ends=True)
        return read_as(kind, self.name, self.unit, *cleaned(codes, tuple(self._index), own))

    def _of_numbers(self, values: NDArray[np.float64], declared: Kind | None) -> Column:
        kind: Kind = "empty" if np.isnan(values).all() else "numeric"
        column = Column(self.name, self.unit, kind, values, None, ())
        if declared != "categorical" or kind == "empty":
            return column
        codes, words = as_words(column)
        return Column(self.name, self.unit, "categorical", None, codes, words)

    def _as_codes(self) -> NDArray[np.int64]:
        """Return all pieces as codes of cells."""
        pieces = []
        for piece in self._pieces:
            if piece.dtype == np.int64:
                pieces.append(piece)
                continue
            found, inverse = np.unique(piece, return_inverse=True)
            names = ["" if value != value else number_word(value) for value in found.tolist()]
            known = [self._index.setdefault(name, len(self._index)) for name in names]
            pieces.append(np.array(known, np.int64)[inverse])
        return np.concatenate(pieces).astype(np.int64)
