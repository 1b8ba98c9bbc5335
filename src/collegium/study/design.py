"""The seam of mechanisms in study documents: who asks for one, with what terms, and what is said.

A mechanism's file `design` names its `DESIGN`. What is checked is checked of every document, since
a key without its mechanism is a mistake as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

import msgspec

from collegium.plugins import aspects
from collegium.study.document import Study
from collegium.study.limit import Limit
from collegium.study.message import Outbound, Recipients
from collegium.study.notice import Notice
from collegium.study.refusal import Refusal, nearest, shown

S = TypeVar("S", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a study beside its document.

    Attributes:
        counted: what is counted of test rows, as follows from what the data mean.
        registered: the terms that a ledger has, where these are what is asked about; what only
            the data would tell is then taken from them.
    """

    counted: str | None = None
    registered: msgspec.Struct | None = None


@dataclass(frozen=True, slots=True)
class Design:
    """What a mechanism knows of study documents.

    Attributes:
        uses: whether a study asks for it.
        terms: what of it is registered, given the number of sites.
        check: refuses what it does not go with.
        check_sites: does the same, given the number of sites.
        notices: what the owner should know, given the number of sites.
        messages: what it makes members send; the last argument says who the validators are.
        update: of what carries updates: what ``check --outbound`` says of one in this study.
        section: what ``[mechanisms.NAME]`` holds, if it takes one; read it with `section_of`.
        limits: the ranges of numbers under other keys that are this mechanism's.
        about: of what carries updates: what it is, as `collegium list privacy` says it.
        subject: of what carries updates: what a refusal begins with.
        encrypts: whether updates are encrypted, and not masked.
    """

    uses: Callable[[Study, Facts], bool]
    terms: Callable[[Study, int, Facts], msgspec.Struct | None] | None = None
    check: Callable[[Study], None] | None = None
    check_sites: Callable[[Study, int], None] | None = None
    notices: Callable[[Study, int], tuple[Notice, ...]] | None = None
    messages: Callable[[Study, Recipients, str], tuple[Outbound, ...]] | None = None
    update: Callable[[Study, Recipients, Outbound, str, str], Outbound] | None = None
    section: type[msgspec.Struct] | None = None
    limits: tuple[Limit, ...] = ()
    about: str = ""
    subject: str = ""
    encrypts: bool = False


@cache
def designs() -> Mapping[str, Design]:
    """Return what every mechanism of this installation knows of documents, by name."""
    return {name: found.DESIGN for name, found in aspects("design").items()}


def designs_of(study: Study, facts: Facts | None = None) -> dict[str, Design]:
    """Return the designs of the mechanisms that a study asks for, in order of their names."""
    known = Facts() if facts is None else facts
    return {name: one for name, one in designs().items() if one.uses(study, known)}


def hiding_design(study: Study) -> Design | None:
    """Return the design of what hides a study's updates, None where they are plain."""
    secure = study.privacy.secure_aggregation
    return None if secure is None else designs().get(secure.protocol)


def section_of(study: Study, name: str, kind: type[S]) -> S | None:
    """Return what ``[mechanisms.NAME]`` says, or None where there is no such table.

    Raises:
        Refusal: it says something else than what the mechanism takes.
    """
    table = (study.mechanisms or {}).get(name)
    if table is None:
        return None
    try:
        return msgspec.convert(table, kind)
    except msgspec.ValidationError as error:
        raise Refusal(
            ("mechanisms", name), "study.mechanism", f"[mechanisms.{name}] cannot be read",
            str(error), f"it takes: {', '.join(kind.__struct_fields__) or 'nothing'}",
        ) from None  # fmt: skip


def check_sections(study: Study) -> None:
    """Refuse tables of mechanisms that are not installed, that take none, or that cannot be read.

    Raises:
        Refusal: there is one.
    """
    takers = {name: one.section for name, one in designs().items() if one.section is not None}
    for name in study.mechanisms or {}:
        kind = takers.get(name)
        if kind is None:
            raise Refusal(
                ("mechanisms", name), "study.mechanism",
                f"no mechanism {shown(name)} that is installed takes a table",
                "an unknown table is refused, because ignoring it would change what was asked",
                nearest(name, sorted(takers)) if takers else "remove it, or install what brings it",
            )  # fmt: skip
        section_of(study, name, kind)
