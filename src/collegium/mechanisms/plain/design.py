"""When a study's updates are plain."""

from __future__ import annotations

from collegium.study.document import Study
from collegium.study.sum_terms import EvaluationLayout


def uses(study: Study, evaluation: EvaluationLayout | None) -> bool:
    """Return whether nothing hides a study's updates."""
    return study.privacy.secure_aggregation is None
