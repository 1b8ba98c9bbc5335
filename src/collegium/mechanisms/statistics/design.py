"""In how many steps a study's sites agree on their tables, as it is registered."""

from __future__ import annotations

from collegium.mechanisms.statistics.terms import StatisticsTerms
from collegium.study.document import Study
from collegium.study.sum_terms import EvaluationLayout
from collegium.study.terms import STATISTICS_STEPS, statistics_steps


def uses(study: Study, evaluation: EvaluationLayout | None) -> bool:
    """Return whether its rows are in tables of the sites' own."""
    return isinstance(statistics_steps(study), int)


def terms(study: Study, sites: int, evaluation: EvaluationLayout | None) -> StatisticsTerms:
    """Return the number of steps."""
    return StatisticsTerms(steps=STATISTICS_STEPS)
