"""What another package brings to Collegium: a rule and a data set, as its seams describe them."""

from dataclasses import dataclass

import numpy as np

from collegium.data.table import DataSet, Feature, Schema, SiteRows, encode
from collegium.errors import StudyError
from collegium.learning.aggregation.rule import Aggregate, Kind, Rule
from collegium.learning.aggregation.updates import Updates


@dataclass(frozen=True, slots=True)
class UpperMedian:
    """The upper median of each coordinate. It ignores weights, and bears a bad minority."""

    name: str = "their_rule@2"
    kind: Kind = "recomputed"

    def check(self, participants: int, tolerate: int) -> None:
        """Refuse more bad updates than a minority."""
        if participants <= 2 * tolerate:
            raise StudyError(
                "their-parts.tolerate",
                f"{tolerate} of {participants} updates are not a minority",
                "a median follows the majority",
                "tolerate fewer, or let more sites take part",
            )

    def aggregate(self, updates: Updates, tolerate: int) -> Aggregate:
        """Return the middle value of each coordinate, over 1, however few are bad."""
        ordered = np.sort(updates.values, axis=0)
        return Aggregate(ordered[len(ordered) // 2].astype(np.int64), 1)


@dataclass(frozen=True, slots=True)
class LowerMedian:
    """What `their_rule` meant in its first version: ledgers that name it are verified by it."""

    name: str = "their_rule@1"
    kind: Kind = "recomputed"

    def check(self, participants: int, tolerate: int) -> None:
        """Refuse as the present version does."""
        UpperMedian().check(participants, tolerate)

    def aggregate(self, updates: Updates, tolerate: int) -> Aggregate:
        """Return the lower middle value of each coordinate, over 1."""
        ordered = np.sort(updates.values, axis=0)
        return Aggregate(ordered[(len(ordered) - 1) // 2].astype(np.int64), 1)


THEIR_RULE: Rule = UpperMedian()
THEIR_FIRST_RULE: Rule = LowerMedian()


def load() -> DataSet:
    """Return two made-up hospitals with one input each."""
    age = Feature("age", "Age", "numeric", unit="years", center=60.0, scale=10.0)
    schema = Schema((age,), target="readmitted", task="binary", classes=("no", "yes"))
    sites = tuple(
        SiteRows(
            name,
            encode(schema, {"age": np.array(ages)}),
            np.array([0, 1, 1]),
            np.arange(first, first + 3),
        )
        for name, ages, first in [("north", [50, 60, 70], 0), ("south", [40, 80, 90], 3)]
    )
    return DataSet(
        name="their_data",
        title="Two made-up hospitals",
        schema=schema,
        sites=sites,
        license="CC0-1.0",
        citation="made up",
        url="",
        files=(),
    )
