"""Whether a rule can work on the means of as many groups as a study's rounds have."""

from __future__ import annotations

from collegium.assembly.seam import Fitting
from collegium.errors import StudyError
from collegium.learning.aggregation.rule import Rule
from collegium.study.document import Study
from collegium.study.refusal import Refusal
from collegium.study.secagg_checks import PLACE
from collegium.study.terms import fewest_groups, group_count


def _rule(rule: Rule, study: Study) -> tuple[int, int] | None:
    """Refuse fewer groups than the rule needs, and a rule that needs more than groups' means.

    Raises:
        Refusal: with the rule's own code, or the number of groups that a round needs.
    """
    groups, tolerate = group_count(study), study.aggregation.tolerate
    if not groups:
        return None
    if rule.kind != "recomputed":
        raise Refusal(
            ("aggregation", "rule"), "study.combination",
            f"{study.aggregation.rule} does not go with groups",
            "it needs scores of single updates, and nobody sees one",
            'choose a rule that compares updates, such as "nnm+trimmed_mean"',
        )  # fmt: skip
    fewest = fewest_groups(study)
    enough = [count for count in range(fewest, groups + 1) if _bears(rule, count, tolerate)]
    if not enough:
        try:
            rule.check(groups, tolerate)
        except StudyError as error:
            raise Refusal(
                (*PLACE, "groups"), error.code, f"{error.what}, here groups",
                f"{error.why}: the rule reduces the means of groups",
                "let there be more groups, lower aggregation.tolerate, or choose another rule, such"
                ' as "trimmed_mean"',
            ) from None  # fmt: skip
    if enough[0] != fewest:
        raise Refusal(
            (*PLACE, "fewest_groups"), "study.groups",
            f"a round may go on with {fewest} groups, and {study.aggregation.rule} needs"
            f" {enough[0]} to bear {tolerate} bad ones",
            "a group that too few of its sites stay with is left out of a round",
            f"set privacy.secure_aggregation.fewest_groups = {enough[0]}",
        )  # fmt: skip
    return fewest, groups


def _bears(rule: Rule, count: int, tolerate: int) -> bool:
    """Return whether a rule can bear so many bad ones of as many."""
    try:
        rule.check(count, tolerate)
    except StudyError:
        return False
    return True


FITTING = Fitting(rule=_rule)
