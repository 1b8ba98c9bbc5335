"""The seam of mechanisms in the report: the sections and the lines of the answer that each adds.

A mechanism's file `reporting` names its `SECTIONS` and, where it has a line in the answer, its
`LINES`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from collegium.plugins import aspects
from collegium.report.content import ReportContent
from collegium.report.markup import Markup


def _always(content: ReportContent) -> bool:
    return True


def _never(content: ReportContent) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the page.

    Attributes:
        name: its anchor.
        title: its heading.
        shows: makes it.
        after: the anchor of the page's own section that it follows; one that follows none of them
            stands last.
        applies: whether a report has it.
        of_any_record: whether a record that is not verified has it too; what such a record says of
            models nobody is to read.
        summary: whether a report has it on the two pages of its printed summary, before the annex.
    """

    name: str
    title: str
    shows: Callable[[ReportContent], Markup]
    after: str = ""
    applies: Callable[[ReportContent], bool] = _always
    of_any_record: bool = False
    summary: Callable[[ReportContent], bool] = _never


@dataclass(frozen=True, slots=True)
class AnswerLine:
    """A line of the answer.

    Attributes:
        name: what it answers.
        says: makes it; empty where there is nothing to say.
        section: the anchor of the section that says more.
    """

    name: str
    says: Callable[[ReportContent], str]
    section: str


@cache
def lines_of_mechanisms() -> tuple[AnswerLine, ...]:
    """Return the answer's lines that mechanisms add, in order of their names."""
    return tuple(
        one for found in aspects("reporting").values() for one in getattr(found, "LINES", ())
    )


@cache
def sections_of_mechanisms() -> tuple[Section, ...]:
    """Return the sections that the mechanisms of this installation add, in order of their names."""
    return tuple(one for found in aspects("reporting").values() for one in found.SECTIONS)


def in_order(own: tuple[Section, ...]) -> list[Section]:
    """Return the page's own sections, and behind each what mechanisms add there."""
    added = sections_of_mechanisms()
    known = {one.name for one in own}
    return [
        *(
            section
            for one in own
            for section in (one, *(other for other in added if other.after == one.name))
        ),
        *(one for one in added if one.after not in known),
    ]
