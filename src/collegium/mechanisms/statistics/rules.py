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
from collegium.ledger.contract import members, rounds, silence
from collegium.ledger.contract.context import StudyAt
from collegium.ledger.contract.event import Event
from collegium.ledger.contract.preconditions import AFTER, require_study_phase, study_of
from collegium.ledger.contract.rejected import Rejected
from collegium.ledger.contract.rules import Rules, each, without_record
from collegium.ledger.contract.tables import (
    THE_ONE,
    Acceptance,
    MemberRecord,
    ModelRecord,
    Record,
    attempt_items,
    attempt_key,
)
from collegium.ledger.contract.transactions import PlaceTransaction
from collegium.ledger.hashing import DIGEST_SIZE
from collegium.ledger.state import State
from collegium.mechanisms.statistics.terms import (
    MECHANISM,
    StatisticsAgreed,
    StatisticsAsked,
    StatisticsGathered,
    StatisticsPost,
    StatisticsTerms,
    StatisticsUndecided,
    StatisticsVote,
    StudyBegin,
    StudyBegun,
)

PHASES = ("statistics.post", "statistics.vote")


class StatisticsRecord(Record, frozen=True, kw_only=True):
    """Where the statistics of set-up stand.

    `attempt` counts votes over all steps, `tries` those of this one; `agreement` is what the
    last finished step came to.
    """

    agreement: str | msgspec.UnsetType = msgspec.UNSET
    attempt: int
    phase: Literal["post", "vote", "sum", "agreed"]
    step: int
    tries: int


def step_key(step: int, member: str) -> str:
    """Return a key of what was said in a step; two digits, so that steps sort in their order."""
    return f"{step:02d}/{member}"


def _open_first(course: StudyAt) -> list[Event]:
    """Open the first step, or fail the study where too few sites have accepted."""
    accepted = sum(
        members.active_member(course.state, name) is not None
        for name in course.state.keys(course.table("sites"))
    )
    if accepted < course.record.min_sites:
        return rounds.fail_study(course, "too-few", round_open=False)
    course.move(phase="statistics")
    return _open_step(course, StatisticsRecord(attempt=0, phase="post", step=1, tries=0))


def post(state: State, sender: str, tx: StatisticsPost) -> list[Event]:
    """Record what blob holds a site's statistics; the last one that is awaited ends the posting.

    Raises:
        Rejected: not its step or time, no part in the study, or said already.
    """
    course, current = _enter(state, tx.study)
    if state.record(course.table("sites"), sender, Acceptance) is None:
        raise Rejected("not-a-participant", f"{sender} takes no part in the study")
    table, key = course.table("statistics"), step_key(tx.step, sender)
    if state.has(table, key):
        raise Rejected("already", f"{sender} has spoken in this step")
    if (tx.step, "post") != (current.step, current.phase):
        raise Rejected("early" if tx.step > current.step else "stale", "another step is open")
    from_text(tx.digest, DIGEST_SIZE, "a digest of statistics")
    state.put(table, key, tx.digest.encode())
    return [] if _awaited(course, tx.step) else _gather(course, current)


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
    course, current = _enter(state, tx.study)
    votes = course.table("statistics_votes")
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
        return agree(course, ballot, behind[ballot])
    outstanding = total - sum(behind.values())
    best = max((power for said, power in behind.items() if not said.startswith("fail")), default=0)
    if members.is_quorum(best + outstanding, total):
        return []
    return _undecided(course, current, "no-quorum")


def begin(state: State, sender: str, tx: StudyBegin) -> list[Event]:
    """Record the owner's first model over the inputs that were agreed, and open round 1.

    Raises:
        Rejected: not the owner, not its time, or other inputs.
    """
    course = study_of(state, tx.study)
    if sender != course.record.owner:
        raise Rejected("role", "only the study's owner begins it")
    if course.status.phase != "beginning":
        early = course.status.phase in ("setup", "statistics")
        raise Rejected("early" if early else "stale", f"the study is in {course.status.phase}")
    if tx.agreement != _current(course).agreement:
        raise Rejected("refused", "it begins over other inputs than were agreed")
    from_text(tx.model, DIGEST_SIZE, "a model's digest")
    course.record = msgspec.structs.replace(
        course.record, initial=tx.model, parameters=tx.parameters
    )
    state.put(course.table("study"), THE_ONE, course.record)
    models = course.table("models")
    if not state.has(models, tx.model):
        state.put(models, tx.model, ModelRecord(round=0))
    course.move(model=tx.model)
    begun = StudyBegun(
        study=tx.study, agreement=tx.agreement, model=tx.model, parameters=tx.parameters
    )
    return [begun, *rounds.open_round(course)]


def _times_out(course: StudyAt, sender: str, tx: PlaceTransaction) -> list[Event]:
    """Count a timer; a quorum ends the posting, the attempt at a vote, or the wait for a model.

    Raises:
        Rejected: it is about another attempt or phase.
    """
    _require_present(course, tx)
    prefix = tx.phase
    if course.status.phase == "statistics":
        prefix = f"{tx.phase}/{attempt_key(tx.attempt)}"
    votes = course.table("timeouts")
    if not members.vote_counts(course.state, votes, prefix, sender, "timed this phase out"):
        return []
    if course.status.phase == "beginning":
        return rounds.fail_study(course, "abandoned", round_open=False)
    current = _current(course)
    if current.phase == "vote":
        return _undecided(course, current, "timeout")
    if len(_posted(course, current.step)) < course.record.min_sites:
        return rounds.fail_study(course, "too-few", round_open=False)
    unheard, place = _unheard(course, current.step), (0, current.attempt, tx.phase)
    return [
        *silence.fall_silent(course, silence.SITES, unheard, place), *_gather(course, current)
    ]  # fmt: skip


