"""Votes on the recomputed model: what closes a round, what fails it, and what comes too late."""

from __future__ import annotations

import msgspec

from collegium.canonical import from_text, to_text
from collegium.ledger.contract import governance, members, rounds
from collegium.ledger.contract.context import RoundAt, StudyAt
from collegium.ledger.contract.declared import hides
from collegium.ledger.contract.encoding import next_exponent
from collegium.ledger.contract.events import Event, RoundClosed, VoteLate
from collegium.ledger.contract.preconditions import enter_study, study_of
from collegium.ledger.contract.rejected import Rejected
from collegium.ledger.contract.results import (
    Failure,
    ModelResult,
    Result,
    SumResult,
    encode_result,
    result_digest,
)
from collegium.ledger.contract.rules import acting, each, rules_of
from collegium.ledger.contract.series import is_sum, series_of
from collegium.ledger.contract.tables import (
    THE_ONE,
    ModelRecord,
    RoundRecord,
    attempt_key,
    round_path,
)
from collegium.ledger.contract.transactions import RoundVote
from collegium.ledger.contract.updates import require_used
from collegium.ledger.hashing import DIGEST_SIZE
from collegium.ledger.state import State

_COUNTS, _VOTES = acting(lambda rules: rules.counts), acting(lambda rules: rules.votes)


def vote(state: State, sender: str, tx: RoundVote) -> list[Event]:
    """Count a validator's vote; a quorum closes the round, its impossibility fails the attempt.

    Raises:
        Rejected: not its time, not its place, or a result that says too much or too little.
    """
    course, result = study_of(state, tx.study), tx.result
    _check(course, tx)
    if tx.round == course.status.closed_rounds and course.status.phase != "closed":
        late = _late(course, sender, tx)
        if late is not None:
            return late
    at = enter_study(course, tx, sender, "vote")
    encoded = encode_result(result)
    at.put("votes", sender, encoded)
    power = int(state.get(at.table("validators"), sender) or b"0")
    failed = isinstance(result, Failure)
    tally = "fail" if failed else to_text(result_digest(encoded))
    mine = int(at.get("tally", tally) or b"0") + power
    at.put("tally", tally, b"%d" % mine)
    for counts in _COUNTS(at.record.modules):
        counts(at, result, power)
    if not failed and members.is_quorum(mine, at.current.total_power):
        return _close(at, result, mine)
    if not failed and len(at.names("tally")) == 1:  # all who have voted agree
        return rounds.spoke(at)
    counted = {key: int(value) for key, value in at.items("tally")}
    outstanding = at.current.total_power - sum(counted.values())
    best = max((value for key, value in counted.items() if key != "fail"), default=0)
    if members.is_quorum(best + outstanding, at.current.total_power):
        return rounds.spoke(at)
    if any(waits(at, outstanding) for waits in each(at.record.modules, lambda rules: rules.waits)):
        return rounds.spoke(at)
    events: list[Event] = []
    for undecided in each(at.record.modules, lambda rules: rules.undecided):
        events += undecided(at)
    return [*events, *rounds.fail_attempt(at, "no-quorum")]


def _check(course: StudyAt, tx: RoundVote) -> None:
    """Refuse a result that the round cannot have.

    Raises:
        Rejected: as it says.
    """
    result = tx.result
    if isinstance(result, SumResult):
        if not is_sum(tx.round):
            raise Rejected("malformed", "a round of training leads to a model, and to no sum")
        from_text(result.total, DIGEST_SIZE, "a sum's digest")
    elif isinstance(result, Failure):
        if result.blames is not msgspec.UNSET and result.reason != "deal":
            raise Rejected("malformed", "only a vote that a deal has failed blames its dealer")
        if result.blames is not msgspec.UNSET and not hides(course.record.modules):
            raise Rejected("malformed", f"{result.blames} has dealt nothing in this attempt")
    else:
        if is_sum(tx.round):
            raise Rejected("malformed", "a round of this series leads to no model")
        from_text(result.model, DIGEST_SIZE, "a model's digest")
        if result.parts is not msgspec.UNSET:
            require_used(result.parts, course.record.modules, "a vote")
        for check in _VOTES(course.record.modules):
            check(course.record, result)


def _late(course: StudyAt, sender: str, tx: RoundVote) -> list[Event] | None:
    """Record a first vote for the last closed round; None where it is about another attempt."""
    state, status = course.state, course.status
    closed = state.record(round_path(tx.study, tx.round, "round"), THE_ONE, RoundRecord)
    if closed is None or tx.attempt != closed.attempt:
        return None
    if state.get(round_path(tx.study, tx.round, "validators"), sender) is None:
        raise Rejected("not-a-participant", f"{sender} is not among this round's validators")
    late_votes = course.table("late_votes")
    key = f"{tx.round:08d}/{sender}"
    voted = state.get(round_path(tx.study, tx.round, "votes"), attempt_key(tx.attempt, sender))
    if voted is not None or state.get(late_votes, key) is not None:
        raise Rejected("already", f"{sender} has voted on this round")
    state.put(late_votes, key, encode_result(tx.result))
    latest = status.model if status.latest is msgspec.UNSET else status.latest
    agrees = isinstance(tx.result, ModelResult) and tx.result.model == latest
    return [VoteLate(study=tx.study, round=tx.round, attempt=tx.attempt, agrees=agrees)]


def _close(at: RoundAt, result: Result, power: int) -> list[Event]:
    """Close the round, and go on: with its model, or as the mechanism of its series says."""
    if isinstance(result, SumResult):
        for rules in rules_of(at.course.record.modules):
            if (series := rules.series.get(series_of(at.number))) is not None:
                return series.closes(at, result.total, power)
    if not isinstance(result, ModelResult):
        raise LookupError(series_of(at.number))
    course, state, before, model = at.course, at.state, at.course.status, result.model
    closed = RoundClosed(**at.here, model=model, parent=before.model, power=power)
    models = course.table("models")
    if not state.has(models, model):  # a round may lead back to a model that was there before
        state.put(models, model, ModelRecord(parent=before.model, round=at.number))
    state.put(at.table("round"), THE_ONE, msgspec.structs.replace(at.current, phase="closed"))
    exponent = _next_exponent(at, result)
    course.move(closed_rounds=at.number, model=model, latest=msgspec.UNSET, exponent=exponent)
    if before.closed_rounds:
        rounds.freeze_round(course, before.closed_rounds)
    events: list[Event] = [closed]
    early = False
    for closes in each(at.record.modules, lambda rules: rules.round_closes):
        closing = closes(at, result, before)
        events += closing.events
        early = early or closing.early
    events += governance.round_ends(state)
    if not early and at.number % at.record.rounds:
        return [*events, *rounds.open_round(course)]
    for goes_on in each(at.record.modules, lambda rules: rules.goes_on):
        if (more := goes_on(course)) is not None:
            return [*events, *more]
    return [*events, *rounds.open_test(course)]


def _next_exponent(at: RoundAt, result: ModelResult) -> int:
    """Return the next round's exponent, from what the updates in the model tell."""
    included = at.names("included")
    for left_out in each(at.record.modules, lambda rules: rules.left_out):
        gone = left_out(at, result)
        included = tuple(name for name in included if name not in gone)
    updates = len(included)
    for encodes in each(at.record.modules, lambda rules: rules.encodes):
        if (exponent := encodes(at, result, updates)) is not None:
            return exponent
    for measured in each(at.record.modules, lambda rules: rules.measured):
        asked = measured(at, result, included)
        return next_exponent(at.current.exponent, at.current.room or 0, updates, *asked)
    return at.current.exponent
