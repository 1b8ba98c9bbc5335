"""Rounds: opening, the walk through a design's phases, attempts, what ends them; not the phases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from collegium.ledger.contract import (
    budgets,
    circle,
    combining,
    governance,
    groups,
    members,
    reputations,
    selection,
    sums,
)
from collegium.ledger.contract.attendance import fewest, needed_in, ready
from collegium.ledger.contract.draws import draw_participants, next_in_turn
from collegium.ledger.contract.encoding import clip_of
from collegium.ledger.contract.entering import BEFORE as BEFORE
from collegium.ledger.contract.entering import changed as changed
from collegium.ledger.contract.entering import enter as enter
from collegium.ledger.contract.entering import enter_study as enter_study
from collegium.ledger.contract.entering import open_record as open_record
from collegium.ledger.contract.entering import require_present as require_present
from collegium.ledger.contract.entering import set_status as set_status
from collegium.ledger.contract.entering import study_of as study_of
from collegium.ledger.contract.events import (
    AttemptFailed,
    BudgetExhausted,
    Event,
    PhaseOpened,
    RoundOpened,
    StudyFailed,
    TestOpened,
    UpdatesIncluded,
)
from collegium.ledger.contract.inclusion import include
from collegium.ledger.contract.phases import (
    PHASES,
    first_phase,
    is_grouped,
    is_masked,
    next_phase,
)
from collegium.ledger.contract.ring import ring_of
from collegium.ledger.contract.summing import EVALUATION, is_sum, terms_in
from collegium.ledger.contract.tables import (
    THE_ONE,
    RoundRecord,
    StudyRecord,
    StudyStatus,
    attempt_key,
    attempt_names,
    powers,
    round_branch,
    round_path,
)
from collegium.ledger.contract.transactions import PhaseTimeout
from collegium.ledger.state import State

SCORE_TABLES = {"score.commit": "score_commits", "score.reveal": "scores"}
"""Phases that need a quorum of the scorers, and where they speak."""


def open_round(
    state: State, genesis: str, study: str, record: StudyRecord, status: StudyStatus,
    number: int | None = None,
) -> list[Event]:  # fmt: skip
    """Open the next round, or one by `number`, or end training where too few could take part.

    Participants are those sites, accepted and still members, with room in their privacy budgets,
    whose draws are lowest; a draw depends on the seed, the round and the member, never on what
    was revealed. Where they take turns, they are the next ones in order of their names.
    """
    number = status.closed_rounds + 1 if number is None else number
    accepted = ready(state, study)
    if len(accepted) < fewest(record):
        return fail_study(state, study, status, "too-few", round_open=False)
    spent = budgets.exhausted(state, study, record, accepted)
    if len(accepted) - len(spent) < fewest(record):
        return _exhausted(state, study, record, status, spent)
    able = {name: weight for name, weight in accepted.items() if name not in spent}
    chosen = draw_participants(genesis, study, record.seed, number, able, record.per_round)
    if record.participation == "cyclic":
        chosen = next_in_turn(number, able, record.per_round)
    weights = reputations.weighed(state, study, record, {name: accepted[name] for name in chosen})
    _put_numbers(state, study, number, "participants", weights)
    budgets.charge(state, study, record, chosen)
    voters = members.validator_powers(state)
    _put_numbers(state, study, number, "validators", voters)
    reputations.open_scoring(state, study, record, number, chosen, voters)
    governance.round_opens(state)
    status = changed(status, phase="rounds", round=number)
    set_status(state, study, status)
    return open_attempt(state, study, record, status, 1)


def _put_numbers(
    state: State, study: str, number: int, table: str, numbers: Mapping[str, int]
) -> None:
    entries = {name: b"%d" % one for name, one in numbers.items()}
    state.put_all(round_path(study, number, table), entries)


def open_test(state: State, study: str, record: StudyRecord, status: StudyStatus) -> list[Event]:
    """End training: sites may open their test parts."""
    opened = TestOpened(study=study, model=status.model)
    return [opened, *sums.open_evaluation(state, study, record, status)]


def _exhausted(
    state: State, study: str, record: StudyRecord, status: StudyStatus, spent: list[str]
) -> list[Event]:
    """Refuse a round that budgets do not allow: the last good model is final."""
    exhausted = BudgetExhausted(study=study, round=status.closed_rounds + 1, members=tuple(spent))
    if status.closed_rounds == 0:
        return [exhausted, *fail_study(state, study, status, "budget", round_open=False)]
    return [exhausted, *open_test(state, study, record, status)]


def open_attempt(
    state: State, study: str, record: StudyRecord, status: StudyStatus, attempt: int
) -> list[Event]:
    """Begin an attempt at the open round: the same participants, weights and validators."""
    number = status.round
    if is_sum(number):
        return sums.open_attempt(state, study, record, status, attempt)
    weights = powers(state, round_path(study, number, "participants"))
    voters = powers(state, round_path(study, number, "validators"))
    opened = RoundRecord(
        attempt=attempt, exponent=status.exponent, expected=len(weights), got=0,
        phase=first_phase(record.design), total_power=sum(voters.values()), clip=clip_of(status),
    )  # fmt: skip
    state.put(round_path(study, number, "round"), THE_ONE, opened)
    return [
        RoundOpened(
            study=study, round=number, attempt=attempt, design=record.design,
            exponent=status.exponent, model=status.model, participants=tuple(weights),
            weights=tuple(weights.values()), validators=tuple(voters),
            powers=tuple(voters.values()), ring=ring_of(weights.values()),
            reputations=reputations.values(state, study, record, number),
            spent=budgets.spent(state, study, record, list(weights)), clip=clip_of(status),
        )
    ]  # fmt: skip


def spoke(
    state: State, study: str, record: StudyRecord, status: StudyStatus, current: RoundRecord
) -> list[Event]:
    """Count one more message of the phase, and go on when it was the last one expected."""
    current = msgspec.structs.replace(current, got=current.got + 1)
    if current.got == current.expected:
        return advance(state, study, record, status, current, timed_out=False)
    state.put(round_path(study, status.round, "round"), THE_ONE, current)
    return []


def timeout(
    state: State, sender: str, tx: PhaseTimeout, record: StudyRecord, status: StudyStatus
) -> list[Event]:
    """Count a timer within a round; a quorum of the current validators ends the phase."""
    current = require_present(state, tx, record, status)
    record = terms_in(record, status.round)
    table = round_path(tx.study, tx.round, "timeouts")
    prefix = attempt_key(tx.attempt, tx.phase)
    if not members.vote_counts(state, table, prefix, sender, "timed this phase out"):
        return []
    return advance(state, tx.study, record, status, current, timed_out=True)


def advance(
    state: State, study: str, record: StudyRecord, status: StudyStatus, current: RoundRecord,
    *, timed_out: bool,
) -> list[Event]:  # fmt: skip
    """End the attempt's phase: open the next one, or fail the attempt where too few have spoken."""
    needed = needed_in(state, study, record, status, current)
    if PHASES[current.phase].speakers == "participants" and current.got < needed:
        return fail_attempt(state, study, record, status, current, "too-few")
    events: list[Event] = []
    spoken = round_path(study, status.round, PHASES[current.phase].table)
    there, broken = list(attempt_names(state, spoken, current.attempt)), frozenset[int]()
    if current.phase == "sa.keys" and is_grouped(record.design):
        events += groups.draw(state, study, record, status.round, current.attempt)
    if current.phase == "commit" and is_masked(record.design):
        unsound, barred = circle.judge_deals(state, study, record, status, current)
        if barred or (unsound and not is_grouped(record.design)):
            thin = not barred and circle.is_thin(state, study, record, status, current)
            why: Literal["too-few", "bad-deal"] = "too-few" if thin else "bad-deal"
            return [*barred, *fail_attempt(state, study, record, status, current, why)]
        broken = groups.around(state, study, status.round, current.attempt, unsound)
    if current.phase == "available":
        there = include(state, study, status, current)
        if len(there) < needed:
            return fail_attempt(state, study, record, status, current, "withheld")
    there, enough, lost = groups.thin(state, study, record, status, current, there, broken=broken)
    events += lost
    if not enough:
        return [*events, *fail_attempt(state, study, record, status, current, "too-few")]
    if current.phase == "available":
        events.append(
            UpdatesIncluded(
                study=study, round=status.round, attempt=current.attempt, members=tuple(there)
            )
        )
    if current.phase in SCORE_TABLES:
        table = SCORE_TABLES[current.phase]
        if not combining.have_quorum(state, study, current, status.round, table):
            return fail_attempt(state, study, record, status, current, "unscored")
        if current.phase == "score.reveal":
            events += combining.combine(state, study, status, current)
    if not circle.can_be_opened(state, study, record, status, current):
        return fail_attempt(state, study, record, status, current, "too-few")
    following = next_phase(record.design, current.phase)
    if following is None:
        return fail_attempt(state, study, record, status, current, "timeout")
    if PHASES[following].speakers == "participants" or following == "score.reveal":
        expected = len(there)
    else:
        expected = state.count(round_path(study, status.round, PHASES[following].speakers))
    opened = msgspec.structs.replace(current, phase=following, expected=expected, got=0)
    state.put(round_path(study, status.round, "round"), THE_ONE, opened)
    events.append(
        PhaseOpened(
            study=study, round=status.round, attempt=current.attempt, phase=following,
            timed_out=timed_out,
        )
    )  # fmt: skip
    return events


