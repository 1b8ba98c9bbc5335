"""Rounds: opening, the walk through an attempt's phases, and what ends attempts; not the phases."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from collegium.ledger.contract import governance, members, silence
from collegium.ledger.contract.attendance import fewest, needed_in, ready
from collegium.ledger.contract.context import RoundAt, StudyAt
from collegium.ledger.contract.declared import following, phase_of, phases_of, together
from collegium.ledger.contract.encoding import first_exponent
from collegium.ledger.contract.events import (
    AttemptFailed,
    Event,
    PhaseOpened,
    RoundOpened,
    StudyFailed,
    TestOpened,
    UpdatesIncluded,
)
from collegium.ledger.contract.inclusion import include
from collegium.ledger.contract.preconditions import (
    OPEN,
    open_round_of,
    require_present,
    study_of,
    terms_in,
)
from collegium.ledger.contract.ring import ring_in, room_for
from collegium.ledger.contract.rules import Ending, each, rules_of
from collegium.ledger.contract.sampling import next_in_turn, sample_participants
from collegium.ledger.contract.series import is_sum, series_of
from collegium.ledger.contract.shares import share_in_force, within_share
from collegium.ledger.contract.tables import THE_ONE, RoundRecord, attempt_key, round_branch
from collegium.ledger.contract.transactions import PhaseTimeout
from collegium.ledger.state import State


def open_round(course: StudyAt, number: int | None = None) -> list[Event]:
    """Open the next round, or one by `number`, or end training where too few could take part.

    Participants are those sites, accepted and still members, whom no mechanism keeps out and who
    were not silent, whose draws are lowest; a draw depends on the seed, the round and the member,
    never on what was revealed. Where they take turns, they are the next ones in order of their
    names. Where a sum from the same model may be known, they are those who were in it. No weight
    is more than the study's largest share of all (contract 2).
    """
    record = course.record
    number = course.status.closed_rounds + 1 if number is None else number
    accepted = ready(course)
    if len(accepted) < fewest(record):
        return fail_study(course, "too-few", round_open=False)
    able = dict(accepted)
    for rules in rules_of(record.modules):
        if rules.has_no_room is None or rules.exhausted is None:
            continue
        out = rules.has_no_room(course, list(able))
        able = {name: weight for name, weight in able.items() if name not in out}
        if len(able) < fewest(record):
            return _exhausted(course, rules.exhausted(course, out))
    there, skipped = silence.skipping(course, number, able, fewest(record))
    chosen = sample_participants(
        record.genesis, course.study, record.seed, number, there, record.per_round
    )
    if record.participation == "cyclic":
        chosen = next_in_turn(number, there, record.per_round)
    if bound := bound_to(course):
        skipped = []
        chosen = [name for name in bound if name in able]
        if len(chosen) < len(bound):
            return fail_study(course, "too-few", round_open=False)
    weights = {name: accepted[name] for name in chosen}
    for weigh in each(record.modules, lambda rules: rules.weighs):
        weights = weigh(course, weights)
    share = share_in_force(record.largest_share, members.contract_version(course.state))
    weights = within_share(weights, share)
    return [*skipped, *begin_round(course, number, weights, "rounds")]


def bound_to(course: StudyAt) -> dict[str, int]:
    """Return who alone may take part in a round from the study's model, if that is bound."""
    found: dict[str, int] = {}
    for bound in each(course.record.modules, lambda rules: rules.bound):
        found |= bound(course)
    return dict(sorted(found.items()))


def can_repeat(course: StudyAt) -> bool:
    """Return whether everybody can take part whom a round from the study's model is bound to."""
    return bound_to(course).keys() <= ready(course).keys()


def begin_round(
    course: StudyAt, number: int, weights: Mapping[str, int], phase: str
) -> list[Event]:
    """Open a round among these participants; the present validators vote in it."""
    voters = members.validator_powers(course.state)
    course.move(phase=phase, round=number)
    for table, numbers in (("participants", weights), ("validators", voters)):
        put_numbers(course, table, numbers)
    for opens in each(terms_in(course.record, number).modules, lambda rules: rules.round_opens):
        opens(course, list(weights), voters)
    governance.round_opens(course.state)
    return open_attempt(course, 1)


