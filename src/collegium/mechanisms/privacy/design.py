"""What a study's document says of differential privacy, as it is registered."""

from __future__ import annotations

from collegium.accounting.terms import PrivacyTerms
from collegium.study.document import Study
from collegium.study.privacy import privacy_terms
from collegium.study.sum_terms import EvaluationLayout


def uses(study: Study, evaluation: EvaluationLayout | None) -> bool:
    """Return whether there is any."""
    return study.privacy.differential_privacy is not None


def terms(study: Study, sites: int, evaluation: EvaluationLayout | None) -> PrivacyTerms | None:
    """Return charges and budget."""
    return privacy_terms(study)