def fail_attempt(
    state: State, study: str, record: StudyRecord, status: StudyStatus, current: RoundRecord,
    reason: Literal["too-few", "no-quorum", "withheld", "timeout", "bad-deal", "unscored"],
) -> list[Event]:  # fmt: skip
    """End an attempt without a model; the round is tried again until the study's patience ends."""
    failed = AttemptFailed(study=study, round=status.round, attempt=current.attempt, reason=reason)
    circle.keep_the_circle(state, study, status, current)
    left = state.count(round_path(study, status.round, "participants"))
    if left < fewest(record):
        return [failed, *give_up(state, study, status, "too-few")]
    if current.attempt >= record.max_attempts:
        if selection.trials_of(record) > 1:
            last = end_trial(state, study, record, status, failed=True)
            return [failed, *governance.round_ends(state), *last]
        return [failed, *give_up(state, study, status, "attempts")]
    return [failed, *open_attempt(state, study, record, status, current.attempt + 1)]


def end_trial(
    state: State, study: str, record: StudyRecord, status: StudyStatus, *, failed: bool
) -> list[Event]:
    """End a trial: the next one begins with the first model, or the best model of all is final."""
    trials, here = selection.trials_of(record), selection.trial_of(record.rounds, status.round)
    events: list[Event] = []
    if trials > 1:
        events.append(selection.close_trial(state, study, record, status.round, failed=failed))
    latest = status.latest if status.model == record.initial else status.model
    if here < trials and isinstance(record.genesis, str):
        status = changed(status, model=record.initial, latest=latest, exponent=record.exponent)
        number = here * record.rounds + 1
        return [*events, *open_round(state, record.genesis, study, record, status, number)]
    if (chosen := selection.choose(state, study)) is None:
        return [*events, *fail_study(state, study, status, "attempts", round_open=False)]
    latest = msgspec.UNSET if latest == chosen.model else latest
    status = changed(status, model=chosen.model, latest=latest)
    return [*events, chosen, *open_test(state, study, record, status)]


def give_up(
    state: State, study: str, status: StudyStatus,
    reason: Literal["too-few", "attempts", "abandoned"],
) -> list[Event]:  # fmt: skip
    """End the open round for good: the study fails, or does without the sum over test rows."""
    if status.round == EVALUATION:
        return sums.go_on(state, study, status, reason)
    if is_sum(status.round):
        status, ended = sums.close(state, study, status, "statistics")
        return [*fail_study(state, study, status, reason, round_open=False), *ended]
    return fail_study(state, study, status, reason, round_open=True)


def fail_study(
    state: State, study: str, status: StudyStatus,
    reason: Literal["too-few", "attempts", "abandoned", "budget"], *, round_open: bool,
) -> list[Event]:  # fmt: skip
    """End a study's training as failed; the last good model stands, and only closing is left."""
    set_status(state, study, changed(status, phase="closing", outcome="failed"))
    failed = StudyFailed(study=study, model=status.model, reason=reason)
    return [failed, *governance.round_ends(state)] if round_open else [failed]


def freeze_round(state: State, study: str, number: int) -> None:
    """Reduce a closed round to its root: nothing about it can change any more."""
    state.freeze(round_branch(study, number))
