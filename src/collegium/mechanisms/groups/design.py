"""The groups in which a study's masked updates are summed, as they are registered."""

from __future__ import annotations

from collegium.mechanisms.groups.terms import GroupTerms
from collegium.study.document import Study
from collegium.study.sum_terms import EvaluationLayout
from collegium.study.terms import fewest_groups, group_count


def uses(study: Study, evaluation: EvaluationLayout | None) -> bool:
    """Return whether there are groups."""
    return group_count(study) > 0


def terms(study: Study, sites: int, evaluation: EvaluationLayout | None) -> GroupTerms:
    """Return how many groups there are, and how many a round needs."""
    return GroupTerms(count=group_count(study), fewest=fewest_groups(study))
