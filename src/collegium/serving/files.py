"""Reading files that anybody may have made: ordinary ones alone, and no endless ones."""

from __future__ import annotations

import os
import stat
from pathlib import Path

_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)  # a pipe without a writer would keep us waiting
    | getattr(os, "O_CLOEXEC", 0)
)


def read_ordinary(path: Path, most: int) -> bytes:
    """Return the content of a file that is ordinary, no link, and no longer than `most` bytes.

    Raises:
        OSError: it is none, or cannot be read.
    """
    descriptor = os.open(path, _FLAGS)
    with open(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(0, "it is no ordinary file", os.fspath(path))
        if found.st_size > most:
            raise OSError(0, f"it is larger than {most >> 20} MiB", os.fspath(path))
        return file.read(most)


def status_of(path: Path) -> os.stat_result | None:
    """Return an ordinary file's status; None where there is no file, or another thing."""
    try:
        found = path.lstat()
    except (OSError, ValueError):
        return None
    return found if stat.S_ISREG(found.st_mode) else None
