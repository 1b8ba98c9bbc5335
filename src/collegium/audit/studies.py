"""A study's story, gathered from the replayed entries: what later checks walk over."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from collegium.audit.attempts import AttemptRecord as AttemptRecord
from collegium.audit.attempts import Author as Author
from collegium.audit.history import ReplayedEntry
from collegium.canonical import from_text
from collegium.ledger.contract.bitmaps import attested
from collegium.ledger.contract.declared import opening_fields, part_of
from collegium.ledger.contract.events import (
    AttemptFailed,
    MemberEquivocated,
    MembershipChanged,
    PhaseOpened,
    RoundClosed,
    RoundOpened,
    StudyClosed,
    StudyFailed,
    UpdatesIncluded,
)
from collegium.ledger.contract.payload import RoundTransaction
from collegium.ledger.contract.preconditions import terms_in
from collegium.ledger.contract.series import is_sum, step_of
from collegium.ledger.contract.studies import record_of
from collegium.ledger.contract.tables import RevealRecord, StudyRecord
from collegium.ledger.contract.transactions import (
    EvaluationPost,
    ModelRelease,
    RoundVote,
    StudyAccept,
    StudyRegister,
    UpdateAvailable,
    UpdateCommit,
    UpdateReveal,
    kind_of,
)
from collegium.ledger.hashing import DIGEST_SIZE
from collegium.ledger.keys import KEY_SIZE
from collegium.mechanisms.dealing.terms import DealerBarred, SecaggDeal, SecaggKeys, SoundDeals
from collegium.mechanisms.groups.terms import GroupsDrawn, GroupsLost, GroupsRefused, SecaggBind
from collegium.mechanisms.privacy.terms import BudgetExhausted
from collegium.mechanisms.scores.terms import (
    MemberDemoted,
    MemberReinstated,
    ReputationsChanged,
    Restore,
    ScoreCommit,
    ScoreReveal,
    ScoresCombined,
    ScoreTerms,
)
from collegium.mechanisms.search.terms import ModelChosen, TrialClosed
from collegium.mechanisms.statistics.terms import (
    StatisticsAgreed,
    StatisticsAsked,
    StatisticsGathered,
    StatisticsPost,
    StatisticsUndecided,
    StatisticsVote,
    StudyBegun,
)
from collegium.mechanisms.sum_check.terms import Point
from collegium.mechanisms.sums.terms import SumClosed, SumGivenUp, SumOpened
from collegium.resolving.attempt import Attempt
from collegium.secrecy.sum_setup import PublicKeys


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


@dataclass(frozen=True, slots=True)
class Reinstatement:
    """A standing that members restored, after so many closed rounds."""

    member: str
    round: int


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
    statements: dict[str, EvaluationPost] = field(default_factory=dict)
    steps: dict[int, SetUpStep] = field(default_factory=dict)
    begun: StudyBegun | None = None
    release: ModelRelease | None = None
    exhausted: BudgetExhausted | None = None
    reputations: dict[int, ReputationsChanged] = field(default_factory=dict)
    standings: list[MemberDemoted | MemberReinstated | Reinstatement] = field(default_factory=list)
    trials: list[TrialClosed] = field(default_factory=list)
    chosen: ModelChosen | None = None
    failed: StudyFailed | None = None
    closed: StudyClosed | None = None
    can_silence: bool = False

    @property
    def demoted(self) -> frozenset[str]:
        """Who is demoted as of now."""
        found: set[str] = set()
        for one in self.standings:
            if isinstance(one, MemberDemoted):
                found.add(one.member)
            else:
                found.discard(one.member)
        return frozenset(found)

    def frozen(self, record: AttemptRecord) -> Attempt:
        """Return an attempt as resolving asks for it."""
        genesis = from_text(self.registration.genesis, DIGEST_SIZE)
        step = self.steps.get((step_of(record.opened.round) or 0) - 1)
        agreed = None if step is None or step.agreed is None else step.agreed.agreement
        return record.frozen(genesis, self.terms, agreed)

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


def gather(entries: list[ReplayedEntry]) -> tuple[dict[str, StudyHistory], list[MemberEquivocated]]:
    """Return every study's story, and the proven equivocations, from replayed entries."""
    study_histories: dict[str, StudyHistory] = {}
    equivocations: list[MemberEquivocated] = []
    for said in entries:
        if isinstance(said.transaction, StudyRegister):
            tx = said.transaction
            study_histories[tx.study] = StudyHistory(tx, record_of(tx, said.sender))
        study_history = study_histories.get(getattr(said.transaction, "study", ""))
        if study_history is not None:
            _take_transaction(study_history, said)
        for event in said.events:
            if isinstance(event, MemberEquivocated):
                equivocations.append(event)
            elif study_history is not None:
                _take_event(study_history, event)
            if isinstance(event, MembershipChanged) and isinstance(event.action, Restore):
                restored = study_histories[event.action.study]
                number = len(restored.closed_rounds)
                restored.standings.append(Reinstatement(event.action.member, number))
    return study_histories, equivocations


