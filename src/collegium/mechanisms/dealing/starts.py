"""Of whom a sum from a starting model may be known: no other sum of updates from it is formed.

A site's update follows from the model that it starts from, so sums from one model over different
sets are a linear system for single updates (contract 2; docs/decisions/0128). A study comes back to
a model in the trials of a search.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from collegium.ledger.contract import members
from collegium.ledger.contract.context import RoundAt, StudyAt
from collegium.ledger.contract.series import is_sum
from collegium.ledger.contract.tables import Record, round_branch

TABLE = "starts"


class SummedFrom(Record, frozen=True, kw_only=True):
    """Who was in a sum from a model, in order, and in which part of it: 0 where it is of all."""

    members: tuple[str, ...]
    parts: tuple[int, ...]


def note(at: RoundAt, model: str, included: Mapping[str, int]) -> None:
    """Note of whom a sum from a model may be known now, each with a part; the first set stands."""
    if members.contract_version(at.state) < 2 or is_sum(at.number) or not included:
        return
    path, names = at.course.table(TABLE), tuple(sorted(included))
    known = at.state.record(path, model, SummedFrom)
    if known is None or (known.members == names and not any(known.parts)):
        parts = tuple(included[name] for name in names)
        at.state.put(path, model, SummedFrom(members=names, parts=parts))


def bound(course: StudyAt) -> dict[str, int]:
    """Return who alone may be in a sum from the study's model, each with its part, if any."""
    known = course.state.record(course.table(TABLE), course.status.model, SummedFrom)
    return {} if known is None else dict(zip(known.members, known.parts, strict=True))


def begins(course: StudyAt, participants: Iterable[str], voters: Mapping[str, int]) -> None:
    """Let a round that is bound need everybody, in the parts that there were."""
    if is_sum(course.status.round):
        return
    path = (*round_branch(course.study, course.status.round), "opened")
    course.state.put_all(path, {name: b"%d" % one for name, one in bound(course).items()})
