"""Where a study stands, and whether a member may speak there now."""

from __future__ import annotations

from typing import Any

import msgspec

from collegium.ledger.contract.groups import INSIDE
from collegium.ledger.contract.phases import DESIGNS, PHASES, is_grouped, is_past
from collegium.ledger.contract.rejected import Rejected
from collegium.ledger.contract.summing import moment_of, step_of, terms_in
from collegium.ledger.contract.tables import (
    THE_ONE,
    RoundRecord,
    StudyRecord,
    StudyStatus,
    attempt_key,
    round_path,
    study_path,
)
from collegium.ledger.contract.transactions import PlaceTransaction, RoundTransaction
from collegium.ledger.state import State

BEFORE = ("setup", "statistics", "beginning")
"""Phases of a study before its first round."""

OPEN = ("rounds", "summing")
"""Phases of a study in which a round is open, be it a sum of statistics."""


def study_of(state: State, study: str) -> tuple[StudyRecord, StudyStatus]:
    """Return a study's registration and status.

    Raises:
        Rejected: there is no such study.
    """
    record = state.record(study_path(study, "study"), THE_ONE, StudyRecord)
    status = state.record(study_path(study, "status"), THE_ONE, StudyStatus)
    if record is None or status is None:
        raise Rejected("unknown-study", f"no study named {study[:40]!r} is registered")
    return record, status


def set_status(state: State, study: str, status: StudyStatus) -> None:
    """Store a study's status."""
    state.put(study_path(study, "status"), THE_ONE, status)


def changed(status: StudyStatus, **fields: Any) -> StudyStatus:
    """Return a status with some fields replaced."""
    return msgspec.structs.replace(status, **fields)


def enter(
    state: State, tx: RoundTransaction, sender: str, phase: str
) -> tuple[StudyRecord, StudyStatus, RoundRecord]:
    """Check that a member may speak in a phase now, and return where things stand.

    Raises:
        Rejected: another round, attempt or phase ("stale" or "early"), or no part in it.
    """
    record, status = study_of(state, tx.study)
    current = enter_study(state, tx, sender, phase, record, status)
    return terms_in(record, status.round), status, current


def enter_study(
    state: State, tx: RoundTransaction, sender: str, phase: str, record: StudyRecord,
    status: StudyStatus,
) -> RoundRecord:  # fmt: skip
    """Do the same where the study's records are at hand."""
    if status.phase not in OPEN:
        over = status.phase == "beginning" and step_of(tx.round) is not None
        early = status.phase in BEFORE and not over
        raise Rejected("early" if early else "stale", "no round is open")
    record = terms_in(record, status.round)
    current = open_record(state, tx.study, status)
    if tx.round != status.round or tx.attempt != current.attempt:
        here = (*moment_of(status.round), current.attempt)
        late = (*moment_of(tx.round), tx.attempt) < here
        raise Rejected(
            "stale" if late else "early",
            f"round {status.round}, attempt {current.attempt} is open",
        )
    role = PHASES[phase].speakers
    if not state.has(round_path(tx.study, tx.round, role), sender):
        raise Rejected("not-a-participant", f"{sender} is not among this round's {role}")
    if phase != current.phase:
        past = phase in DESIGNS[record.design] and is_past(record.design, phase, current.phase)
        raise Rejected("stale" if past else "early", f"the attempt is in {current.phase}")
    table = round_path(tx.study, tx.round, PHASES[phase].table)
    if state.has(table, attempt_key(tx.attempt, sender)):
        raise Rejected("already", f"{sender} has spoken in this phase")
    if is_grouped(record.design) and phase in INSIDE:
        path = round_path(tx.study, tx.round, "groups")
        if not state.has(path, attempt_key(tx.attempt, sender)):
            raise Rejected("not-a-participant", f"{sender} is in no group that goes on")
    return current


def open_record(state: State, study: str, status: StudyStatus) -> RoundRecord:
    """Return the record of the open round."""
    current = state.record(round_path(study, status.round, "round"), THE_ONE, RoundRecord)
    if current is None:
        raise LookupError(f"{study} has no open round")
    return current


def require_present(
    state: State, tx: PlaceTransaction, record: StudyRecord, status: StudyStatus
) -> RoundRecord:
    """Return the open round's record if a transaction is about its present attempt and phase.

    Raises:
        Rejected: it is about an earlier place ("stale"), a later one ("early"), or none.
    """
    if status.phase not in OPEN:
        raise Rejected("early" if status.phase in BEFORE else "stale", "no round is open")
    record = terms_in(record, status.round)
    current = open_record(state, tx.study, status)
    if tx.phase not in DESIGNS[record.design]:
        raise Rejected("malformed", f"the design {record.design} has no phase {tx.phase!r}")
    phases = DESIGNS[record.design]
    here = (*moment_of(status.round), current.attempt, phases.index(current.phase))
    asked = (*moment_of(tx.round), tx.attempt, phases.index(tx.phase))
    if asked != here:
        raise Rejected("stale" if asked < here else "early", f"the attempt is in {current.phase}")
    return current
