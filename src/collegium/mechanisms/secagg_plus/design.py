"""The graph of a study's masks, as it is registered."""

from __future__ import annotations

from collegium.mechanisms.secagg_plus.terms import GraphTerms
from collegium.study.design import Design, Facts
from collegium.study.document import Study
from collegium.study.terms import graph_of, with_graph


def _uses(study: Study, facts: Facts) -> bool:
    """Return whether members mask with neighbours that are drawn."""
    return with_graph(study)


def _terms(study: Study, sites: int, facts: Facts) -> GraphTerms | None:
    """Return how many neighbours a member has."""
    graph = graph_of(study, sites)
    return None if graph is None else GraphTerms(degree=graph.degree)


DESIGN = Design(_uses, _terms)
