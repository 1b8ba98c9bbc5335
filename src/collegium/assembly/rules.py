"""The rule that a study names: found, held against the study's numbers, and told of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from collegium.assembly.seam import every_fitting
from collegium.data.table import SiteRows
from collegium.errors import StudyError
from collegium.learning.aggregation.composition import Composition, rule_called, weighs
from collegium.learning.aggregation.robust import MAJORITY, Robust
from collegium.learning.aggregation.rule import Rule
from collegium.study.document import Study
from collegium.study.notice import Notice
from collegium.study.refusal import Refusal
from collegium.study.terms import group_count


def find_rule(study: Study) -> Rule:
    """Return a study's rule, composed as its name says.

    Raises:
        PluginError: a part of it is not installed.
        Refusal: ``rule.composition``, its parts do not go together.
    """
    try:
        return rule_called(study.aggregation.rule)
    except StudyError as error:
        raise _at("rule", error) from None


def check_rule(rule: Rule, study: Study, fewest: int, most: int) -> None:
    """Refuse numbers of updates and of bad ones that a rule cannot work with.

    Args:
        rule: the study's.
        study: says how many bad updates it must bear.
        fewest: updates of the smallest round.
        most: updates of the largest one.

    Raises:
        Refusal: the rule refuses them, with its own code and advice.
    """
    given = [found for one in every_fitting() if one.rule and (found := one.rule(rule, study))]
    for count in given[0] if given else (fewest, most):
        try:
            rule.check(count, study.aggregation.tolerate)
        except StudyError as error:
            within = _within_reach(rule, study.aggregation.tolerate, fewest, most)
            raise _at("tolerate", error, within) from None


def _within_reach(rule: Rule, tolerate: int, fewest: int, most: int) -> str:
    """Return what to do where only more updates than a round ever has would do, else nothing."""
    more = range(most + 1, most + 8 * tolerate + 8)
    if _bears(rule, most, tolerate) or not any(_bears(rule, count, tolerate) for count in more):
        return ""
    less = [bad for bad in range(tolerate) if _bears(rule, fewest, bad)]
    lower = f"set aggregation.tolerate to at most {less[-1]}, or " if less else ""
    other = ', such as "nnm+trimmed_mean"' if fewest >= MAJORITY.fewest(tolerate) else ""
    return f"{lower}choose another rule{other}: no round has more than {most} updates"


def _bears(rule: Rule, count: int, tolerate: int) -> bool:
    try:
        rule.check(count, tolerate)
    except StudyError:
        return False
    return True


def check_rows(study: Study, train: Mapping[str, SiteRows], validators: Sequence[str]) -> None:
    """Refuse training rows, by site, that are too few for what a study's mechanisms do with them.

    Raises:
        Refusal: they are.
    """
    for one in every_fitting():
        if one.rows is not None:
            one.rows(study, train, validators)


def about_rule(rule: Rule, study: Study) -> tuple[Notice, ...]:
    """Return what the owner should know of a rule that gives every update the same say."""
    last = rule.rule if isinstance(rule, Composition) else rule
    if weighs(rule):
        return ()
    notices: list[Notice] = []
    told = {"rule": study.aggregation.rule}
    if study.aggregation.weights == "rows" and not group_count(study):
        notices.append(Notice("note", "study.unweighted-rule", told))
    if isinstance(last, Robust) and study.aggregation.tolerate == 0:
        notices.append(Notice("note", "study.tolerates-none", told))
    return tuple(notices)


def _at(key: str, error: StudyError, todo: str = "") -> Refusal:
    return Refusal(("aggregation", key), error.code, error.what, error.why, todo or error.todo)
