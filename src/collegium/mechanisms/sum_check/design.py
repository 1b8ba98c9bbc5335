"""Whether a study's sums are checked against commitments, as it is registered."""

from __future__ import annotations

from collegium.mechanisms.sum_check.terms import SumCheckTerms
from collegium.study.document import Study
from collegium.study.sum_terms import EvaluationLayout
from collegium.study.terms import sum_check


def uses(study: Study, evaluation: EvaluationLayout | None) -> bool:
    """Return whether they are."""
    return sum_check(study) == "pedersen"


def terms(study: Study, sites: int, evaluation: EvaluationLayout | None) -> SumCheckTerms:
    """Return with which commitments."""
    return SumCheckTerms(by="pedersen")
