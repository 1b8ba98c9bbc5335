"""What a study's document says of scores, as it is registered."""

from __future__ import annotations

from collegium.study.document import Study
from collegium.study.score_terms import ScoreTerms
from collegium.study.scored import score_terms
from collegium.study.sum_terms import EvaluationLayout


def uses(study: Study, evaluation: EvaluationLayout | None) -> bool:
    """Return whether validators score updates."""
    return study.aggregation.scores is not None


def terms(study: Study, sites: int, evaluation: EvaluationLayout | None) -> ScoreTerms | None:
    """Return what follows from scores."""
    found = score_terms(study)
    return found if isinstance(found, ScoreTerms) else None
