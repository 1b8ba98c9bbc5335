"""The text of a CSV file, whatever program wrote it: encoding, separator, and pieces of rows.

Accepted are UTF-8, with or without a byte order mark, UTF-16 with one, and Windows-1252; commas,
semicolons, tabs and bars; decimal points, and decimal commas where commas separate nothing.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from collegium.data.files import file_bytes
from collegium.errors import DataError

LARGEST_FILE = 2**30
"""Bytes; a million rows of a hundred columns."""

SEPARATORS = ",;\t|"
PIECE = 1 << 11
"""Rows that are turned into columns at once."""

Row = list[str]


def read_text(path: Path, *, by_row: bool = False) -> tuple[str, str | None]:
    """Return a file's text, and what should be known about its encoding, if anything.

    Args:
        path: the file.
        by_row: the encoding is UTF-8, or UTF-16 with a byte order mark, whatever the rows hold: a
            byte that is none changes its own cell and no other one.

    Raises:
        DataError: it cannot be read, is too large, or is no text.
    """
    content = file_bytes(path, LARGEST_FILE)
    if not by_row:
        return _decoded(path, content)
    utf_16 = content[:2] in (b"\xff\xfe", b"\xfe\xff")
    text = content.decode("utf-16" if utf_16 else "utf-8-sig", errors="replace").replace("\0", "")
    about = f"{path.name} holds bytes that are no UTF-8: save it as UTF-8"
    return text, about if "\ufffd" in text else None


def _decoded(path: Path, content: bytes) -> tuple[str, str | None]:
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        try:
            return content.decode("utf-16"), None
        except UnicodeDecodeError as error:
            raise _no_text(path, content, error.start) from error
    if b"\0" in content:
        raise _no_text(path, content, content.index(b"\0"))
    try:
        return content.decode("utf-8-sig"), None
    except UnicodeDecodeError:
        pass
    try:
        text = content.decode("cp1252")
    except UnicodeDecodeError as error:
        raise _no_text(path, content, error.start) from error
    return text, f"{path.name} is not UTF-8; it was read as Windows-1252"


def _no_text(path: Path, content: bytes, at: int) -> DataError:
    line = content.count(b"\n", 0, at) + 1
    return DataError(
        "data.encoding", f"line {line} of {path} is not text in UTF-8",
        f"byte {at} is 0x{content[at]:02x}, which no text in UTF-8, UTF-16 or Windows-1252 has",
        "export the table as CSV in UTF-8",
    )  # fmt: skip


def separator_of(text: str) -> str:
    """Return what separates the cells: the mark that cuts the first lines into most columns.

    A mark that cuts them into different numbers of cells counts only where no other does better.
    """
    head = [line for line in islice(io.StringIO(text), 50) if line.strip()]
    best, best_score = ",", (0, 0)
    for mark in SEPARATORS:
        try:
            widths = [len(row) for row in csv.reader(head, delimiter=mark)]
        except csv.Error:
            continue
        if widths and widths[0] > 1:
            agreeing = sum(width == widths[0] for width in widths)
            score = (int(2 * agreeing > len(widths)), widths[0])
            if score > best_score:
                best, best_score = mark, score
    return best


def read_rows(path: Path, text: str, separator: str) -> Iterator[tuple[int, list[Row]]]:
    """Yield the header alone, then pieces of rows, each with the line on which it begins.

    Lines without any cell are skipped.

    Raises:
        DataError: ``data.malformed``, the text is not CSV; ``data.ragged``, a row has another
            number of cells than the header; ``data.empty``.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    width = 0
    try:
        for header in reader:
            if any(cell.strip() for cell in header):
                width = len(header)
                yield reader.line_num, [header]
                break
        while piece := list(islice(reader, PIECE)):
            begin = reader.line_num
            if set(map(len, piece)) != {width}:
                piece = [row for row in piece if any(cell.strip() for cell in row)]
                if any(len(row) != width for row in piece):
                    raise _ragged(path, text, separator, width)
            yield begin, piece
    except csv.Error as error:
        raise malformed_csv(path, text, separator) from error
    if not width:
        raise DataError(
            "data.empty", f"{path} is empty", "a table has a header and at least one row",
            "check that the export worked",
        )  # fmt: skip


def malformed_csv(path: Path, text: str, separator: str, *, blanks: bool = False) -> DataError:
    """Return the error about the first row that is not CSV, by the line on which it begins."""
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=separator, strict=True, skipinitialspace=blanks
    )
    begin, why = 1, ""
    try:
        for _ in reader:
            begin = reader.line_num + 1
    except csv.Error as error:
        why = str(error)
        if reader.line_num > begin:
            why = f"a quote opens there and does not end the cell by line {reader.line_num}: {why}"
    return DataError(
        "data.malformed", f"line {begin} of {path} is not CSV", why,
        "repair the quotes in that line, or export the table again as CSV",
    )  # fmt: skip


def _ragged(path: Path, text: str, separator: str, width: int) -> DataError:
    """Return the error about the first row of another length."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    for row in reader:
        if len(row) != width and any(cell.strip() for cell in row):
            break
    return DataError(
        "data.ragged",
        f"line {reader.line_num} of {path} has {len(row)} cells, the header {width}",
        "a separator is missing or too many, or a text with a separator lacks its quotes",
        "give every row one cell for each column",
    )
