"""The groups in which a study's masked updates are summed, as they are registered."""

from __future__ import annotations

from collegium.mechanisms.groups.checks import about_groups, check_groups
from collegium.mechanisms.groups.terms import GroupTerms
from collegium.study.design import Design, Facts
from collegium.study.document import Study
from collegium.study.message import EVERY_ROUND, LEDGER, Outbound, Recipients
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


DESIGN = Design(_uses, _terms, check_sites=check_groups, notices=about_groups, messages=_messages)
