"""The groups in which a study's masked updates are summed, as they are registered."""

from __future__ import annotations

from collegium.mechanisms.groups.checks import about_groups, check_groups
from collegium.mechanisms.groups.terms import GroupTerms
from collegium.study.compression import require_whole
from collegium.study.design import Design, Facts
from collegium.study.document import Study
from collegium.study.limit import Limit
from collegium.study.message import EVERY_ROUND, LEDGER, Outbound, Recipients
from collegium.study.secagg_checks import PLACE
from collegium.study.terms import fewest_groups, group_count


def _uses(study: Study, facts: Facts) -> bool:
    """Return whether there are groups."""
    return group_count(study) > 0


def _terms(study: Study, sites: int, facts: Facts) -> GroupTerms:
    """Return how many groups there are, and how many a round needs."""
    return GroupTerms(count=group_count(study), fewest=fewest_groups(study))


def _messages(study: Study, ways: Recipients, sender: str) -> tuple[Outbound, ...]:
    return (
        Outbound(
            "commitment to keys",
            f"a hash of the two public keys that follow{EVERY_ROUND} and each attempt: groups are"
            " drawn from everybody's keys",
            ways.everybody, ways.signed, LEDGER,
            from_rows=False,
            transactions=("sa.bind",),
        ),
    )  # fmt: skip


def _check(study: Study) -> None:
    secure = study.privacy.secure_aggregation
    if secure is not None and secure.groups is not None:
        require_whole(
            study, (*PLACE, "groups"), "sums by groups",
            "a rule compares the groups' means, and where most coordinates are not sent, distances"
            " tell little",
        )  # fmt: skip
    if secure is not None and secure.norm_bound is not None:
        require_whole(
            study, (*PLACE, "norm_bound"), "a bound on an update's length",
            "the length is that of the whole update",
        )  # fmt: skip


DESIGN = Design(
    _uses,
    _terms,
    check=_check,
    check_sites=check_groups,
    notices=about_groups,
    messages=_messages,
    limits=(
        Limit((*PLACE, "groups"), 2, 100_000),
        Limit((*PLACE, "fewest_groups"), 1, 100_000),
        Limit((*PLACE, "norm_bound"), 0, 1_000_000, open_low=True),
    ),
)
