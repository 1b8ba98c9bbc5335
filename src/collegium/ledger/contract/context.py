"""A study, and its open round, where they stand: what handlers and mechanisms look at."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from collegium.ledger.contract.declared import part_of
from collegium.ledger.contract.tables import (
    THE_ONE,
    RoundRecord,
    StudyRecord,
    StudyStatus,
    attempt_items,
    attempt_key,
    attempt_names,
    powers,
    round_path,
    study_path,
)
from collegium.ledger.state import Path, State
from collegium.ledger.state_tree import Value

P = TypeVar("P", bound=msgspec.Struct)
R = TypeVar("R", bound=msgspec.Struct)


@dataclass(slots=True)
class StudyAt:
    """A study where it stands; whoever moves it sets its `status`."""

    state: State
    study: str
    record: StudyRecord
    status: StudyStatus

    def table(self, name: str) -> Path:
        """Return where one of the study's tables lies."""
        return study_path(self.study, name)

    def terms(self, kind: type[P]) -> P | None:
        """Return what is registered of a mechanism, or None where the study does not use it."""
        return part_of(self.record.terms, kind)

    def move(self, **fields: Any) -> None:
        """Change where the study stands, and store it."""
        self.status = msgspec.structs.replace(self.status, **fields)
        self.state.put(self.table("status"), THE_ONE, self.status)


@dataclass(slots=True)
class RoundAt:
    """The open round of a study where it stands; its `record` is as it holds in this round.

    `state`, `study` and `number` are those of the study when the round was looked up.
    """

    course: StudyAt
    record: StudyRecord
    current: RoundRecord
    state: State = field(init=False)
    study: str = field(init=False)
    number: int = field(init=False)

    def __post_init__(self) -> None:
        self.state, self.study = self.course.state, self.course.study
        self.number = self.course.status.round

    @property
    def attempt(self) -> int:
        """The open attempt."""
        return self.current.attempt

    @property
    def here(self) -> dict[str, Any]:
        """What an event of this attempt says of where it is."""
        return {"study": self.study, "round": self.number, "attempt": self.attempt}

    def terms(self, kind: type[P]) -> P | None:
        """Return what is registered of a mechanism, or None where the round does not use it."""
        return part_of(self.record.terms, kind)

    def table(self, name: str) -> Path:
        """Return where one of the round's tables lies."""
        return round_path(self.study, self.number, name)

    def names(self, table: str) -> tuple[str, ...]:
        """Return who is in a table in this attempt, in order."""
        return attempt_names(self.state, self.table(table), self.attempt)

    def items(self, table: str) -> list[tuple[str, bytes]]:
        """Return who said what in this attempt, in order."""
        return attempt_items(self.state, self.table(table), self.attempt)

    def get(self, table: str, member: str) -> bytes | None:
        """Return what a member said in this attempt, or None."""
        return self.state.get(self.table(table), attempt_key(self.attempt, member))

    def has(self, table: str, member: str) -> bool:
        """Return whether a member has spoken in this attempt."""
        return self.state.has(self.table(table), attempt_key(self.attempt, member))

    def entry(self, table: str, member: str, kind: type[R]) -> R | None:
        """Return a structured value of this attempt, or None."""
        return self.state.record(self.table(table), attempt_key(self.attempt, member), kind)

    def put(self, table: str, member: str, value: Value | None) -> None:
        """Set what a member said in this attempt, or remove it."""
        self.state.put(self.table(table), attempt_key(self.attempt, member), value)

    def members(self, table: str) -> tuple[str, ...]:
        """Return who is in one of the round's lists, such as participants, in order."""
        return self.state.names(self.table(table))

    def powers(self, table: str) -> dict[str, int]:
        """Return one of the round's lists with its numbers: weights or powers, in order."""
        return powers(self.state, self.table(table))
