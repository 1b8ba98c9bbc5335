"""What another package brings to Collegium: a rule, a stage and a data set by their seams."""

from dataclasses import dataclass, replace

import numpy as np

from collegium.data.table import DataSet, Feature, Schema, SiteRows, encode
from collegium.errors import StudyError
from collegium.federation.local_updates import Int16
from collegium.federation.stages import InRound, OfUpdate
from collegium.learning.aggregation.rule import Aggregate, Kind, Rule
from collegium.learning.aggregation.updates import Updates
from collegium.study.message import Outbound, Recipients


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


@dataclass(frozen=True, slots=True)
class Coarse:
    """A stage: an update leaves in steps of 64, so that it says less than it could."""

    name: str = "their_stage@1"
    charge: tuple[int, ...] = ()

    def apply(self, what: Int16, at: InRound, /) -> Int16:
        """Return the multiples of 64 next to the values, halves to even ones."""
        steps: Int16 = np.clip(np.rint(what / 64), -511, 511).astype(np.int16)
        return steps * np.int16(64)

    def tell(self, message: Outbound, ways: Recipients, /) -> Outbound:
        """Return it with the steps."""
        return replace(message, contents=f"{message.contents}, in steps of 64")


THEIR_STAGE: OfUpdate = Coarse()


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
