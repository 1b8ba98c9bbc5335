"""How many shares open a secret in a study, as it is registered."""

from __future__ import annotations

from collegium.mechanisms.dealing.terms import DealingTerms
from collegium.study.design import Design, Facts
from collegium.study.document import Study
from collegium.study.terms import share_threshold


def _uses(study: Study, facts: Facts) -> bool:
    """Return whether updates are hidden."""
    return study.privacy.secure_aggregation is not None


def _terms(study: Study, sites: int, facts: Facts) -> DealingTerms:
    """Return the threshold."""
    return DealingTerms(threshold=share_threshold(study, sites))


DESIGN = Design(_uses, _terms)
