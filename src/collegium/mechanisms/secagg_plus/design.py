"""The graph of a study's masks: what is registered, refused and warned of."""

from __future__ import annotations

from collegium.mechanisms.secagg_plus.terms import GraphTerms
from collegium.study.design import Design, Facts
from collegium.study.document import SecureAggregation, Study
from collegium.study.english import Value
from collegium.study.graph_size import MOST_SHARES, SECRECY, graph_size, secrecy_bits
from collegium.study.limit import Limit
from collegium.study.message import Outbound, Recipients
from collegium.study.notice import Notice
from collegium.study.outbound_masked import masked_update, shared_secrets
from collegium.study.refusal import Refusal
from collegium.study.secagg_checks import PLACE
from collegium.study.terms import expected_faults, graph_of, sites_per_round, with_graph


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
        return (Notice("note", "study.complete-graph", {"drawn": drawn}),)
    people = expected_faults(secure, drawn)
    bits = secrecy_bits(people, graph.degree, graph.threshold)
    told: dict[str, Value] = {
        "degree": graph.degree,
        "others": drawn - 1,
        "threshold": graph.threshold,
    }
    if bits is None or bits >= SECRECY:
        return (Notice("note", "study.graph", told),)
    best = graph_size(people, secure.trust)
    told |= {
        "case": "chance" if bits else "nothing", "bits": bits, "corrupt": people.corrupt,
        "drawn": drawn, "safe_degree": best.degree, "safe_threshold": best.threshold,
        "safe_bits": SECRECY,
    }  # fmt: skip
    return (Notice("warning", "study.weak-graph", told),)


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
                (*PLACE, key), "study.combination",
                f"{key} does not go with protocol = {secure.protocol!r}",
                "there everybody shares secrets with everybody, and no neighbours are drawn",
                f'choose protocol = "secagg_plus", or remove {key}',
            )  # fmt: skip


def _check_degree(degree: int, drawn: int) -> None:
    if degree % 2:
        raise Refusal(
            (*PLACE, "degree"), "study.circle", f"a degree of {degree}",
            "neighbours are drawn in pairs, one on each side of a ring",
            f"choose {min(degree + 1, MOST_SHARES)}",
        )  # fmt: skip
    if degree > drawn:
        raise Refusal(
            (*PLACE, "degree"), "study.circle",
            f"a degree of {degree} among {drawn} sites of a round",
            "nobody has more neighbours than there are others",
            f"choose {max(2, (drawn - 1) // 2 * 2)}, or protocol = \"secagg\"",
        )  # fmt: skip


def _update(study: Study, ways: Recipients, message: Outbound, count: str, leak: str) -> Outbound:
    return masked_update(study, message, ways, "Bell et al. 2020", count, leak)


def _messages(study: Study, ways: Recipients, sender: str) -> tuple[Outbound, ...]:
    return shared_secrets(ways, "every neighbour of the site in the attempt's graph", "neighbour")


DESIGN = Design(
    _uses,
    _terms,
    messages=_messages,
    update=_update,
    check_sites=_check_sites,
    notices=_notices,
    limits=(
        Limit((*PLACE, "degree"), 2, 250),
        Limit((*PLACE, "corrupt"), 0, 0.5, open_high=True),
        Limit((*PLACE, "missing"), 0, 0.5, open_high=True),
    ),
    about="secure aggregation for many sites: each masks with a few randomly drawn neighbours",
)
