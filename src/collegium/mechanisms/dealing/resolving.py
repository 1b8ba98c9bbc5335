"""What a vote tells of hidden updates: how many are saturated, and small."""

from __future__ import annotations

from collegium.mechanisms.dealing.terms import MECHANISM, Indicators
from collegium.resolving.seam import Found, Resolving


def _tells(found: Found) -> Indicators | None:
    if found.summed is None:
        return None
    return Indicators(saturated=found.summed.saturated, small=found.summed.small)


RESOLVING = Resolving(MECHANISM, tells=_tells)
