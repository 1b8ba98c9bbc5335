"""An attempt as the contract's state has it."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from collegium.canonical import from_text
from collegium.ledger.contract.context import RoundAt, StudyAt
from collegium.ledger.contract.preconditions import terms_in
from collegium.ledger.contract.ring import ring_in
from collegium.ledger.contract.tables import (
    THE_ONE,
    ModelRecord,
    RevealRecord,
    RoundRecord,
    StudyRecord,
    StudyStatus,
    round_path,
    study_path,
)
from collegium.ledger.genesis import ledger_of
from collegium.ledger.hashing import DIGEST_SIZE
from collegium.ledger.state import State
from collegium.resolving.attempt import Attempt, with_fields
from collegium.resolving.seam import every_resolving
from collegium.secrecy.sum_setup import AttemptId


def attempt_in(
    state: State, study: str, number: int, earlier: tuple[int, Mapping[str, int]] | None = None
) -> Attempt | None:
    """Return the present or last attempt at a round, as the contract's state has it.

    Args:
        state: the contract's.
        study: its id.
        number: of the open round, or of the last closed one.
        earlier: another attempt at the open round instead, with its participants' weights, of whom
            state tells only those who still take part.

    Returns:
        the attempt; None where there is no such round, or none that state still tells of.
    """
    terms = state.record(study_path(study, "study"), THE_ONE, StudyRecord)
    status = state.record(study_path(study, "status"), THE_ONE, StudyStatus)
    current = state.record(round_path(study, number, "round"), THE_ONE, RoundRecord)
    if terms is None or status is None or current is None:
        return None
    if earlier is not None:
        current = msgspec.structs.replace(current, attempt=earlier[0])
    held, course = terms_in(terms, number), msgspec.structs.replace(status, round=number)
    at = RoundAt(StudyAt(state, study, terms, course), held, current)
    participants = at.powers("participants") if earlier is None else dict(earlier[1])
    reveals = {name: at.entry("reveals", name, RevealRecord) for name in participants}
    attempt = Attempt(
        AttemptId(ledger_of(terms.genesis), study, number, at.attempt),
        held,
        _start(state, study, status, closed=current.phase == "closed"),
        current.exponent,
        ring_in(state, held.design, number, participants.values()),
        current.room or 0,
        participants,
        at.powers("validators"),
        points=dict(at.items("points")),
        reveals={name: one for name, one in reveals.items() if one is not None},
        included=at.names("included"),
    )
    known = every_resolving()
    for one in (known[name] for name in terms.modules if name in known):
        if one.fixes is not None:
            attempt = with_fields(attempt, one.fixes(at, tuple(participants)))
    return attempt


def _start(state: State, study: str, status: StudyStatus, *, closed: bool) -> bytes:
    """Return which model the open round starts from, or the last closed one did."""
    name = status.model
    if closed:
        latest = status.latest if isinstance(status.latest, str) else status.model
        record = state.record(study_path(study, "models"), latest, ModelRecord)
        name = record.parent if record is not None and isinstance(record.parent, str) else ""
    return from_text(name, DIGEST_SIZE) if name else b""
