"""A robust rule as data: its name, what it needs, and its reduction of rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import comb

from collegium.errors import StudyError
from collegium.learning.aggregation._internal.weighing import refused
from collegium.learning.aggregation.rows import UpdateRows, rows_of
from collegium.learning.aggregation.rule import Aggregate, Kind
from collegium.learning.aggregation.updates import Updates

MOST_SUBSETS = 200_000
"""Subsets that a rule which looks at all of them may have to look at."""


@dataclass(frozen=True, slots=True)
class MinimumUpdates:
    """At least ``per_bad * f + more`` updates, in order to bear f bad ones."""

    per_bad: int
    more: int

    def fewest(self, tolerate: int) -> int:
        """Return how many updates it takes to bear as many bad ones."""
        return self.per_bad * tolerate + self.more

    def most(self, participants: int) -> int:
        """Return how many bad updates so many can bear; negative if none work at all."""
        return (participants - self.more) // self.per_bad

    def __str__(self) -> str:
        return f"n >= {'' if self.per_bad == 1 else self.per_bad}f + {self.more}"


MAJORITY = MinimumUpdates(2, 1)


@dataclass(frozen=True, slots=True)
class Robust:
    """A rule that gives every update the same say and promises to bear `tolerate` bad ones.

    Attributes:
        name: versioned.
        about: one line on what it does.
        needs: its precondition.
        reduction: from rows and `tolerate` to the aggregate.
        tries_subsets: whether its work grows with the number of subsets of n - f.
    """

    name: str
    about: str
    needs: MinimumUpdates
    reduction: Callable[[UpdateRows, int], Aggregate]
    tries_subsets: bool = False
    kind: Kind = "recomputed"

    def check(self, participants: int, tolerate: int) -> None:
        """Refuse fewer updates than the precondition says, and more subsets than can be tried."""
        check_needs(self.name, self.needs, participants, tolerate)
        if self.tries_subsets and comb(participants, tolerate) > MOST_SUBSETS:
            raise _too_many_subsets(self.name, participants, tolerate)

    def fewest(self, tolerate: int) -> int:
        """Return how many rows the precondition asks for."""
        return self.needs.fewest(tolerate)

    def aggregate(self, updates: Updates, tolerate: int) -> Aggregate:
        """Return the aggregate of recorded updates; their weights have no effect."""
        return self.reduce(rows_of(updates), tolerate)

    def reduce(self, rows: UpdateRows, tolerate: int) -> Aggregate:
        """Return the aggregate of rows.

        Raises:
            RunError: there are fewer rows than the precondition says.
        """
        if rows.count < self.fewest(tolerate):
            raise refused(f"{rows.count} are too few: {self.name} needs {self.needs}")
        return self.reduction(rows, tolerate)


def check_needs(name: str, needs: MinimumUpdates, participants: int, tolerate: int) -> None:
    """Refuse fewer updates than are needed, and say what is nearest to what was asked.

    Raises:
        StudyError: ``rule.participants`` if even with no bad update there are too few, else
            ``rule.tolerate``.
    """
    fewest, most = needs.fewest(tolerate), needs.most(participants)
    if participants >= fewest:
        return
    bare = name.partition("@")[0]
    enough = f"let at least {fewest} updates take part (study.min_sites)"
    if most < 0:
        raise StudyError(
            "rule.participants",
            f"{bare} needs {fewest} updates or more, and a round may have {participants}",
            f"its precondition is {needs}, with f = aggregation.tolerate = {tolerate}",
            f"{enough}, or choose fedavg",
        )  # fmt: skip
    other = ""
    if needs != MAJORITY and participants >= MAJORITY.fewest(tolerate):
        other = f', or choose a rule with {MAJORITY}, such as "nnm+trimmed_mean"'
    raise StudyError(
        "rule.tolerate",
        f"{bare} cannot tolerate {tolerate} bad updates of {participants}",
        f"it needs {needs}, here {fewest}, and a round may have as few as {participants}",
        f"set aggregation.tolerate to at most {most}, or {enough}{other}",
    )


def _too_many_subsets(name: str, participants: int, tolerate: int) -> StudyError:
    bare = name.partition("@")[0]
    fits = max(f for f in range(tolerate) if comb(participants, f) <= MOST_SUBSETS)
    return StudyError(
        "rule.subsets",
        f"{bare} would look at {comb(participants, tolerate)} subsets of {participants} updates",
        f"it looks at each subset of n - f, and more than {MOST_SUBSETS} take too long",
        f'set aggregation.tolerate to at most {fits}, or choose "nnm+trimmed_mean"',
    )


def check_purpose(name: str, tolerate: int) -> None:
    """Refuse a pre-aggregation that has nothing to do where no bad update is expected.

    Raises:
        StudyError: ``rule.tolerate``.
    """
    if tolerate < 1:
        bare = name.partition("@")[0]
        raise StudyError(
            "rule.tolerate",
            f"{bare} has nothing to do with aggregation.tolerate = {tolerate}",
            "how far it goes follows from the number of bad updates",
            f"set aggregation.tolerate to at least 1, or leave {bare} out",
        )
