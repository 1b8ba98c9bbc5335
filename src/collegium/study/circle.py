"""Whether a study's secure aggregation can work: its rule, its threshold, its number of sites."""

from __future__ import annotations

from collegium.study.document import Study
from collegium.study.refusal import Refusal
from collegium.study.terms import fewest_updates, least_threshold, share_threshold, sites_per_round

LARGEST_CIRCLE = 250
"""Sites of a round that can share secrets: a share of each has to fit into one transaction."""

FEWEST_HIDDEN = 3
"""Updates that a sum must hold: of a sum of two, each member knows the other's update."""

_PLACE = ("privacy", "secure_aggregation")


def check_rule_of_sums(study: Study) -> None:
    """Refuse a rule that needs to see single updates where only their sum is seen.

    Raises:
        Refusal: the rule is no mean.
    """
    rule = study.aggregation.rule
    if study.privacy.secure_aggregation is not None and rule != "fedavg":
        raise Refusal(
            ("aggregation", "rule"), "study.combination",
            f"secure aggregation does not go with the rule {rule!r}",
            "the rule compares or weighs single updates, and nobody sees more than their sum",
            'set aggregation.rule = "fedavg", or remove privacy.secure_aggregation',
        )  # fmt: skip


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
    drawn, threshold = sites_per_round(study, sites), share_threshold(study, sites)
    if drawn > LARGEST_CIRCLE:
        raise Refusal(
            _PLACE, "study.circle", f"{drawn} sites of a round would share secrets",
            f"each posts a share for every other, and a transaction has room for {LARGEST_CIRCLE}",
            "choose a lower training.client_fraction",
        )  # fmt: skip
    if drawn < FEWEST_HIDDEN:
        raise Refusal(
            _PLACE, "study.circle", f"{drawn} sites of a round would hide in their sum",
            "of a sum of two updates, each of the two knows the other's",
            f"let at least {FEWEST_HIDDEN} sites take part in a round, or remove it",
        )  # fmt: skip
    least = least_threshold(secure.trust, drawn)
    share = "two thirds" if secure.trust == "malicious" else "half"
    if not least <= threshold <= drawn:
        raise Refusal(
            (*_PLACE, "threshold"), "study.threshold",
            f"a threshold of {threshold} for {drawn} sites of a round",
            f"against {secure.trust.replace('_', ' ')} members it is more than {share} of them,"
            " and no more than there are",
            f"choose {min(max(threshold, least), drawn)}",
        )  # fmt: skip
    fewest = fewest_updates(study, sites)
    if fewest < FEWEST_HIDDEN:
        raise Refusal(
            ("study", "min_sites"), "study.circle", f"a sum of {fewest} updates would be opened",
            "each of two members would know the other's update",
            f"set study.min_sites = {FEWEST_HIDDEN}",
        )  # fmt: skip
