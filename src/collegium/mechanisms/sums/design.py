"""Which statistics of a study are known of all sites together alone, as it is registered."""

from __future__ import annotations

from collegium.study.document import Study
from collegium.study.sum_terms import EvaluationLayout, SumTerms
from collegium.study.terms import sum_terms


def uses(study: Study, evaluation: EvaluationLayout | None) -> bool:
    """Return whether there are such statistics."""
    return isinstance(sum_terms(study, 3, evaluation), SumTerms)


def terms(study: Study, sites: int, evaluation: EvaluationLayout | None) -> SumTerms | None:
    """Return what they are, and how they are hidden."""
    found = sum_terms(study, sites, evaluation)
    return found if isinstance(found, SumTerms) else None
