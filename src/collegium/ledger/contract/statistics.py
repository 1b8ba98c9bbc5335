"""Setting up a study of tables: statistics step by step, votes on what follows, the first model.

Sites that accepted say what a step asks for; when all have, or a quorum's timers have fired,
validators vote on what follows. The last step's agreement is the preparation of the model's
inputs, and the owner begins the study with a first model over them. What is said and what follows
is in blobs that the contract never reads (docs/spec/15-statistics.md).
"""

from __future__ import annotations

from typing import Literal

import msgspec

from collegium.canonical import from_text
from collegium.ledger.contract import members, rounds, sums
from collegium.ledger.contract.events import (
    Event,
    StatisticsAgreed,
    StatisticsAsked,
    StatisticsGathered,
    StatisticsUndecided,
    StudyBegun,
)
from collegium.ledger.contract.rejected import Rejected
from collegium.ledger.contract.summing import SET_UP, sums_steps
from collegium.ledger.contract.tables import (
    THE_ONE,
    Acceptance,
    MemberRecord,
    ModelRecord,
    StatisticsRecord,
    StudyRecord,
    StudyStatus,
    attempt_items,
    attempt_key,
    step_key,
    study_path,
)
from collegium.ledger.contract.transactions import (
    PhaseTimeout,
    PlaceTransaction,
    StatisticsPost,
    StatisticsVote,
    StudyBegin,
)
from collegium.ledger.hashing import DIGEST_SIZE
from collegium.ledger.state import State


def open_first(state: State, study: str, record: StudyRecord, status: StudyStatus) -> list[Event]:
    """Open the first step, or fail the study where too few sites have accepted."""
    accepted = sum(
        members.active_member(state, name) is not None
        for name in state.keys(study_path(study, "sites"))
    )
    if accepted < record.min_sites:
        return rounds.fail_study(state, study, status, "too-few", round_open=False)
    status = rounds.changed(status, phase="statistics")
    rounds.set_status(state, study, status)
    first = StatisticsRecord(attempt=0, phase="post", step=1, tries=0)
    return _open_step(state, study, record, status, first)


def post(state: State, sender: str, tx: StatisticsPost) -> list[Event]:
    """Record what blob holds a site's statistics; the last one that is awaited ends the posting.

    Raises:
        Rejected: not its step or time, no part in the study, or said already.
    """
    record, status, current = _enter(state, tx.study)
    if state.record(study_path(tx.study, "sites"), sender, Acceptance) is None:
        raise Rejected("not-a-participant", f"{sender} takes no part in the study")
    table, key = study_path(tx.study, "statistics"), step_key(tx.step, sender)
    if state.has(table, key):
        raise Rejected("already", f"{sender} has spoken in this step")
    if (tx.step, "post") != (current.step, current.phase):
        raise Rejected("early" if tx.step > current.step else "stale", "another step is open")
    from_text(tx.digest, DIGEST_SIZE, "a digest of statistics")
    state.put(table, key, tx.digest.encode())
    if _awaited(state, tx.study, tx.step):
        return []
    return _gather(state, tx.study, record, status, current)


def vote(state: State, sender: str, member: MemberRecord, tx: StatisticsVote) -> list[Event]:
    """Count a validator's vote; a quorum ends the step, its impossibility the attempt.

    Raises:
        Rejected: not its time, no validator, voted already, or neither or both of the answers.
    """
    members.require_role(member, "validator", "vote on statistics")
    if (tx.agreement is msgspec.UNSET) == (tx.fail is msgspec.UNSET):
        raise Rejected("malformed", "a vote has either an agreement or a reason for having none")
    ballot = f"fail:{tx.fail}"
    if tx.agreement is not msgspec.UNSET:
        from_text(tx.agreement, DIGEST_SIZE, "an agreement's digest")
        ballot = tx.agreement
    record, status, current = _enter(state, tx.study)
    votes = study_path(tx.study, "statistics_votes")
    if state.has(votes, attempt_key(tx.attempt, sender)):
        raise Rejected("already", f"{sender} has voted in this attempt")
    if (tx.attempt, "vote") != (current.attempt, current.phase):
        raise Rejected("early" if tx.attempt > current.attempt else "stale", "no such vote is open")
    state.put(votes, attempt_key(tx.attempt, sender), ballot.encode())
    current_powers = members.validator_powers(state)
    total = sum(current_powers.values())
    behind: dict[str, int] = {}
    for name, said in attempt_items(state, votes, tx.attempt):
        behind[said.decode()] = behind.get(said.decode(), 0) + current_powers.get(name, 0)
    if tx.fail is msgspec.UNSET and members.is_quorum(behind[ballot], total):
        return _agree(state, tx.study, record, status, current, ballot, behind[ballot])
    outstanding = total - sum(behind.values())
    best = max((power for said, power in behind.items() if not said.startswith("fail")), default=0)
    if members.is_quorum(best + outstanding, total):
        return []
    return _undecided(state, tx.study, record, status, current, "no-quorum")


