"""What becomes of the groups in which masked updates are summed; docs/spec page 17."""

from __future__ import annotations

from collegium.ledger.contract.event import RoundEvent


class GroupsDrawn(RoundEvent, frozen=True, kw_only=True, tag="groups.drawn"):
    """Lots put those who advertised keys into groups, counted from 1; a sum is opened of each."""

    groups: tuple[int, ...]
    members: tuple[str, ...]


class GroupsLost(RoundEvent, frozen=True, kw_only=True, tag="groups.lost"):
    """Fewer members than the threshold stayed with these groups, or a deal in them is contested."""

    groups: tuple[int, ...]
    phase: str


class GroupsRefused(RoundEvent, frozen=True, kw_only=True, tag="groups.refused"):
    """The voted model is made without these groups: their sums are none of honest updates."""

    groups: tuple[int, ...]
