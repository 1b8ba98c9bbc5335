"""What a vote tells of a clip that follows the updates."""

from __future__ import annotations

from collegium.learning.aggregation.adaptive_clip import followed, within
from collegium.mechanisms.privacy.terms import MECHANISM, Within
from collegium.resolving.seam import Found, Resolving


def _tells(found: Found) -> Within | None:
    if found.summed is not None:
        return None if found.summed.within is None else Within(within=found.summed.within)
    return Within(within=within(found.updates)) if followed(found.model.tensors) else None


RESOLVING = Resolving(MECHANISM, tells=_tells)
