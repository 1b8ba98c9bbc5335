"""A refusal of one place in a study document, and the words that refusals share."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from collegium.errors import StudyError

DocumentPath = tuple[str | int, ...]
"""Keys from the top of a document to a value; an integer is an index into a list."""

INTEGER_LIMIT = 2**53 - 1
"""The largest integer that a document may hold, and the canonical form may carry."""


class Refusal(StudyError):
    """A `StudyError` about one value, which knows where the value is but not in which file.

    Args:
        path: where the refused value is, or would be.
        code: stable identifier, as in `StudyError`.
        what: one line, what is wrong; it names the key itself.
        why: one line, the reason.
        todo: one line, what to do about it.
    """

    def __init__(self, path: DocumentPath, code: str, what: str, why: str, todo: str) -> None:
        super().__init__(code, what, why, todo)
        self.path = path

    def at(self, place: str) -> StudyError:
        """Return the same refusal with the place, such as ``heart.toml:12``, in front."""
        return StudyError(self.code, f"{place}: {self.what}", self.why, self.todo)


def contradiction(path: DocumentPath, what: str, why: str, todo: str) -> Refusal:
    """Return the refusal of what each may be and cannot be together."""
    return Refusal(path, "study.combination", what, why, todo)


def dotted(path: DocumentPath) -> str:
    """Return a path as people write it: ``threat.attackers[1]``."""
    words = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path)
    return words.removeprefix(".")


def shown(value: object) -> str:
    """Return a value for a message: on one line, printable, at most about 60 characters."""
    if isinstance(value, int) and abs(value) > INTEGER_LIMIT:
        return "a number beyond 2^53 - 1" if value > 0 else "a number below -(2^53 - 1)"
    if isinstance(value, str) and len(value) > 60:
        return repr(value[:57]) + "..."
    return repr(value)


def nearest(name: str, choices: Iterable[str]) -> str:
    """Return advice that names the choice nearest to `name`, and all choices if there are few."""
    known = list(choices)
    if not known:
        return "remove it"
    near = difflib.get_close_matches(name[:100], known, n=1, cutoff=0.0)[0]
    others = f" (possible are: {', '.join(known)})" if 1 < len(known) <= 16 else ""
    return f"did you mean {near!r}?{others}"
