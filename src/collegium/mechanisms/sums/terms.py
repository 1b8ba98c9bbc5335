"""What is said of sums of statistics on the ledger; docs/spec/19-summed-statistics.md."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from collegium.ledger.contract.event import RoundEvent, StudyEvent
from collegium.ledger.contract.mechanism import Mechanism

EvaluationLayout = Literal["binary@1", "binary@2"]
"""What is counted of test rows and told of their sum, by the kind of target."""

TableLayout = Literal["table@1", "table@2"]
"""How sites count their tables in the set-up of a study of tables."""

TABLE: TableLayout = "table@2"
"""What a new study registers; `table@1` shows counts of few persons to whoever opens the sum."""


class SumTerms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Secure sums of statistics as registered; docs/spec/19-summed-statistics.md.

    Attributes:
        degree: neighbours that a site masks with; absent: all others.
        evaluation: what sites count of their test rows; absent: nothing.
        statistics: how sites count their tables in set-up; absent: they say what they have.
        threshold: shares that open a secret.
    """

    degree: Annotated[int, msgspec.Meta(ge=2, le=2**31)] | msgspec.UnsetType = msgspec.UNSET
    evaluation: EvaluationLayout | msgspec.UnsetType = msgspec.UNSET
    statistics: TableLayout | msgspec.UnsetType = msgspec.UNSET
    threshold: Annotated[int, msgspec.Meta(ge=1, le=2**31)]


class SumOpened(RoundEvent, frozen=True, kw_only=True, tag="sum.opened"):
    """A new attempt at a sum of statistics, whose number is above those of all rounds."""

    design: str
    model: str
    participants: tuple[str, ...]
    powers: tuple[int, ...]
    validators: tuple[str, ...]


class SumClosed(RoundEvent, frozen=True, kw_only=True, tag="sum.closed"):
    """More than two thirds of the power agree on a sum of statistics; `total` is its blob."""

    power: int
    total: str


class SumGivenUp(StudyEvent, frozen=True, kw_only=True, tag="sum.given-up"):
    """The study goes on without the sum over test rows."""

    reason: str


MECHANISM = Mechanism(
    "sums", 1, parts={"terms": SumTerms}, events=(SumOpened, SumClosed, SumGivenUp),
    requires=("dealing",),
)  # fmt: skip
