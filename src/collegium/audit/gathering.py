"""Gathering each study's history from the replayed entries, and fixing an attempt of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import msgspec

from collegium.audit.attempts import AttemptRecord as AttemptRecord
from collegium.audit.attempts import Author as Author
from collegium.audit.history import ReplayedEntry
from collegium.audit.seam import every_checking
from collegium.audit.studies import SetUpStep, StudyHistory
from collegium.canonical import from_text
from collegium.ledger.contract.bitmaps import attested
from collegium.ledger.contract.declared import opening_fields, part_of
from collegium.ledger.contract.events import (
    AttemptFailed,
    MemberEquivocated,
    MembershipChanged,
    MembersSilent,
    MembersSkipped,
    PhaseOpened,
    RoundClosed,
    RoundOpened,
    StudyClosed,
    StudyFailed,
    UpdatesIncluded,
)
from collegium.ledger.contract.payload import RoundTransaction
from collegium.ledger.contract.preconditions import terms_in
from collegium.ledger.contract.series import step_of
from collegium.ledger.contract.studies import record_of
from collegium.ledger.contract.tables import RevealRecord
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
from collegium.resolving.attempt import Attempt, with_fields
from collegium.secrecy.sum_setup import AttemptId, PublicKeys


def frozen(study_history: StudyHistory, record: AttemptRecord) -> Attempt:
    """Return an attempt as resolving asks for it, and as the contract's state would have it."""
    opened, registration = record.opened, study_history.registration
    step = study_history.steps.get((step_of(opened.round) or 0) - 1)
    agreed = None if step is None or step.agreed is None else step.agreed.agreement
    attempt = Attempt(
        AttemptId(
            from_text(registration.genesis, DIGEST_SIZE), opened.study, opened.round, opened.attempt
        ),
        terms_in(study_history.terms, opened.round),
        from_text(opened.model, DIGEST_SIZE),
        opened.exponent,
        opened.ring,
        opened.room or 0,
        dict(zip(opened.participants, opened.weights, strict=True)),
        dict(zip(opened.validators, opened.powers, strict=True)),
        agreed=None if agreed is None else from_text(agreed, DIGEST_SIZE),
        keys=dict(sorted(record.keys.items())),
        deals=dict(sorted(record.deals.items())),
        sound=dict(sorted(record.sound.items())),
        points=dict(sorted(record.points.items())),
        reveals=dict(sorted(record.reveals.items())),
        included=record.included,
        shares=dict(sorted(record.shares.items())),
    )
    for one in every_checking():
        if one.fixes is not None:
            attempt = with_fields(attempt, one.fixes(record))
    return attempt


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
            if isinstance(event, MembershipChanged):
                action = event.action
                decided = study_histories.get(getattr(action, "study", ""))
                if decided is not None and (gathers := _decided().get(type(action))) is not None:
                    gathers(decided, action)
    return study_histories, equivocations


@cache
def _taken() -> Mapping[type, Callable[[StudyHistory, str, Any], None]]:
    return {kind: gathers for one in every_checking() for kind, gathers in one.takes.items()}


@cache
def _noted() -> Mapping[type, Callable[[StudyHistory, Any], None]]:
    return {kind: gathers for one in every_checking() for kind, gathers in one.notes.items()}


@cache
def _decided() -> Mapping[type, Callable[[StudyHistory, Any], None]]:
    return {kind: gathers for one in every_checking() for kind, gathers in one.decided.items()}


def _take_transaction(study_history: StudyHistory, said: ReplayedEntry) -> None:
    if (gathers := _taken().get(type(said.transaction))) is not None:
        gathers(study_history, said.sender, said.transaction)
    match said.transaction:
        case StudyAccept() as tx:
            study_history.accepted[said.sender] = tx
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
    if (gathers := _noted().get(type(event))) is not None:
        gathers(study_history, event)
    match event:
        case RoundOpened():
            record = AttemptRecord(event, study_history.terms.modules)
            study_history.attempts[event.round, event.attempt] = record
            for one in every_checking():
                if one.opens is not None:
                    one.opens(study_history, record)
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
        case MembersSilent() | MembersSkipped():
            study_history.silences.append(event)
        case PhaseOpened():
            study_history.at(event.round, event.attempt).phases[event.phase] = event.timed_out
        case UpdatesIncluded():
            study_history.at(event.round, event.attempt).included = event.members
        case RoundClosed():
            study_history.at(event.round, event.attempt).closed = event
        case DealerBarred():
            study_history.at(event.round, event.attempt).barred.append(event)
        case AttemptFailed():
            study_history.at(event.round, event.attempt).failed = event
        case TrialClosed():
            study_history.trials.append(event)
        case ModelChosen():
            study_history.chosen = event
        case StudyFailed():
            study_history.failed = event
        case StudyClosed():
            study_history.closed = event