def put_numbers(course: StudyAt, table: str, numbers: Mapping[str, int]) -> None:
    """Store one of the open round's lists, with its weights or powers."""
    entries = {name: b"%d" % one for name, one in numbers.items()}
    branch = round_branch(course.study, course.status.round)
    course.state.put_all((*branch, table), entries)


def open_test(course: StudyAt) -> list[Event]:
    """End training: sites may open their test parts."""
    opened: list[Event] = [TestOpened(study=course.study, model=course.status.model)]
    for comes_first in each(course.record.modules, lambda rules: rules.test_opens):
        if (events := comes_first(course)) is not None:
            return [*opened, *events]
    course.move(phase="evaluation")
    return opened


def _exhausted(course: StudyAt, exhausted: Event) -> list[Event]:
    """Refuse a round that too few have room for: the last good model is final."""
    if course.status.closed_rounds == 0:
        return [exhausted, *fail_study(course, "budget", round_open=False)]
    return [exhausted, *open_test(course)]


def open_attempt(course: StudyAt, attempt: int) -> list[Event]:
    """Begin an attempt at the open round: the same participants, weights and validators."""
    number = course.status.round
    record = terms_in(course.record, number)
    at = RoundAt(course, record, RoundRecord(
        attempt=attempt, exponent=course.status.exponent, expected=0, got=0,
        phase=phases_of(record.modules)[0].name, total_power=0,
    ))  # fmt: skip
    weights, voters = at.powers("participants"), at.powers("validators")
    exponent, room = (0, 0) if is_sum(number) else _encoding(at, weights.values())
    at.current = msgspec.structs.replace(
        at.current, exponent=exponent, room=room or msgspec.UNSET,
        expected=len(weights), total_power=sum(voters.values()),
    )  # fmt: skip
    _store(at)
    for rules in rules_of(course.record.modules):
        if (series := rules.series.get(series_of(number))) is not None:
            return [series.opened(at)]
    return [
        RoundOpened(
            **at.here, design=record.design, exponent=at.current.exponent,
            model=course.status.model, participants=tuple(weights),
            parts=together(
                "opened", (adds(at) for adds in each(record.modules, lambda rules: rules.opened))
            ),
            weights=tuple(weights.values()), validators=tuple(voters),
            powers=tuple(voters.values()),
            ring=ring_in(at.state, record.design, number, weights.values()),
            room=at.current.room,
        )
    ]  # fmt: skip


def _encoding(at: RoundAt, weights: Iterable[int]) -> tuple[int, int]:
    """Return exponent and room of the open round, by what is registered where a trial begins."""
    room = room_for(at.record, weights, members.contract_version(at.state))
    exponent = at.course.status.exponent
    begins = (at.number - 1) % at.record.rounds == 0
    return first_exponent(exponent, room) if begins else exponent, room


def _store(at: RoundAt) -> None:
    at.state.put(at.table("round"), THE_ONE, at.current)


def spoke(at: RoundAt) -> list[Event]:
    """Count one more message of the phase, and go on when it was the last one expected."""
    at.current = msgspec.structs.replace(at.current, got=at.current.got + 1)
    if at.current.got == at.current.expected or silence.heard_without(at):
        return advance(at, timed_out=False)
    _store(at)
    return []


def timeout(course: StudyAt, sender: str, tx: PhaseTimeout) -> list[Event]:
    """Count a timer within a round; a quorum of the current validators ends the phase."""
    at = require_present(course, tx)
    prefix = attempt_key(tx.attempt, tx.phase)
    table = at.table("timeouts")
    if not members.vote_counts(at.state, table, prefix, sender, "timed this phase out"):
        return []
    return [*silence.time_out(at), *advance(at, timed_out=True)]


