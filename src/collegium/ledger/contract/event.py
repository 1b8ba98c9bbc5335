"""What every event says: of which study, round and attempt it is."""

from __future__ import annotations

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
