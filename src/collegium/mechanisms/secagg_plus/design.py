"""The graph of a study's masks: what is registered, refused and warned of."""

from __future__ import annotations

from collegium.mechanisms.secagg_plus.terms import GraphTerms
from collegium.study.design import Design, Facts
from collegium.study.document import SecureAggregation, Study
from collegium.study.graph_size import MOST_SHARES, SECRECY, graph_size, secrecy_bits
from collegium.study.notice import Notice
from collegium.study.refusal import DocumentPath, Refusal
from collegium.study.terms import expected_faults, graph_of, sites_per_round, with_graph

_PLACE: DocumentPath = ("privacy", "secure_aggregation")


def _uses(study: Study, facts: Facts) -> bool:
    """Return whether members mask with neighbours that are drawn."""
    return with_graph(study)


def _terms(study: Study, sites: int, facts: Facts) -> GraphTerms | None:
    """Return how many neighbours a member has."""
    graph = graph_of(study, sites)
    return None if graph is None else GraphTerms(degree=graph.degree)


def _notices(study: Study, sites: int) -> tuple[Notice, ...]:
    """Return what the owner should know of the graph in which members mask."""
    secure, graph = study.privacy.secure_aggregation, graph_of(study, sites)
    if secure is None or graph is None:
        return ()
    drawn = sites_per_round(study, sites)
    if graph.degree >= drawn - 1:
        text = (
            f'with {drawn} sites in a round the graph is complete; protocol = "secagg" does the '
            "same"
        )
        return (Notice("note", "study.complete-graph", text),)
    people = expected_faults(secure, drawn)
    bits = secrecy_bits(people, graph.degree, graph.threshold)
    words = (
        f"with {graph.degree} neighbours of {drawn - 1}, {graph.threshold} of whom open a secret"
    )
    if bits is None or bits >= SECRECY:
        return (Notice("note", "study.graph", f"each site masks {words}"),)
    best = graph_size(people, secure.trust)
    chance = f"the probability is up to 2^-{bits}" if bits else "nothing rules out"
    text = (
        f"{words}. {chance} in each attempt that a coalition of {people.corrupt} of {drawn} "
        f"sites sees more than the sum. A degree of {best.degree} and a threshold of "
        f"{best.threshold} keep that probability below 2^-{SECRECY}"
    )
    return (Notice("warning", "study.weak-graph", text),)


def _check_sites(study: Study, sites: int) -> None:
    """Refuse a degree that no graph has, and terms of a graph where there is none."""
    secure, graph = study.privacy.secure_aggregation, graph_of(study, sites)
    if graph is not None:
        _check_degree(graph.degree, sites_per_round(study, sites))
    elif secure is not None:
        _check_no_graph(secure)


def _check_no_graph(secure: SecureAggregation) -> None:
    for key in ("degree", "corrupt", "missing"):
        if getattr(secure, key) is not None:
            raise Refusal(
                (*_PLACE, key), "study.combination",
                f"{key} does not go with protocol = {secure.protocol!r}",
                "there everybody shares secrets with everybody, and no neighbours are drawn",
                f'choose protocol = "secagg_plus", or remove {key}',
            )  # fmt: skip


def _check_degree(degree: int, drawn: int) -> None:
    if degree % 2:
        raise Refusal(
            (*_PLACE, "degree"), "study.circle", f"a degree of {degree}",
            "neighbours are drawn in pairs, one on each side of a ring",
            f"choose {min(degree + 1, MOST_SHARES)}",
        )  # fmt: skip
    if degree > drawn:
        raise Refusal(
            (*_PLACE, "degree"), "study.circle",
            f"a degree of {degree} among {drawn} sites of a round",
            "nobody has more neighbours than there are others",
            f"choose {max(2, (drawn - 1) // 2 * 2)}, or protocol = \"secagg\"",
        )  # fmt: skip


DESIGN = Design(
    _uses,
    _terms,
    check_sites=_check_sites,
    notices=_notices,
    about="secure aggregation for many sites: each masks with a few randomly drawn neighbours",
)
