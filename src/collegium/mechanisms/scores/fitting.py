"""Whether a rule takes scores, and whether validators have rows to make some of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from collegium.assembly.seam import Fitting
from collegium.data.split import split
from collegium.data.table import SiteRows
from collegium.errors import DataError
from collegium.learning.aggregation.composition import Composition
from collegium.learning.aggregation.given_scores import GivenScores
from collegium.learning.aggregation.rule import Rule
from collegium.mechanisms.scores.design import PLACE
from collegium.study.document import Study
from collegium.study.refusal import Refusal, contradiction


def _rule(rule: Rule, study: Study) -> tuple[int, int] | None:
    """Refuse a rule without the scores that it needs, and scores that it does not need."""
    last = rule.rule if isinstance(rule, Composition) else rule
    scores, name = study.aggregation.scores, study.aggregation.rule
    if last.kind != "given_scores":
        if scores is not None:
            raise contradiction(
                PLACE, f"the rule {name} has no use for scores",
                "validators would say something of patients' rows for nothing",
                "remove aggregation.scores, or choose a rule that is given scores",
            )  # fmt: skip
        return None
    by = last.by if isinstance(last, GivenScores) else "loss"
    if scores is None:
        asked = "{}" if by == "loss" else '{ by = "direction" }'
        raise contradiction(
            ("aggregation", "rule"), f"the rule {name} needs validators' scores",
            "it does not look at updates alone", f"set aggregation.scores = {asked}",
        )  # fmt: skip
    if isinstance(last, GivenScores) and scores.by != by:
        raise contradiction(
            (*PLACE, "by"), f"{name} does not work with scores by {scores.by}",
            f"it needs scores by {by}", f"set by = {by!r}",
        )  # fmt: skip
    if scores.demote and scores.demotion == "weight" and not getattr(last, "weighs", True):
        raise contradiction(
            (*PLACE, "demotion"), f"half a weight is no demotion under {name}",
            "it gives every update that it keeps the same say, whatever its weight",
            "set demotion = 'scoring', or choose committee_median or reputation_weighted",
        )  # fmt: skip
    return None


def _rows(study: Study, train: Mapping[str, SiteRows], validators: Sequence[str]) -> None:
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
                (*PLACE, "root"), "study.combination",
                f"{name} cannot keep {scores.root:g} of its training persons apart",
                f"it has {len(set(train[name].person.tolist()))}, and would train on none"
                f" (validators have {min(least)} to {max(least)})",
                "choose a lower root, or let only the first sites validate (consensus.validators)",
            ) from None  # fmt: skip


FITTING = Fitting(_rule, _rows)
