"""When a study's updates travel in this way."""

from __future__ import annotations

from collegium.study.document import Study
from collegium.study.sum_terms import EvaluationLayout


def uses(study: Study, evaluation: EvaluationLayout | None) -> bool:
    """Return whether the document names this protocol."""
    secure = study.privacy.secure_aggregation
    return secure is not None and secure.protocol == "threshold_he"
