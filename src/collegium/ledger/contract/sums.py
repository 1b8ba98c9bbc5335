"""Sums of statistics: how one opens, which attempts it has, and what its end leads to.

The phases within an attempt are those of a round with masked updates (`rounds`, `circle`).
"""

from __future__ import annotations

from typing import Literal

from collegium.ledger.contract import governance, members
from collegium.ledger.contract.attendance import fewest, ready
from collegium.ledger.contract.entering import changed, set_status
from collegium.ledger.contract.events import Event, SumGivenUp, SumOpened
from collegium.ledger.contract.phases import first_phase
from collegium.ledger.contract.summing import EVALUATION, evaluates_by_sum, terms_in
from collegium.ledger.contract.tables import (
    THE_ONE,
    RoundRecord,
    StudyPhase,
    StudyRecord,
    StudyStatus,
    powers,
    round_branch,
    round_path,
)
from collegium.ledger.state import State


def open_evaluation(
    state: State, study: str, record: StudyRecord, status: StudyStatus
) -> list[Event]:
    """Open the sum over test rows, or, where there is none, the evaluation."""
    if not evaluates_by_sum(record):
        set_status(state, study, changed(status, phase="evaluation"))
        return []
    opened = open_sum(state, study, record, status, EVALUATION)
    return go_on(state, study, status, "too-few") if opened is None else opened


def open_sum(
    state: State, study: str, record: StudyRecord, status: StudyStatus, number: int
) -> list[Event] | None:
    """Open a sum among all sites that are there, each as good as another; None if too few are."""
    terms, there = terms_in(record, number), ready(state, study)
    if len(there) < fewest(terms):
        return None
    voters = members.validator_powers(state)
    for table, numbers in (("participants", dict.fromkeys(there, 1)), ("validators", voters)):
        entries = {name: b"%d" % one for name, one in numbers.items()}
        state.put_all(round_path(study, number, table), entries)
    governance.round_opens(state)
    status = changed(status, phase="summing", round=number)
    set_status(state, study, status)
    return open_attempt(state, study, terms, status, 1)


def open_attempt(
    state: State, study: str, terms: StudyRecord, status: StudyStatus, attempt: int
) -> list[Event]:
    """Begin an attempt at the open sum, among who takes part in it."""
    there = powers(state, round_path(study, status.round, "participants"))
    voters = powers(state, round_path(study, status.round, "validators"))
    opened = RoundRecord(
        attempt=attempt, exponent=0, expected=len(there), got=0, phase=first_phase(terms.design),
        total_power=sum(voters.values()),
    )  # fmt: skip
    state.put(round_path(study, status.round, "round"), THE_ONE, opened)
    return [
        SumOpened(
            study=study, round=status.round, attempt=attempt, design=terms.design,
            model=status.model, participants=tuple(there), powers=tuple(voters.values()),
            validators=tuple(voters),
        )
    ]  # fmt: skip


def close(
    state: State, study: str, status: StudyStatus, phase: StudyPhase
) -> tuple[StudyStatus, list[Event]]:
    """End the open sum, which nothing changes any more; return the status after it, and events."""
    state.freeze(round_branch(study, status.round))
    status = changed(status, phase=phase, round=status.closed_rounds)
    set_status(state, study, status)
    return status, governance.round_ends(state)


def go_on(
    state: State, study: str, status: StudyStatus,
    reason: Literal["too-few", "attempts", "abandoned"],
) -> list[Event]:  # fmt: skip
    """Go on without the sum over test rows: the model stands, and sites say what each may say."""
    given_up = SumGivenUp(study=study, reason=reason)
    if status.phase != "summing":
        set_status(state, study, changed(status, phase="evaluation"))
        return [given_up]
    return [given_up, *close(state, study, status, "evaluation")[1]]