def begin(state: State, sender: str, tx: StudyBegin) -> list[Event]:
    """Take the first model over the agreed inputs, and open round 1.

    Raises:
        Rejected: not the owner, not its time, or over another agreement.
    """
    record, status = rounds.study_of(state, tx.study)
    if sender != record.owner:
        raise Rejected("role", "only the study's owner begins it")
    if status.phase != "beginning":
        early = status.phase in ("setup", "statistics")
        raise Rejected("early" if early else "stale", f"the study is in {status.phase}")
    if tx.agreement != _record(state, tx.study).agreement:
        raise Rejected("refused", "it begins over other inputs than were agreed")
    from_text(tx.model, DIGEST_SIZE, "a model's digest")
    record = msgspec.structs.replace(record, initial=tx.model, parameters=tx.parameters)
    state.put(study_path(tx.study, "study"), THE_ONE, record)
    models = study_path(tx.study, "models")
    if not state.has(models, tx.model):
        state.put(models, tx.model, ModelRecord(round=0))
    status = rounds.changed(status, model=tx.model)
    begun = StudyBegun(
        study=tx.study, agreement=tx.agreement, model=tx.model, parameters=tx.parameters
    )
    return [begun, *rounds.open_round(state, tx.genesis, tx.study, record, status)]


def timeout(
    state: State, sender: str, tx: PhaseTimeout, record: StudyRecord, status: StudyStatus
) -> list[Event]:
    """Count a timer; a quorum ends the posting, or the attempt at a vote.

    Raises:
        Rejected: it is about another attempt or phase.
    """
    current = require_present(state, tx)
    prefix = f"{tx.phase}/{attempt_key(tx.attempt)}"
    votes = study_path(tx.study, "timeouts")
    if not members.vote_counts(state, votes, prefix, sender, "timed this phase out"):
        return []
    if current.phase == "vote":
        return _undecided(state, tx.study, record, status, current, "timeout")
    if len(_posted(state, tx.study, current.step)) < record.min_sites:
        return rounds.fail_study(state, tx.study, status, "too-few", round_open=False)
    return _gather(state, tx.study, record, status, current)


def require_present(state: State, tx: PlaceTransaction) -> StatisticsRecord:
    """Return where the statistics stand if a transaction is about its present attempt and phase.

    Raises:
        Rejected: it is about an earlier place ("stale"), a later one ("early"), or none.
    """
    current = _record(state, tx.study)
    phases = ("statistics.post", "statistics.vote")
    if tx.phase not in phases:
        known = tx.phase in ("setup", "beginning", "evaluation", "release")
        code = "malformed" if not known else "stale" if tx.phase == "setup" else "early"
        raise Rejected(code, "the study is in its statistics")
    here = (current.attempt, phases.index(f"statistics.{current.phase}"))
    asked = (tx.attempt, phases.index(tx.phase))
    if asked != here:
        raise Rejected("stale" if asked < here else "early", f"they are in {current.phase}")
    return current


def _enter(state: State, study: str) -> tuple[StudyRecord, StudyStatus, StatisticsRecord]:
    record, status = rounds.study_of(state, study)
    if status.phase != "statistics":
        early = status.phase == "setup"
        raise Rejected("early" if early else "stale", f"the study is in {status.phase}")
    return record, status, _record(state, study)


