"""The rule that a study names: found, held against the study's numbers, and told of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

from collegium.assembly.group_rules import check_groups
from collegium.data.split import split
from collegium.data.table import SiteRows
from collegium.errors import DataError, StudyError
from collegium.learning.aggregation.composition import Composition, rule_called, weighs
from collegium.learning.aggregation.given_scores import GivenScores
from collegium.learning.aggregation.robust import Robust
from collegium.learning.aggregation.rule import Rule
from collegium.study.document import Study
from collegium.study.notice import Notice
from collegium.study.refusal import DocumentPath, Refusal, contradiction
from collegium.study.searching import held_out, held_out_by
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
    grouped = group_count(study)
    if grouped:
        check_groups(rule, study, grouped)
        return
    _check_scores(rule, study)
    for count in (fewest, most):
        try:
            rule.check(count, study.aggregation.tolerate)
        except StudyError as error:
            raise _at("tolerate", error) from None


def _check_scores(rule: Rule, study: Study) -> None:
    """Refuse a rule without the scores that it needs, and scores that it does not need."""
    last = rule.rule if isinstance(rule, Composition) else rule
    scores, name = study.aggregation.scores, study.aggregation.rule
    if last.kind != "given_scores":
        if scores is not None:
            raise contradiction(
                ("aggregation", "scores"), f"the rule {name} has no use for scores",
                "validators would say something of patients' rows for nothing",
                "remove aggregation.scores, or choose a rule that is given scores",
            )  # fmt: skip
        return
    by = last.by if isinstance(last, GivenScores) else "loss"
    if scores is None:
        asked = "{}" if by == "loss" else '{ by = "direction" }'
        raise contradiction(
            ("aggregation", "rule"), f"the rule {name} needs validators' scores",
            "it does not look at updates alone", f"set aggregation.scores = {asked}",
        )  # fmt: skip
    if isinstance(last, GivenScores) and scores.by != by:
        raise contradiction(
            ("aggregation", "scores", "by"), f"{name} does not work with scores by {scores.by}",
            f"it needs scores by {by}", f"set by = {by!r}",
        )  # fmt: skip
    if scores.demote and scores.demotion == "weight" and not getattr(last, "weighs", True):
        raise contradiction(
            ("aggregation", "scores", "demotion"), f"half a weight is no demotion under {name}",
            "it gives every update that it keeps the same say, whatever its weight",
            "set demotion = 'scoring', or choose committee_median or reputation_weighted",
        )  # fmt: skip


def check_roots(study: Study, train: Mapping[str, SiteRows], validators: Sequence[str]) -> None:
    """Refuse a validator that has too few persons to keep some apart for its scores.

    Raises:
        Refusal: it could not train on any.
    """
    scores = study.aggregation.scores
    if scores is None:
        return
    for name in validators:
        try:
            split(train[name], scores.root, study.study.seed)
        except DataError:
            least = [len(set(train[one].person.tolist())) for one in validators]
            raise Refusal(
                ("aggregation", "scores", "root"), "study.combination",
                f"{name} cannot keep {scores.root:g} of its training persons apart",
                f"it has {len(set(train[name].person.tolist()))}, and would train on none"
                f" (validators have {min(least)} to {max(least)})",
                "choose a lower root, or let only the first sites validate (consensus.validators)",
            ) from None  # fmt: skip


def check_held_out(study: Study, train: Mapping[str, SiteRows]) -> None:
    """Refuse a choice among models where no site has rows to hold out for it.

    Raises:
        Refusal: nobody would tell a loss.
    """
    part = held_out(study)
    if part is None:
        return
    for rows in train.values():
        with suppress(DataError):
            split(rows, part, study.study.seed, held_out_by(study))
            return
    path: DocumentPath = ("search", "validation")
    if study.search is None:
        path = ("training", "early_stopping", "validation")
    raise Refusal(
        path, "study.combination", f"no site can hold {part:g} of its training part out",
        "each site has too few persons, and would train on none",
        'cut the rows by time (data.split.by = "time"), or partition them otherwise',
    )  # fmt: skip


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


def _at(key: str, error: StudyError) -> Refusal:
    return Refusal(("aggregation", key), error.code, error.what, error.why, error.todo)
