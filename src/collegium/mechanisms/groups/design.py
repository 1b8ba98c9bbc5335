"""The groups in which a study's masked updates are summed, as they are registered."""

from __future__ import annotations

from collegium.mechanisms.groups.terms import GroupTerms
from collegium.study.design import Design, Facts
from collegium.study.document import Study
from collegium.study.terms import fewest_groups, group_count


def _uses(study: Study, facts: Facts) -> bool:
    """Return whether there are groups."""
    return group_count(study) > 0


def _terms(study: Study, sites: int, facts: Facts) -> GroupTerms:
    """Return how many groups there are, and how many a round needs."""
    return GroupTerms(count=group_count(study), fewest=fewest_groups(study))


DESIGN = Design(_uses, _terms)
