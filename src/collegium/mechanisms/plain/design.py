"""When a study's updates are plain."""

from __future__ import annotations

from collegium.study.design import Design, Facts
from collegium.study.document import Study


def _uses(study: Study, facts: Facts) -> bool:
    """Return whether nothing hides a study's updates."""
    return study.privacy.secure_aggregation is None


DESIGN = Design(_uses)
