"""How many shares open a secret in a study, as it is registered."""

from __future__ import annotations

from collegium.mechanisms.dealing.terms import DealingTerms
from collegium.study.document import Study
from collegium.study.sum_terms import EvaluationLayout
from collegium.study.terms import share_threshold


def uses(study: Study, evaluation: EvaluationLayout | None) -> bool:
    """Return whether updates are hidden."""
    return study.privacy.secure_aggregation is not None


def terms(study: Study, sites: int, evaluation: EvaluationLayout | None) -> DealingTerms:
    """Return the threshold."""
    return DealingTerms(threshold=share_threshold(study, sites))
