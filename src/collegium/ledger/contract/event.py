"""What every event says: of which study, round and attempt it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import msgspec


class Event(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="event"
):
    """What every event shares: its name, and strictness when read back."""


class StudyEvent(Event, frozen=True, kw_only=True):
    """An event of one study."""

    study: str


class RoundEvent(StudyEvent, frozen=True, kw_only=True):
    """An event of one attempt at one round."""

    attempt: int
    round: int


@runtime_checkable
class TellsWorth(Protocol):
    """An event that tells what members' work was worth in a round: more is better."""

    def worth(self) -> Mapping[str, int]:
        """Return it by member."""
        ...