def advance(at: RoundAt, *, timed_out: bool) -> list[Event]:
    """End the attempt's phase: open the next one, or fail the attempt where too few have spoken."""
    modules, name, needed = at.record.modules, at.current.phase, needed_in(at)
    phase = phase_of(modules, name)
    if phase is None:
        raise LookupError(name)
    if phase.speakers == "participants" and at.current.got < needed:
        return fail_attempt(at, "too-few")
    there = at.names(phase.table)
    if name == "available":
        there = tuple(include(at))
        if len(there) < needed:
            return fail_attempt(at, "withheld")
    ending = Ending(there)
    for end in each(modules, lambda rules: rules.phase_ends):
        ending = end(at, ending)
        if ending.failed is not None:
            return [*ending.events, *fail_attempt(at, ending.failed)]
    if ending.unsound:
        return [*ending.events, *fail_attempt(at, "bad-deal")]
    events = [*ending.events]
    if name == "available":
        events.append(UpdatesIncluded(**at.here, members=ending.there))
    after = following(modules, name)
    if after is None:
        return [*events, *fail_attempt(at, "timeout")]
    those = "participants" if name == "available" else phase.speakers
    expected = len(ending.there)
    if after.speakers != those:
        expected = at.state.count(at.table(after.speakers))
    at.current = msgspec.structs.replace(at.current, phase=after.name, expected=expected, got=0)
    _store(at)
    events.append(PhaseOpened(**at.here, phase=after.name, timed_out=timed_out))
    return events


def fail_attempt(at: RoundAt, reason: str) -> list[Event]:
    """End an attempt without a model; the round is tried again until the study's patience ends."""
    failed, course = AttemptFailed(**at.here, reason=reason), at.course
    for ends in each(at.record.modules, lambda rules: rules.attempt_fails):
        ends(at)
    if _without_members_that_left(at):
        return [failed, *give_up(course, "expelled")]
    if at.state.count(at.table("participants")) < fewest(at.record):
        return [failed, *give_up(course, "too-few")]
    if at.current.attempt >= at.record.max_attempts:
        for goes_on in each(at.record.modules, lambda rules: rules.gives_up):
            if (events := goes_on(at)) is not None:
                return [failed, *governance.round_ends(at.state), *events]
        return [failed, *give_up(course, "attempts")]
    return [failed, *open_attempt(course, at.current.attempt + 1)]


def _without_members_that_left(at: RoundAt) -> bool:
    """Take validators that are members no more out of the round's further attempts.

    Return whether the round can never end: nobody is left to vote, or everybody is waited for,
    one of whom has left. Only since contract 2 can anybody leave while a round is open.
    """
    for name in at.members("validators"):
        if members.active_member(at.state, name) is None:
            at.state.put(at.table("validators"), name, None)
    if not at.members("validators"):
        return True
    everybody = members.active_members(at.state).issuperset(at.members("participants"))
    return at.record.attendance == "all" and not everybody


def member_leaves(state: State, member: str) -> list[Event]:
    """End the open attempts that would wait for a member who can speak no more.

    Others go on: their timers do not wait, and the voters that are left may be a quorum.
    """
    events: list[Event] = []
    for study in state.branches("studies"):
        course = study_of(state, study)
        if course.status.phase in OPEN and course.record.attendance == "all":
            at = open_round_of(course)
            if member in (*at.members("participants"), *at.members("validators")):
                events += fail_attempt(at, "expelled")
    return events


def give_up(course: StudyAt, reason: str) -> list[Event]:
    """End the open round for good: the study fails, or goes on as the round's mechanism says."""
    for rules in rules_of(course.record.modules):
        if (series := rules.series.get(series_of(course.status.round))) is not None:
            return series.gives_up(course, reason)
    return fail_study(course, reason, round_open=True)


def fail_study(course: StudyAt, reason: str, *, round_open: bool) -> list[Event]:
    """End a study's training as failed; the last good model stands, and only closing is left."""
    course.move(phase="closing", outcome="failed")
    failed = StudyFailed(study=course.study, model=course.status.model, reason=reason)
    return [failed, *governance.round_ends(course.state)] if round_open else [failed]


def freeze_round(course: StudyAt, number: int) -> None:
    """Reduce a closed round to its root: nothing about it can change any more."""
    course.state.freeze(round_branch(course.study, number))


__all__ = [
    "advance", "begin_round", "bound_to", "can_repeat", "fail_attempt", "fail_study",
    "freeze_round", "give_up", "member_leaves", "open_attempt", "open_round", "open_round_of",
    "open_test", "put_numbers", "spoke", "timeout",
]  # fmt: skip
