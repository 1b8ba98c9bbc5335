"""Rules that are given validators' scores, as data: what they ask for, and their reduction.

Given the scores that the ledger has, everybody recomputes what such a rule makes of them; how true
the scores are rests with a majority of the validators.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from collegium.errors import StudyError
from collegium.learning.aggregation._internal.weighing import refused
from collegium.learning.aggregation.robust import MinimumUpdates, check_needs
from collegium.learning.aggregation.rows import UpdateRows, rows_of
from collegium.learning.aggregation.rule import Aggregate, Kind
from collegium.learning.aggregation.scores import Scores
from collegium.learning.aggregation.updates import Updates

ANY_BUT_ALL = MinimumUpdates(1, 1)
"""One good update is enough: who is good does not depend on who is many."""


@dataclass(frozen=True, slots=True)
class GivenScores:
    """A rule over rows and the scores of the updates that they stand for.

    Attributes:
        name: versioned.
        about: one line on what it does.
        by: which scores it asks for.
        tolerates: whether it has a number of bad updates that it bears.
        weighs: whether registered weights count.
        reduction: from rows, scores and `tolerate` to the aggregate.
    """

    name: str
    about: str
    by: Literal["loss", "direction"]
    tolerates: bool
    weighs: bool
    reduction: Callable[[UpdateRows, Scores, int], Aggregate]
    kind: Kind = "given_scores"

    def check(self, participants: int, tolerate: int) -> None:
        """Refuse no updates, as many bad ones as there are, and any where none is borne."""
        check_needs(self.name, ANY_BUT_ALL, participants, tolerate)
        if tolerate and not self.tolerates:
            bare = self.name.partition("@")[0]
            raise StudyError(
                "rule.tolerate",
                f"{bare} promises nothing about {tolerate} bad updates",
                "nobody has a reputation yet when they first attack",
                'set aggregation.tolerate to 0, or choose "zeno" or "committee_median"',
            )

    def fewest(self, tolerate: int) -> int:
        """Return how many rows it takes."""
        return ANY_BUT_ALL.fewest(tolerate)

    def aggregate(self, updates: Updates, tolerate: int) -> Aggregate:
        """Return the aggregate of recorded updates."""
        return self.reduce(rows_of(updates), tolerate)

    def reduce(self, rows: UpdateRows, tolerate: int) -> Aggregate:
        """Return the aggregate of rows, each of which stands for one scored update.

        Raises:
            RunError: there are no scores, or not one for each row.
        """
        scores = rows.scores
        if scores is None or len(scores.values) != rows.count:
            raise refused(f"{self.name} needs a score of each update, and has none")
        return self.reduction(rows, scores, tolerate)


def is_given_scores(rule: object) -> bool:
    """Return whether a rule, composed or not, asks for scores."""
    return getattr(rule, "kind", "") == "given_scores"
