"""Where a study stands, and whether a member may speak there now."""

from __future__ import annotations

from collegium.ledger.contract.context import RoundAt, StudyAt
from collegium.ledger.contract.declared import before_rounds, phase_of, place_of
from collegium.ledger.contract.payload import RoundTransaction
from collegium.ledger.contract.rejected import Rejected
from collegium.ledger.contract.rules import acting, each
from collegium.ledger.contract.series import is_sum, moment_of, step_of
from collegium.ledger.contract.tables import (
    THE_ONE,
    RoundRecord,
    StudyRecord,
    StudyStatus,
    round_path,
    study_path,
)
from collegium.ledger.contract.transactions import PlaceTransaction
from collegium.ledger.state import State

OPEN = ("rounds", "summing")
"""Phases of a study in which a round is open, be it a sum of statistics."""

_ENTERS = acting(lambda rules: rules.enters)

AFTER = ("evaluation", "release", "closing", "closed")
"""Phases of a study after its last round, in order."""


def study_phases(modules: tuple[str, ...]) -> tuple[str, ...]:
    """Return every phase that a study can have, in order."""
    return (*before_rounds(modules), *OPEN, *AFTER)


def study_of(state: State, study: str) -> StudyAt:
    """Return a study where it stands.

    Raises:
        Rejected: there is no such study.
    """
    record = state.record(study_path(study, "study"), THE_ONE, StudyRecord)
    status = state.record(study_path(study, "status"), THE_ONE, StudyStatus)
    if record is None or status is None:
        raise Rejected("unknown-study", f"no study named {study[:40]!r} is registered")
    return StudyAt(state, study, record, status)


def terms_in(record: StudyRecord, number: int) -> StudyRecord:
    """Return a registration as it holds in a round, which may be none of training."""
    if is_sum(number):
        for holds in each(record.modules, lambda rules: rules.holds):
            return holds(record, number)
    return record


def open_round_of(course: StudyAt) -> RoundAt:
    """Return the open round of a study.

    Raises:
        LookupError: none is open.
    """
    number = course.status.round
    current = course.state.record(round_path(course.study, number, "round"), THE_ONE, RoundRecord)
    if current is None:
        raise LookupError(f"{course.study} has no open round")
    return RoundAt(course, terms_in(course.record, number), current)


def enter(state: State, tx: RoundTransaction, sender: str, phase: str) -> RoundAt:
    """Check that a member may speak in a phase now, and return where things stand.

    Raises:
        Rejected: another round, attempt or phase ("stale" or "early"), or no part in it.
    """
    return enter_study(study_of(state, tx.study), tx, sender, phase)


def enter_study(course: StudyAt, tx: RoundTransaction, sender: str, name: str) -> RoundAt:
    """Do the same where the study is at hand."""
    status = course.status
    if status.phase not in OPEN:
        before = before_rounds(course.record.modules)
        over = len(before) > 1 and status.phase == before[-1] and step_of(tx.round) is not None
        early = status.phase in before and not over
        raise Rejected("early" if early else "stale", "no round is open")
    at = open_round_of(course)
    if tx.round != at.number or tx.attempt != at.attempt:
        here = (*moment_of(at.number), at.attempt)
        late = (*moment_of(tx.round), tx.attempt) < here
        raise Rejected(
            "stale" if late else "early", f"round {at.number}, attempt {at.attempt} is open"
        )
    modules = at.record.modules
    phase = phase_of(modules, name)
    if phase is None:
        raise Rejected("early", f"the attempt is in {at.current.phase}, and never in {name}")
    if not state_has(at, phase.speakers, sender):
        raise Rejected("not-a-participant", f"{sender} is not among this round's {phase.speakers}")
    if name != at.current.phase:
        past = place_of(modules, name) < place_of(modules, at.current.phase)
        raise Rejected("stale" if past else "early", f"the attempt is in {at.current.phase}")
    if at.has(phase.table, sender):
        raise Rejected("already", f"{sender} has spoken in this phase")
    for asks in _ENTERS(modules):
        asks(at, sender, name)
    return at


def may_speak(at: RoundAt, member: str, phase: str) -> bool:
    """Return whether no mechanism keeps a member out of a phase."""
    try:
        for asks in _ENTERS(at.record.modules):
            asks(at, member, phase)
    except Rejected:
        return False
    return True


def state_has(at: RoundAt, table: str, member: str) -> bool:
    """Return whether a member is in one of the open round's lists."""
    return at.state.has(at.table(table), member)


def require_present(course: StudyAt, tx: PlaceTransaction) -> RoundAt:
    """Return the open round if a transaction is about its present attempt and phase.

    Raises:
        Rejected: it is about an earlier place ("stale"), a later one ("early"), or none.
    """
    phase = course.status.phase
    if phase not in OPEN:
        early = phase in before_rounds(course.record.modules)
        raise Rejected("early" if early else "stale", "no round is open")
    at = open_round_of(course)
    modules = at.record.modules
    if phase_of(modules, tx.phase) is None:
        raise Rejected("malformed", f"an attempt at this round has no phase {tx.phase!r}")
    here = (*moment_of(at.number), at.attempt, place_of(modules, at.current.phase))
    asked = (*moment_of(tx.round), tx.attempt, place_of(modules, tx.phase))
    if asked != here:
        raise Rejected(
            "stale" if asked < here else "early", f"the attempt is in {at.current.phase}"
        )
    return at


def require_study_phase(course: StudyAt, tx: PlaceTransaction) -> None:
    """Refuse what is not about the phase outside of rounds in which the study is.

    Raises:
        Rejected: it is about an earlier phase ("stale"), a later one ("early"), or none.
    """
    modules, here = course.record.modules, course.status.phase
    order = study_phases(modules)
    if tx.phase not in (*before_rounds(modules), "evaluation", "release"):
        raise Rejected("malformed", f"there is no phase {tx.phase!r} outside of rounds")
    if tx.phase != here:
        late = order.index(tx.phase) < order.index(here)
        raise Rejected("stale" if late else "early", f"the study is in {here}")