def _record(state: State, study: str) -> StatisticsRecord:
    current = state.record(study_path(study, "statistics"), THE_ONE, StatisticsRecord)
    if current is None:
        raise LookupError(f"{study} has no statistics")
    return current


def _put(state: State, study: str, current: StatisticsRecord) -> None:
    state.put(study_path(study, "statistics"), THE_ONE, current)


def _open_step(
    state: State, study: str, record: StudyRecord, status: StudyStatus, current: StatisticsRecord
) -> list[Event]:
    """Open a step: sites say what it asks for, or count it for a sum of which nobody sees a part.

    The first one is always said: until then nobody knows which columns there are to count.
    """
    asked = StatisticsAsked(study=study, step=current.step)
    if current.step == 1 or not sums_steps(record):
        _put(state, study, current)
        return [asked]
    _put(state, study, msgspec.structs.replace(current, phase="sum"))
    opened = sums.open_sum(state, study, record, status, SET_UP + current.step)
    if opened is None:
        return [asked, *rounds.fail_study(state, study, status, "too-few", round_open=False)]
    return [asked, *opened]


def agree_on_sum(
    state: State, study: str, record: StudyRecord, status: StudyStatus, agreement: str, power: int
) -> list[Event]:
    """End a step whose statistics were summed, with what a quorum says that follows."""
    return _agree(state, study, record, status, _record(state, study), agreement, power)


def _posted(state: State, study: str, step: int) -> tuple[str, ...]:
    prefix = step_key(step, "")
    keys = state.keys(study_path(study, "statistics"))
    return tuple(key[len(prefix) :] for key in keys if key.startswith(prefix))


def _awaited(state: State, study: str, step: int) -> bool:
    """Whether a site that accepted, and is still a member, has not spoken in a step."""
    table = study_path(study, "statistics")
    return any(
        not state.has(table, step_key(step, name))
        for name in state.keys(study_path(study, "sites"))
        if members.active_member(state, name) is not None
    )


def _gather(
    state: State, study: str, record: StudyRecord, status: StudyStatus, current: StatisticsRecord
) -> list[Event]:
    """End the posting of a step and open the vote."""
    posted = _posted(state, study, current.step)
    if len(posted) < record.min_sites:
        return rounds.fail_study(state, study, status, "too-few", round_open=False)
    opened = msgspec.structs.replace(current, attempt=current.attempt + 1, phase="vote", tries=1)
    _put(state, study, opened)
    return [
        StatisticsGathered(
            study=study, attempt=opened.attempt, sites=posted, step=opened.step
        )
    ]  # fmt: skip


def _agree(
    state: State, study: str, record: StudyRecord, status: StudyStatus,
    current: StatisticsRecord, agreement: str, power: int,
) -> list[Event]:  # fmt: skip
    """End a step; the next one opens, or the study waits for its first model."""
    agreed = StatisticsAgreed(study=study, agreement=agreement, power=power, step=current.step)
    following = msgspec.structs.replace(current, agreement=agreement, tries=0)
    if current.step == record.statistics:
        _put(state, study, msgspec.structs.replace(following, phase="agreed"))
        rounds.set_status(state, study, rounds.changed(status, phase="beginning"))
        return [agreed]
    following = msgspec.structs.replace(following, phase="post", step=current.step + 1)
    return [agreed, *_open_step(state, study, record, status, following)]


def _undecided(
    state: State, study: str, record: StudyRecord, status: StudyStatus,
    current: StatisticsRecord, reason: Literal["no-quorum", "timeout"],
) -> list[Event]:  # fmt: skip
    """End an attempt at a vote; it is tried again until the study's patience ends."""
    ended = StatisticsUndecided(
        study=study, attempt=current.attempt, reason=reason, step=current.step
    )
    if current.tries >= record.max_attempts:
        failed = rounds.fail_study(state, study, status, "attempts", round_open=False)
        return [ended, *failed]
    again = msgspec.structs.replace(current, attempt=current.attempt + 1, tries=current.tries + 1)
    _put(state, study, again)
    return [ended]