def _take_transaction(study_history: StudyHistory, said: ReplayedEntry) -> None:
    match said.transaction:
        case StudyAccept() as tx:
            study_history.accepted[said.sender] = tx
        case SecaggBind() as tx:
            study_history.at(tx.round, tx.attempt).bound.add(said.sender)
        case SecaggKeys() as tx:
            pair = (from_text(key, KEY_SIZE) for key in (tx.mask_key, tx.share_key))
            study_history.at(tx.round, tx.attempt).keys[said.sender] = PublicKeys(*pair)
        case SecaggDeal() as tx:
            study_history.at(tx.round, tx.attempt).deals[said.sender] = from_text(
                tx.digest, DIGEST_SIZE
            )
        case RoundTransaction() as tx if opens := opening_fields().get(kind_of(tx), ""):
            opening: str = getattr(tx, opens)
            size = len(opening) * 6 // 8
            study_history.at(tx.round, tx.attempt).shares[said.sender] = from_text(opening, size)
        case UpdateCommit() as tx:
            attempt = study_history.at(tx.round, tx.attempt)
            attempt.commits.add(said.sender)
            if (sound := part_of(tx.parts, SoundDeals)) is not None:
                names = attempt.opened.participants
                bitmap = from_text(sound.deals, (len(names) + 7) // 8)
                attempt.sound[said.sender] = attested(bitmap, names)
            if (committed := part_of(tx.parts, Point)) is not None:
                attempt.points[said.sender] = from_text(committed.point, KEY_SIZE)
        case UpdateReveal() as tx:
            study_history.at(tx.round, tx.attempt).reveals[said.sender] = RevealRecord(
                digest=tx.digest, peak=tx.peak, saturated=tx.saturated, sealed=tx.sealed
            )
        case UpdateAvailable() as tx:
            study_history.at(tx.round, tx.attempt).bitmaps[said.sender] = tx
        case ScoreCommit() as tx:
            study_history.at(tx.round, tx.attempt).score_commits.add(said.sender)
        case ScoreReveal() as tx:
            study_history.at(tx.round, tx.attempt).scores[said.sender] = tx
        case RoundVote() as tx:
            study_history.at(tx.round, tx.attempt).votes[said.sender] = tx.result
        case StatisticsPost() as tx:
            study_history.steps[tx.step].posts[said.sender] = tx
        case StatisticsVote() as tx:
            study_history.steps[max(study_history.steps)].votes[tx.attempt, said.sender] = tx
        case EvaluationPost() as tx:
            study_history.statements[said.sender] = tx
        case ModelRelease() as tx:
            study_history.release = tx


def _take_event(study_history: StudyHistory, event: object) -> None:
    match event:
        case RoundOpened():
            terms = part_of(study_history.terms.terms, ScoreTerms)
            by_scoring = terms is not None and terms.demotion == "scoring"
            silenced = study_history.demoted if by_scoring else frozenset[str]()
            if event.attempt > 1:  # whose scores count is fixed when the round opens
                silenced = study_history.attempts[event.round, 1].silenced
            study_history.attempts[event.round, event.attempt] = AttemptRecord(
                event, study_history.terms.modules, silenced=silenced
            )
        case ReputationsChanged():
            study_history.reputations[event.round] = event
        case MemberDemoted() | MemberReinstated():
            study_history.standings.append(event)
        case StatisticsAsked():
            study_history.steps[event.step] = SetUpStep(asked=tuple(sorted(study_history.accepted)))
        case StatisticsGathered():
            study_history.steps[event.step].gathered = event.sites
        case StatisticsUndecided():
            study_history.steps[event.step].undecided.append(event)
        case StatisticsAgreed():
            study_history.steps[event.step].agreed = event
        case StudyBegun():
            study_history.begun = event
            study_history.terms = msgspec.structs.replace(
                study_history.terms, initial=event.model, parameters=event.parameters
            )
        case SumOpened():
            weights = (1,) * len(event.participants)
            opened = RoundOpened(
                study=event.study, round=event.round, attempt=event.attempt, design=event.design,
                exponent=0, model=event.model, participants=event.participants, ring=64,
                validators=event.validators, powers=event.powers, weights=weights,
            )  # fmt: skip
            study_history.sums[event.round, event.attempt] = AttemptRecord(
                opened, terms_in(study_history.terms, event.round).modules
            )
        case SumClosed():
            study_history.at(event.round, event.attempt).summed = event
        case SumGivenUp():
            study_history.given_up = event
        case PhaseOpened():
            study_history.at(event.round, event.attempt).phases[event.phase] = event.timed_out
        case UpdatesIncluded():
            study_history.at(event.round, event.attempt).included = event.members
        case ScoresCombined():
            study_history.at(event.round, event.attempt).combined = event
        case GroupsDrawn():
            drawn = zip(event.members, event.groups, strict=True)
            study_history.at(event.round, event.attempt).groups = dict(drawn)
        case GroupsLost():
            study_history.at(event.round, event.attempt).lost |= dict.fromkeys(
                event.groups, event.phase
            )
        case GroupsRefused():
            study_history.at(event.round, event.attempt).refused = event.groups
        case RoundClosed():
            study_history.at(event.round, event.attempt).closed = event
        case DealerBarred():
            study_history.at(event.round, event.attempt).barred.append(event)
        case AttemptFailed():
            study_history.at(event.round, event.attempt).failed = event
        case BudgetExhausted():
            study_history.exhausted = event
        case TrialClosed():
            study_history.trials.append(event)
        case ModelChosen():
            study_history.chosen = event
        case StudyFailed():
            study_history.failed = event
        case StudyClosed():
            study_history.closed = event
