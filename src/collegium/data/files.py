"""A table's file as bytes, whole or not at all."""

from __future__ import annotations

from pathlib import Path

from collegium.errors import DataError


def file_bytes(path: Path, largest: int) -> bytes:
    """Return the bytes of a user's file.

    Raises:
        DataError: it is a folder, cannot be read, or has more than `largest` bytes.
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
            getattr(error, "strerror", None) or str(error),
            "check the file's name and its permissions",
        ) from error  # fmt: skip
    if len(content) > largest:
        raise DataError(
            "data.too-large", f"{path} is larger than {largest // 2**20} MiB",
            "a table is read as a whole", "cut the table into several files",
        )  # fmt: skip
    return content
