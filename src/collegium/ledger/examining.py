"""What an examination of a home says: one thing a line, with a code where it is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from collegium.errors import CollegiumError

Severity = Literal["error", "warning", "unchecked", "sound"]


class Diagnosis(msgspec.Struct, frozen=True, rename={"todo": "do"}):
    """What is to be said of one part of a home.

    Attributes:
        part: which, such as ``keys``.
        severity: an "error" keeps the process from its work, a "warning" may; what is "unchecked"
            depends on something that is wrong, or cannot be seen from here.
        code: of docs/errors.md, where something is wrong.
        what: what was found; `why` and `todo` as of a `CollegiumError`.
    """

    part: str
    severity: Severity
    what: str
    why: str = ""
    todo: str = ""
    code: str = ""


def sound(part: str, what: str) -> Diagnosis:
    """Return that a part is as it should be."""
    return Diagnosis(part, "sound", what)


def unchecked(part: str, because: str) -> Diagnosis:
    """Return that a part could not be looked at."""
    return Diagnosis(part, "unchecked", f"not checked, because {because}")


def wrong(part: str, error: CollegiumError, severity: Severity = "error") -> Diagnosis:
    """Return what is wrong with a part."""
    return Diagnosis(part, severity, error.what, error.why, error.todo, error.code)


class HomeCheck(msgspec.Struct, frozen=True):
    """What an examination of a home came to.

    Attributes:
        home: the folder.
        member: whose it is, None where node.toml does not say, and of a sequencer's home.
        ok: whether nothing was found that keeps the process of the home from its work.
        findings: everything, in the order in which things depend on each other.
    """

    home: str
    member: str | None
    ok: bool
    findings: tuple[Diagnosis, ...]


def checked(home: Path, member: str | None, found: Sequence[Diagnosis]) -> HomeCheck:
    """Return what an examination came to that found these things."""
    ok = not any(one.severity == "error" for one in found)
    return HomeCheck(str(home), member, ok, tuple(found))
