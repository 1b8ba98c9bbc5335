"""Whether a study's secure aggregation can work: its rule, its threshold, its number of sites."""

from __future__ import annotations

from collegium.study.document import SecureAggregation, Study
from collegium.study.english import Value
from collegium.study.graph_size import (
    MOST_SHARES,
    SECRECY,
    graph_size,
    least_threshold,
    secrecy_bits,
)
from collegium.study.groups import check_groups
from collegium.study.notice import Notice
from collegium.study.refusal import Refusal
from collegium.study.terms import (
    FEWEST_HIDDEN,
    encrypts,
    expected_faults,
    fewest_updates,
    graph_of,
    holders,
    share_threshold,
    sites_per_round,
)

LARGEST_ENCRYPTED = 64
"""Sites of a round that can encrypt: the modulus has room for the noise of so many."""

_PLACE = ("privacy", "secure_aggregation")


def check_rule_of_sums(study: Study) -> None:
    """Refuse a rule that needs to see single updates where only their sum is seen.

    Raises:
        Refusal: the rule is no mean.
    """
    rule, secure = study.aggregation.rule, study.privacy.secure_aggregation
    if secure is not None and secure.groups is None and rule != "fedavg":
        raise Refusal(
            ("aggregation", "rule"), "study.combination",
            f"{_called(study)} not go with the rule {rule!r}",
            "the rule compares or weighs single updates, and nobody sees more than their sum",
            'set aggregation.rule = "fedavg", or privacy.secure_aggregation.groups, for the rule to'
            " reduce the means of groups",
        )  # fmt: skip


def _called(study: Study) -> str:
    return "encrypted updates do" if encrypts(study) else "secure aggregation does"


def check_circle(study: Study, sites: int) -> None:
    """Refuse a threshold or a number of sites with which secrets cannot be shared safely.

    Args:
        study: the document.
        sites: how many sites there are.

    Raises:
        Refusal: with the nearest threshold or number that can be chosen.
    """
    secure = study.privacy.secure_aggregation
    if secure is None:
        return
    check_groups(study, sites)
    drawn, threshold = sites_per_round(study, sites), share_threshold(study, sites)
    if drawn < FEWEST_HIDDEN:
        raise Refusal(
            _PLACE, "study.circle", f"{drawn} sites of a round would hide in their sum",
            "of a sum of two updates, each of the two knows the other's",
            f"let at least {FEWEST_HIDDEN} sites take part in a round, or remove it",
        )  # fmt: skip
    graph = graph_of(study, sites)
    if graph is None:
        _check_no_graph(secure)
    else:
        _check_degree(graph.degree, drawn)
    among = drawn if graph is None else holders(graph.degree, drawn)
    if among > MOST_SHARES:
        raise Refusal(
            _PLACE, "study.circle", f"{among} members of a round would share every secret",
            f"each posts a share for every other, and a transaction has room for {MOST_SHARES}",
            "choose a lower training.client_fraction" if graph is not None
            else 'choose protocol = "secagg_plus", or a lower training.client_fraction',
        )  # fmt: skip
    if encrypts(study) and drawn > LARGEST_ENCRYPTED:
        raise Refusal(
            _PLACE, "study.circle", f"{drawn} sites of a round would encrypt",
            f"sums of ciphertexts have room for the noise of {LARGEST_ENCRYPTED}, and each site"
            " deals its key to all others",
            'choose a lower training.client_fraction, or protocol = "secagg"',
        )  # fmt: skip
    if secure.groups is not None:
        return
    least = least_threshold(secure.trust, among)
    share = "two thirds" if secure.trust == "malicious" else "half"
    whose = f"{drawn} sites of a round" if graph is None else f"the {among} neighbours of a site"
    if not least <= threshold <= among:
        raise Refusal(
            (*_PLACE, "threshold"), "study.threshold",
            f"a threshold of {threshold} for {whose}",
            f"against {secure.trust.replace('_', ' ')} members it is more than {share} of them,"
            " and no more than there are",
            f"choose {min(max(threshold, least), among)}",
        )  # fmt: skip
    fewest = fewest_updates(study, sites)
    if fewest < FEWEST_HIDDEN:
        raise Refusal(
            ("study", "min_sites"), "study.circle", f"a sum of {fewest} updates would be opened",
            "each of two members would know the other's update",
            f"set study.min_sites = {FEWEST_HIDDEN}",
        )  # fmt: skip


def about_graph(study: Study, sites: int) -> tuple[Notice, ...]:
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
