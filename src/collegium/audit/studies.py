"""A study's history, as it is gathered from the replayed entries: what checks walk over."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from collegium.audit.attempts import AttemptRecord as AttemptRecord
from collegium.audit.attempts import Author as Author
from collegium.ledger.contract.events import (
    MembersSilent,
    MembersSkipped,
    StudyClosed,
    StudyFailed,
)
from collegium.ledger.contract.series import is_sum
from collegium.ledger.contract.tables import StudyRecord
from collegium.ledger.contract.transactions import (
    EvaluationPost,
    ModelRelease,
    StudyAccept,
    StudyRegister,
)
from collegium.mechanisms.search.terms import ModelChosen, TrialClosed
from collegium.mechanisms.statistics.terms import (
    StatisticsAgreed,
    StatisticsPost,
    StatisticsUndecided,
    StatisticsVote,
    StudyBegun,
)
from collegium.mechanisms.sums.terms import SumGivenUp

T = TypeVar("T")


@dataclass(slots=True)
class SetUpStep:
    """One step of the statistics of set-up: what sites said, how validators voted, what came.

    `asked` are the sites that had accepted when it began, `gathered` those that had spoken when
    the votes began; `votes` are by attempt and validator.
    """

    asked: tuple[str, ...] = ()
    posts: dict[str, StatisticsPost] = field(default_factory=dict)
    votes: dict[tuple[int, str], StatisticsVote] = field(default_factory=dict)
    gathered: tuple[str, ...] = ()
    undecided: list[StatisticsUndecided] = field(default_factory=list)
    agreed: StatisticsAgreed | None = None


@dataclass(slots=True)
class StudyHistory:
    """One study: registration, steps of set-up, attempts by (round, attempt), statements, end.

    `sums` are attempts too, at sums of statistics. Where it `can_silence`, whoever orders may keep
    from the ledger what a member said, and nobody can tell that from silence.
    """

    registration: StudyRegister
    terms: StudyRecord
    accepted: dict[str, StudyAccept] = field(default_factory=dict)
    attempts: dict[tuple[int, int], AttemptRecord] = field(default_factory=dict)
    sums: dict[tuple[int, int], AttemptRecord] = field(default_factory=dict)
    given_up: SumGivenUp | None = None
    silences: list[MembersSilent | MembersSkipped] = field(default_factory=list)
    statements: dict[str, EvaluationPost] = field(default_factory=dict)
    steps: dict[int, SetUpStep] = field(default_factory=dict)
    begun: StudyBegun | None = None
    release: ModelRelease | None = None
    trials: list[TrialClosed] = field(default_factory=list)
    chosen: ModelChosen | None = None
    failed: StudyFailed | None = None
    closed: StudyClosed | None = None
    can_silence: bool = False
    gathered: dict[type, Any] = field(default_factory=dict)

    def of(self, kind: type[T]) -> T:
        """Return what a mechanism gathers of the study, as its own type; empty at first."""
        return cast("T", self.gathered.setdefault(kind, kind()))

    def at(self, number: int, attempt: int) -> AttemptRecord:
        """Return an attempt at a round, or at a sum of statistics."""
        return (self.sums if is_sum(number) else self.attempts)[number, attempt]

    @property
    def every_attempt(self) -> list[AttemptRecord]:
        """The attempts at rounds, and then those at sums."""
        return [*self.attempts.values(), *self.sums.values()]

    @property
    def closed_rounds(self) -> list[AttemptRecord]:
        """The attempts that closed their rounds, in order."""
        return [attempt for attempt in self.attempts.values() if attempt.closed is not None]

    @property
    def model(self) -> str:
        """The last good model's digest as the ledger writes it."""
        if self.chosen is not None:
            return self.chosen.model
        rounds = self.closed_rounds
        last = rounds[-1].closed if rounds else None
        return self.first_model if last is None else last.model

    @property
    def first_model(self) -> str:
        """The model of the first round; before a study of tables has begun, what it has instead."""
        return self.registration.model if self.begun is None else self.begun.model
