"""A table's file as bytes, whole or not at all; gzip is taken off."""

from __future__ import annotations

import gzip
import io
import zlib
from pathlib import Path

from collegium.errors import DataError, reason_of

_GZIP = b"\x1f\x8b"
_SPREADSHEETS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
"""How files of Excel and of LibreOffice begin, of today and of before 2007."""


def file_bytes(path: Path, largest: int) -> bytes:
    """Return the bytes of a user's file, decompressed if it is gzip.

    Raises:
        DataError: it is a folder or a spreadsheet, cannot be read, or has more than `largest`
            bytes, of which no more are decompressed.
    """
    if path.is_dir():
        raise DataError(
            "data.directory", f"{path} is a folder", "a table is one CSV file", "name the file"
        )
    try:
        with path.open("rb") as file:
            content = file.read(largest + 1)
    except (OSError, ValueError) as error:
        raise DataError(
            "data.unreadable", f"{path} cannot be read",
            reason_of(error),
            "check the file's name and its permissions",
        ) from error  # fmt: skip
    if content.startswith(_SPREADSHEETS):
        raise DataError(
            "data.spreadsheet", f"{path} is a spreadsheet, or a ZIP file",
            "a table is one CSV file", "save its sheet as CSV in UTF-8",
        )  # fmt: skip
    if content.startswith(_GZIP) and len(content) <= largest:
        try:
            with gzip.open(io.BytesIO(content)) as file:
                content = file.read(largest + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(
                "data.unreadable", f"{path} cannot be decompressed", reason_of(error),
                "compress the table again with gzip",
            ) from error  # fmt: skip
    if len(content) > largest:
        raise DataError(
            "data.too-large", f"{path} is larger than {largest // 2**20} MiB",
            "a table is read as a whole", "cut the table into several files",
        )  # fmt: skip
    return content
