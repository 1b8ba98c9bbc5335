"""What a study's document says of differential privacy, as it is registered."""

from __future__ import annotations

from collegium.accounting.terms import PrivacyTerms
from collegium.study.design import Design, Facts
from collegium.study.document import Study
from collegium.study.privacy import privacy_terms


def _uses(study: Study, facts: Facts) -> bool:
    """Return whether there is any."""
    return study.privacy.differential_privacy is not None


def _terms(study: Study, sites: int, facts: Facts) -> PrivacyTerms | None:
    """Return charges and budget."""
    return privacy_terms(study)


DESIGN = Design(_uses, _terms)
