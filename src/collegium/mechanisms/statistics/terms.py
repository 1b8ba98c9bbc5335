"""What is said of the set-up of a study of tables on the ledger; docs/spec/15-statistics.md."""

from __future__ import annotations

from typing import Literal

import msgspec

from collegium.ledger.contract.event import StudyEvent
from collegium.ledger.contract.fields import Digest, Positive, Reason, Step
from collegium.ledger.contract.mechanism import Mechanism
from collegium.ledger.contract.payload import StudyTransaction


class StatisticsTerms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`steps`: in which sites agree on tables; the first model comes with `study.begin`."""

    steps: Step


class StatisticsPost(StudyTransaction, frozen=True, kw_only=True, tag="statistics.post"):
    """A site names the blob of what it says of its table in a step of set-up."""

    digest: Digest
    step: Step


class StatisticsVote(StudyTransaction, frozen=True, kw_only=True, tag="statistics.vote"):
    """What follows from a step's statistics for a validator, or why nothing does."""

    agreement: Digest | msgspec.UnsetType = msgspec.UNSET
    attempt: Positive
    fail: Reason | msgspec.UnsetType = msgspec.UNSET


class StudyBegin(StudyTransaction, frozen=True, kw_only=True, tag="study.begin"):
    """The owner names the first model over the inputs that were agreed; round 1 opens."""

    agreement: Digest
    model: Digest
    parameters: Positive


class StatisticsAsked(StudyEvent, frozen=True, kw_only=True, tag="statistics.asked"):
    """A step of set-up begins: sites that accepted say what it asks for."""

    step: int


class StatisticsGathered(StudyEvent, frozen=True, kw_only=True, tag="statistics.gathered"):
    """Nothing more is said in a step: validators vote on what follows from these sites' words."""

    attempt: int
    sites: tuple[str, ...]
    step: int


class StatisticsAgreed(StudyEvent, frozen=True, kw_only=True, tag="statistics.agreed"):
    """More than two thirds of the power agree on what follows from a step."""

    agreement: str
    power: int
    step: int


class StatisticsUndecided(StudyEvent, frozen=True, kw_only=True, tag="statistics.undecided"):
    """An attempt at a vote on a step ended without a quorum."""

    attempt: int
    reason: Literal["no-quorum", "timeout"]
    step: int


class StudyBegun(StudyEvent, frozen=True, kw_only=True, tag="study.begun"):
    """The study has its first model over the inputs that were agreed."""

    agreement: str
    model: str
    parameters: int


MECHANISM = Mechanism(
    "statistics", 1,
    parts={"terms": StatisticsTerms},
    transactions=(StatisticsPost, StatisticsVote, StudyBegin),
    events=(
        StatisticsAsked, StatisticsGathered, StatisticsAgreed, StatisticsUndecided, StudyBegun,
    ),
    before=("statistics", "beginning"),
    key_fields=("step",),
)  # fmt: skip
