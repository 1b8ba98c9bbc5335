"""What is said of sums of statistics on the ledger; docs/spec/19-summed-statistics.md."""

from __future__ import annotations

from collegium.ledger.contract.event import RoundEvent, StudyEvent
from collegium.ledger.contract.mechanism import Mechanism
from collegium.study.sum_terms import SumTerms


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
