"""The graph of a study's masks, as it is registered."""

from __future__ import annotations

from collegium.mechanisms.secagg_plus.terms import GraphTerms
from collegium.study.document import Study
from collegium.study.sum_terms import EvaluationLayout
from collegium.study.terms import graph_of, with_graph


def uses(study: Study, evaluation: EvaluationLayout | None) -> bool:
    """Return whether members mask with neighbours that are drawn."""
    return with_graph(study)


def terms(study: Study, sites: int, evaluation: EvaluationLayout | None) -> GraphTerms | None:
    """Return how many neighbours a member has."""
    graph = graph_of(study, sites)
    return None if graph is None else GraphTerms(degree=graph.degree)
