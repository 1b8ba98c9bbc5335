"""What a study's largest share of the weight does to its sites, as far as their rows tell."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from collegium.learning.aggregation.composition import weighs
from collegium.learning.aggregation.rule import Rule
from collegium.learning.encoding import registered_weight
from collegium.ledger.contract.shares import FEWEST_BOUND, share_in_force, within_share
from collegium.ledger.genesis import CONTRACT_VERSION
from collegium.study.document import Study
from collegium.study.notice import Notice
from collegium.study.terms import group_count, largest_share


def about_share(rule: Rule, study: Study, rows: Mapping[str, int]) -> tuple[Notice, ...]:
    """Return whose weight the largest share lowers where all take part, or what else it does.

    Args:
        rule: the study's.
        study: the document.
        rows: training rows by site, of which weights are made.
    """
    given, by_rows = study.aggregation.largest_share, study.aggregation.weights == "rows"
    told: dict[str, str | int | float | tuple[str, ...]] = {"rule": study.aggregation.rule}
    if not group_count(study) and not weighs(rule):
        if given is None:
            return ()
        return (Notice("note", "study.largest-share", {"case": "unweighted", **told}),)
    weights = {name: registered_weight(count) if by_rows else 1 for name, count in rows.items()}
    share = share_in_force(largest_share(study) or msgspec.UNSET, CONTRACT_VERSION)
    bound = within_share(weights, share)
    lowered = tuple(name for name in weights if bound[name] < weights[name])
    if len(weights) < FEWEST_BOUND and given is None:
        return ()
    told |= {"share": share / 1000, "names": lowered, "weight": max(bound.values())}
    case = "lowered" if lowered else "within"
    return (Notice("note", "study.largest-share", {"case": case, **told}),)
