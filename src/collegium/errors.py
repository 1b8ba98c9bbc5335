"""Every error that a user can meet: a stable code, what happened, why, and what to do.

The command line catches `CollegiumError` alone; anything else that escapes is a bug of ours.
Codes are listed in docs/errors.md.
"""

from __future__ import annotations

import os
from pathlib import PurePath


class CollegiumError(Exception):
    """An error with a code and advice, meant to be read by the person who caused it.

    Args:
        code: stable identifier such as ``study.unknown-key``; never reused for another meaning.
        what: one line, what happened.
        why: one line, the reason.
        todo: one line, what to do about it.
    """

    def __init__(self, code: str, what: str, why: str, todo: str) -> None:
        super().__init__(f"{what} [{code}]")
        self.code = code
        self.what = what
        self.why = why
        self.todo = todo

    def __reduce__(self) -> tuple[type[CollegiumError], tuple[str, str, str, str]]:
        return type(self), (self.code, self.what, self.why, self.todo)

    def diagnostics(self) -> str:
        """Return the three lines that the command line prints."""
        return f"error: {self.what} [{self.code}]\n  why: {self.why}\n  do:  {self.todo}"


class StudyError(CollegiumError):
    """The study document, or a change asked of it, is not acceptable."""


class DataError(CollegiumError):
    """A table or data set cannot be read, or is not what it should be."""


class FormatError(CollegiumError):
    """Bytes are not in the format that the specification fixes."""


class RunError(CollegiumError):
    """A run cannot start, go on or be read."""


class StoreError(CollegiumError):
    """The store of blobs that members share cannot be reached or used."""


class PluginError(CollegiumError):
    """A name asks for a part that is not installed or cannot be loaded."""


class NodeError(CollegiumError):
    """A member's home, its settings or its policy are not acceptable, or its node cannot run."""


def reason_of(error: Exception) -> str:
    """Return why something failed; of the operating system its words and the file's name alone."""
    if not isinstance(error, OSError) or not error.strerror:
        return str(error) or type(error).__name__
    name = PurePath(os.fsdecode(error.filename)).name if error.filename else ""
    return f"{error.strerror}{f': {name}' if name else ''}"
