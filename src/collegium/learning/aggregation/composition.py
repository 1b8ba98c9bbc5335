"""Rules by name: one rule, or pre-aggregations before it, as in ``arc+nnm+trimmed_mean``.

A recorded name says each part's version by one digit, in order: ``nnm+trimmed_mean@11`` is
``nnm@1`` before ``trimmed_mean@1``. So a part may get a new version without a doubt about what
an old record means.
"""

from __future__ import annotations

from dataclasses import dataclass

from collegium.errors import PluginError, StudyError
from collegium.learning.aggregation.foolsgold import FoolsGold
from collegium.learning.aggregation.robust import Robust
from collegium.learning.aggregation.rows import PreAggregation, RowRule, UpdateRows, rows_of
from collegium.learning.aggregation.rule import Aggregate, Kind, Rule
from collegium.learning.aggregation.updates import Updates
from collegium.plugins import find, find_versioned, names

MOST_PARTS = 4
"""Parts of a composition: a recorded version has four digits."""

LONGEST_NAME = 50
"""Characters of a rule's name that a registration has room for."""

_CLIPPING = {"arc", "norm_clipping"}


@dataclass(frozen=True, slots=True)
class Composition:
    """Pre-aggregations, then a rule."""

    name: str
    before: tuple[PreAggregation, ...]
    rule: RowRule

    @property
    def kind(self) -> Kind:
        """The rule's kind: what stands before it is recomputed like it."""
        return self.rule.kind

    def check(self, participants: int, tolerate: int) -> None:
        """Refuse numbers with which one of the parts has no meaning."""
        for part in self.before:
            part.check(participants, tolerate)
        rows = participants
        for part in self.before:
            rows = part.rows_after(rows, tolerate, self.rule.fewest(tolerate))
        self.rule.check(rows, tolerate)

    def fewest(self, tolerate: int) -> int:
        """Return how many updates it needs: pre-aggregations never make more of them."""
        return self.rule.fewest(tolerate)

    def aggregate(self, updates: Updates, tolerate: int) -> Aggregate:
        """Return the aggregate of recorded updates."""
        return self.reduce(rows_of(updates), tolerate)

    def reduce(self, rows: UpdateRows, tolerate: int) -> Aggregate:
        """Return the aggregate of rows."""
        for part in self.before:
            rows = part.apply(rows, tolerate, self.rule.fewest(tolerate))
        return self.rule.reduce(rows, tolerate)


def rule_called(name: str) -> Rule:
    """Return the rule that a study document's ``aggregation.rule`` names, as it is now.

    Raises:
        PluginError: one of its parts is not installed.
        StudyError: ``rule.composition``, its parts do not go together.
    """
    if _is_single(name):
        single: Rule = find("rules", name)
        return single
    *before, last = name.split("+")
    return _composed(name, [find("pre_aggregations", one) for one in before], find("rules", last))


def rule_recorded(versioned: str) -> Rule:
    """Return the rule that a ledger names, such as ``krum@1`` or ``nnm+trimmed_mean@11``.

    Raises:
        PluginError: one of its parts is not installed, or only in another version.
    """
    name, _, version = versioned.partition("@")
    if _is_single(name):
        single: Rule = find_versioned("rules", versioned)
        return single
    *before, last = name.split("+")
    if len(version) != len(before) + 1:
        raise PluginError(
            "plugin.unknown", f"there is no rule {versioned!r}",
            f"its version tells {len(version)} parts, and it has {len(before) + 1}",
            "take the name from the ledger as it is",
        )  # fmt: skip
    parts = [
        find_versioned("pre_aggregations", f"{one}@{digit}")
        for one, digit in zip(before, version, strict=False)
    ]
    return _composed(name, parts, find_versioned("rules", f"{last}@{version[-1]}"))


def weighs(rule: Rule) -> bool:
    """Return whether a rule gives updates another say by their weights."""
    last = rule.rule if isinstance(rule, Composition) else rule
    return not isinstance(last, Robust | FoolsGold) and bool(getattr(last, "weighs", True))


def _is_single(name: str) -> bool:
    return "+" not in name or name in names("rules")


def _composed(name: str, before: list[PreAggregation], rule: Rule) -> Composition:
    bare = name.split("+")
    version = "".join(one.partition("@")[2] for one in (*(part.name for part in before), rule.name))
    if not isinstance(rule, RowRule):
        raise _mismatch(name, f"{bare[-1]} takes updates as they were recorded", f"use {bare[-1]}")
    if rule.kind == "given_scores" and not _CLIPPING.issuperset(bare[:-1]):
        raise _mismatch(
            name, "validators score updates, and what stands before it mixes them",
            f"use {bare[-1]}, or norm_clipping+{bare[-1]}",
        )  # fmt: skip
    if len(set(bare)) < len(bare):
        raise _mismatch(name, "one part stands twice", "name each part once")
    if len(_CLIPPING.intersection(bare)) > 1:
        raise _mismatch(name, "both clip norms", "leave arc or norm_clipping out")
    if len(bare) > MOST_PARTS or len(version) != len(bare) or len(name) > LONGEST_NAME:
        raise _mismatch(
            name, f"a record has room for {MOST_PARTS} parts of versions below 10 and for"
            f" {LONGEST_NAME} characters", "leave a part out",
        )  # fmt: skip
    return Composition(f"{name}@{version}", tuple(before), rule)


def _mismatch(name: str, why: str, todo: str) -> StudyError:
    return StudyError("rule.composition", f"{name} cannot be composed", why, todo)
