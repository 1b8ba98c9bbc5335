"""What a vote tells of groups: which ones the model is made without."""

from __future__ import annotations

from collegium.mechanisms.groups.terms import MECHANISM, Without
from collegium.resolving.seam import Found, Resolving


def _tells(found: Found) -> Without | None:
    refused = () if found.summed is None else tuple(sorted(found.summed.refused))
    return Without(groups=refused) if refused else None


RESOLVING = Resolving(MECHANISM, tells=_tells)
