"""Who is in which group of an attempt, and what a vote tells: which the model is made without."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from collegium.ledger.contract.context import RoundAt
from collegium.mechanisms.groups.terms import MECHANISM, Without
from collegium.resolving.seam import Found, Resolving


def _fixes(at: RoundAt, participants: tuple[str, ...]) -> Mapping[str, Any]:
    return {"groups": {name: int(number) for name, number in at.items("groups")}}


def _tells(found: Found) -> Without | None:
    refused = () if found.summed is None else tuple(sorted(found.summed.refused))
    return Without(groups=refused) if refused else None


RESOLVING = Resolving(MECHANISM, fixes=_fixes, tells=_tells)
