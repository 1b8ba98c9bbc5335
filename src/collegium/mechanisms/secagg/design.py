"""When a study's updates travel in this way."""

from __future__ import annotations

from collegium.study.design import Design, Facts
from collegium.study.document import Study


def _uses(study: Study, facts: Facts) -> bool:
    """Return whether the document names this protocol."""
    secure = study.privacy.secure_aggregation
    return secure is not None and secure.protocol == "secagg"


DESIGN = Design(
    _uses,
    about="secure aggregation: only the sum of the updates is visible, also after dropouts",
)