def _require_present(course: StudyAt, tx: PlaceTransaction) -> None:
    """Refuse what is not about the statistics' present attempt and phase.

    Raises:
        Rejected: it is about an earlier place ("stale"), a later one ("early"), or none.
    """
    if course.status.phase == "beginning":
        if tx.attempt:
            raise Rejected("stale", "no round is open")
        require_study_phase(course, tx)
        return
    current = _current(course)
    if tx.phase not in PHASES:
        known = tx.phase in ("setup", "beginning", *AFTER[:2])
        code = "malformed" if not known else "stale" if tx.phase == "setup" else "early"
        raise Rejected(code, "the study is in its statistics")
    here = (current.attempt, PHASES.index(f"statistics.{current.phase}"))
    asked = (tx.attempt, PHASES.index(tx.phase))
    if asked != here:
        raise Rejected("stale" if asked < here else "early", f"they are in {current.phase}")


def _enter(state: State, study: str) -> tuple[StudyAt, StatisticsRecord]:
    course = study_of(state, study)
    if course.status.phase != "statistics":
        early = course.status.phase == "setup"
        raise Rejected("early" if early else "stale", f"the study is in {course.status.phase}")
    return course, _current(course)


def _current(course: StudyAt) -> StatisticsRecord:
    current = course.state.record(course.table("statistics"), THE_ONE, StatisticsRecord)
    if current is None:
        raise LookupError(f"{course.study} has no statistics")
    return current


def _put(course: StudyAt, current: StatisticsRecord) -> None:
    course.state.put(course.table("statistics"), THE_ONE, current)


def _open_step(course: StudyAt, current: StatisticsRecord) -> list[Event]:
    """Open a step: sites say what it asks for, or count it for a sum of which nobody sees a part.

    The first one is always said: until then nobody knows which columns there are to count.
    """
    asked = StatisticsAsked(study=course.study, step=current.step)
    sums = each(course.record.modules, lambda rules: rules.opens_step)
    if current.step > 1 and sums:
        _put(course, msgspec.structs.replace(current, phase="sum"))
        if (opened := sums[0](course, current.step)) is not None:
            return [asked, *opened]
    _put(course, current)
    return [asked]


def _posted(course: StudyAt, step: int) -> tuple[str, ...]:
    prefix = step_key(step, "")
    keys = course.state.keys(course.table("statistics"))
    return tuple(key[len(prefix) :] for key in keys if key.startswith(prefix))


def _awaited(course: StudyAt, step: int) -> bool:
    """Whether a site that accepted, and is still a member, is waited for in a step."""
    return silence.awaits(course, _unheard(course, step), len(_posted(course, step)))


def _unheard(course: StudyAt, step: int) -> list[str]:
    """Return which sites that accepted have not spoken in a step."""
    table, sites = course.table("statistics"), course.state.keys(course.table("sites"))
    return [name for name in sites if not course.state.has(table, step_key(step, name))]


def _gather(course: StudyAt, current: StatisticsRecord) -> list[Event]:
    """End the posting of a step and open the vote."""
    posted = _posted(course, current.step)
    if len(posted) < course.record.min_sites:
        return rounds.fail_study(course, "too-few", round_open=False)
    opened = msgspec.structs.replace(current, attempt=current.attempt + 1, phase="vote", tries=1)
    _put(course, opened)
    return [
        StatisticsGathered(
            study=course.study, attempt=opened.attempt, sites=posted, step=opened.step
        )
    ]  # fmt: skip


def agree(course: StudyAt, agreement: str, power: int) -> list[Event]:
    """End a step; the next one opens, or the study waits for its first model."""
    current, terms = _current(course), course.terms(StatisticsTerms)
    agreed = StatisticsAgreed(
        study=course.study, agreement=agreement, power=power, step=current.step
    )
    following = msgspec.structs.replace(current, agreement=agreement, tries=0)
    if terms is None or current.step == terms.steps:
        _put(course, msgspec.structs.replace(following, phase="agreed"))
        course.move(phase="beginning")
        return [agreed]
    following = msgspec.structs.replace(following, phase="post", step=current.step + 1)
    return [agreed, *_open_step(course, following)]


def _undecided(
    course: StudyAt, current: StatisticsRecord, reason: Literal["no-quorum", "timeout"]
) -> list[Event]:
    """End an attempt at a vote; it is tried again until the study's patience ends."""
    ended = StatisticsUndecided(
        study=course.study, attempt=current.attempt, reason=reason, step=current.step
    )
    if current.tries >= course.record.max_attempts:
        return [ended, *rounds.fail_study(course, "attempts", round_open=False)]
    again = msgspec.structs.replace(current, attempt=current.attempt + 1, tries=current.tries + 1)
    _put(course, again)
    return [ended]


RULES = Rules(
    MECHANISM,
    handlers={
        StatisticsPost: without_record(post),
        StatisticsVote: vote,
        StudyBegin: without_record(begin),
    },
    sets_up=_open_first,
    times_out=_times_out,
    require_present=_require_present,
)
