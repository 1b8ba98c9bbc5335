"""Whether a study's secure aggregation can work: its rule, its threshold, its number of sites."""

from __future__ import annotations

from collegium.study.design import hiding_design
from collegium.study.document import Study
from collegium.study.graph_size import (
    MOST_SHARES,
    least_threshold,
)
from collegium.study.refusal import Refusal
from collegium.study.terms import (
    FEWEST_HIDDEN,
    fewest_updates,
    graph_of,
    holders,
    share_threshold,
    sites_per_round,
)

PLACE = ("privacy", "secure_aggregation")
"""The section of a document that asks for it."""


def check_rule_takes_sums(study: Study) -> None:
    """Refuse a rule that needs to see single updates where only their sum is seen.

    Raises:
        Refusal: the rule is no mean.
    """
    rule, secure = study.aggregation.rule, study.privacy.secure_aggregation
    if secure is not None and secure.groups is None and rule != "fedavg":
        raise Refusal(
            ("aggregation", "rule"), "study.combination",
            f"{_subject(study)} not go with the rule {rule!r}",
            "the rule compares or weighs single updates, and nobody sees more than their sum",
            'set aggregation.rule = "fedavg", or privacy.secure_aggregation.groups, for the rule to'
            " reduce the means of groups",
        )  # fmt: skip


def _subject(study: Study) -> str:
    design = hiding_design(study)
    return (design and design.subject) or "secure aggregation does"


def check_secagg(study: Study, sites: int) -> None:
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
    drawn, threshold = sites_per_round(study, sites), share_threshold(study, sites)
    if drawn < FEWEST_HIDDEN:
        raise Refusal(
            PLACE, "study.circle", f"{drawn} sites of a round would hide in their sum",
            "of a sum of two updates, each of the two knows the other's",
            f"let at least {FEWEST_HIDDEN} sites take part in a round, or remove it",
        )  # fmt: skip
    graph = graph_of(study, sites)
    among = drawn if graph is None else holders(graph.degree, drawn)
    if among > MOST_SHARES:
        raise Refusal(
            PLACE, "study.circle", f"{among} members of a round would share every secret",
            f"each posts a share for every other, and a transaction has room for {MOST_SHARES}",
            "choose a lower training.client_fraction" if graph is not None
            else 'choose protocol = "secagg_plus", or a lower training.client_fraction',
        )  # fmt: skip
    if secure.groups is not None:
        return
    least = least_threshold(secure.trust, among)
    share = "two thirds" if secure.trust == "malicious" else "half"
    whose = f"{drawn} sites of a round" if graph is None else f"the {among} neighbours of a site"
    if not least <= threshold <= among:
        raise Refusal(
            (*PLACE, "threshold"), "study.threshold",
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
