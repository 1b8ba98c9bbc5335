"""Votes on the recomputed model: what closes a round, what fails it, and what comes too late."""

from __future__ import annotations

import msgspec

from collegium.accounting.terms import PrivacyTerms
from collegium.canonical import from_text
from collegium.ledger.contract import (
    circle,
    governance,
    groups,
    members,
    reputations,
    rounds,
    statistics,
    sums,
)
from collegium.ledger.contract.encoding import (
    Clip,
    clip_after,
    first_clip,
    is_saturated,
    is_small,
    next_exponent,
)
from collegium.ledger.contract.events import Event, GroupsRefused, RoundClosed, SumClosed, VoteLate
from collegium.ledger.contract.phases import is_grouped, is_masked
from collegium.ledger.contract.rejected import Rejected
from collegium.ledger.contract.selection import is_by_loss, is_last, measure
from collegium.ledger.contract.summing import is_sum, step_of, terms_in
from collegium.ledger.contract.tables import (
    THE_ONE,
    ModelRecord,
    Reveal,
    RoundRecord,
    StudyRecord,
    StudyStatus,
    SumRecord,
    attempt_items,
    attempt_key,
    attempt_names,
    round_path,
    sent_of,
    study_path,
)
from collegium.ledger.contract.transactions import RoundVote
from collegium.ledger.hashing import DIGEST_SIZE
from collegium.ledger.state import State


def vote(state: State, sender: str, tx: RoundVote) -> list[Event]:
    """Count a validator's vote; a quorum closes the round, its impossibility fails the attempt.

    Raises:
        Rejected: not its time, not its place, or neither or both of model and fail.
    """
    answers = (tx.model, tx.total, tx.fail)
    if sum(one is not msgspec.UNSET for one in answers) != 1:
        raise Rejected("malformed", "a vote has either a model or a reason for having none")
    if tx.model is not msgspec.UNSET:
        from_text(tx.model, DIGEST_SIZE, "a model's digest")
    record, status = rounds.study_of(state, tx.study)
    ballot = _ballot_of_sum(tx) if is_sum(tx.round) else _ballot(tx, record)
    if tx.round == status.closed_rounds and status.phase != "closed":
        late = _late(state, sender, tx, ballot, status)
        if late is not None:
            return late
    current = rounds.enter_study(state, tx, sender, "vote", record, status)
    votes = round_path(tx.study, tx.round, "votes")
    state.put(votes, attempt_key(tx.attempt, sender), ballot.encode())
    power = int(state.get(round_path(tx.study, tx.round, "validators"), sender) or b"0")
    tally_path = round_path(tx.study, tx.round, "tally")
    tally_key = attempt_key(tx.attempt, ballot if tx.fail is msgspec.UNSET else "fail")
    mine = int(state.get(tally_path, tally_key) or b"0") + power
    state.put(tally_path, tally_key, b"%d" % mine)
    if tx.blames is not msgspec.UNSET:
        blames, key = round_path(tx.study, tx.round, "blames"), attempt_key(tx.attempt, tx.blames)
        if not state.has(round_path(tx.study, tx.round, "sa_deals"), key):
            raise Rejected("malformed", f"{tx.blames} has dealt nothing in this attempt")
        state.put(blames, key, b"%d" % (int(state.get(blames, key) or b"0") + power))

    if tx.fail is msgspec.UNSET and members.is_quorum(mine, current.total_power):
        closing = _close_sum if is_sum(tx.round) else _close
        return closing(state, tx, record, status, current, mine)
    record = terms_in(record, tx.round)
    if tx.fail is msgspec.UNSET and len(attempt_names(state, tally_path, tx.attempt)) == 1:
        # all who have voted agree
        return rounds.spoke(state, tx.study, record, status, current)
    counts = attempt_items(state, tally_path, tx.attempt)
    outstanding = current.total_power - sum(int(power) for _, power in counts)
    best = max((int(power) for key, power in counts if key != "fail"), default=0)
    if not members.is_quorum(best + outstanding, current.total_power):
        barred = _bar_blamed(state, tx, status, current)
        failed = rounds.fail_attempt(state, tx.study, record, status, current, "no-quorum")
        return [*barred, *failed]
    return rounds.spoke(state, tx.study, record, status, current)


def _ballot_of_sum(tx: RoundVote) -> str:
    """Return what a vote on a sum of statistics is for.

    Raises:
        Rejected: it says what only votes about models say.
    """
    others = (tx.model, tx.saturated, tx.small, tx.ends, tx.validation, tx.within, tx.without)
    if any(one is not msgspec.UNSET for one in others):
        raise Rejected("malformed", "a vote on a sum of statistics says nothing of a model")
    if tx.blames is not msgspec.UNSET and tx.fail != "deal":
        raise Rejected("malformed", "only a vote that a deal has failed blames its dealer")
    if isinstance(tx.total, str):
        from_text(tx.total, DIGEST_SIZE, "a sum's digest")
        return tx.total
    return f"fail:{tx.fail}"


def _ballot(tx: RoundVote, record: StudyRecord) -> str:
    """Return what a vote is for: votes agree if they are for the same.

    Raises:
        Rejected: it says what only votes about masked updates say, or not what they say.
    """
    if tx.total is not msgspec.UNSET:
        raise Rejected("malformed", "a round of training leads to a model, and to no other sum")
    counts = (tx.saturated, tx.small)
    told = is_masked(record.design) and tx.model is not msgspec.UNSET
    if any((count is msgspec.UNSET) == told for count in counts):
        raise Rejected("malformed", "indicators come with a model made of masked updates alone")
    if tx.blames is not msgspec.UNSET and tx.fail != "deal":
        raise Rejected("malformed", "only a vote that a deal has failed blames its dealer")
    follows = first_clip(record.privacy) is not msgspec.UNSET and tx.model is not msgspec.UNSET
    if follows == (tx.within is msgspec.UNSET):
        raise Rejected("malformed", "votes tell of a clip where it follows the updates alone")
    without = "" if tx.without is msgspec.UNSET else ",".join(map(str, tx.without))
    if without and not (is_grouped(record.design) and told):
        raise Rejected("malformed", "groups are left out of a model that is made of groups alone")
    if isinstance(tx.without, tuple) and list(tx.without) != sorted(set(tx.without)):
        raise Rejected("malformed", "groups are sorted, each once")
    early = tx.ends is not msgspec.UNSET
    if early and (record.patience is msgspec.UNSET or tx.model is msgspec.UNSET):
        raise Rejected("malformed", "only a model of a study with a patience ends it early")
    measured = is_by_loss(record) and tx.model is not msgspec.UNSET
    if measured == (tx.validation is msgspec.UNSET):
        raise Rejected("malformed", "a loss comes with a model where it selects one, and only then")
    if tx.model is msgspec.UNSET:
        return f"fail:{tx.fail}"
    ballot = f"{tx.model}/{tx.saturated}/{tx.small}" if told else tx.model
    if follows:
        ballot = f"{ballot}/within {tx.within}"
    ballot = f"{ballot}/loss {tx.validation}" if measured else ballot
    ballot = f"{ballot}/without {without}" if without else ballot
    return f"{ballot}/early" if early else ballot


def _bar_blamed(
    state: State, tx: RoundVote, status: StudyStatus, current: RoundRecord
) -> list[Event]:
    """Bar the dealers whom a third of the power blames: one of those at least is honest."""
    blames = attempt_items(state, round_path(tx.study, tx.round, "blames"), tx.attempt)
    events: list[Event] = []
    for name, power in blames:
        if 3 * int(power) >= current.total_power:
            events += circle.bar(state, tx.study, status, current, name, "opened")
    return events


def _late(
    state: State, sender: str, tx: RoundVote, ballot: str, status: StudyStatus
) -> list[Event] | None:
    """Record a first vote for the last closed round; None where it is about another attempt."""
    closed = state.record(round_path(tx.study, tx.round, "round"), THE_ONE, RoundRecord)
    if closed is None or tx.attempt != closed.attempt:
        return None
    if state.get(round_path(tx.study, tx.round, "validators"), sender) is None:
        raise Rejected("not-a-participant", f"{sender} is not among this round's validators")
    late_votes = study_path(tx.study, "late_votes")
    key = f"{tx.round:08d}/{sender}"
    voted = state.get(round_path(tx.study, tx.round, "votes"), attempt_key(tx.attempt, sender))
    if voted is not None or state.get(late_votes, key) is not None:
        raise Rejected("already", f"{sender} has voted on this round")
    state.put(late_votes, key, ballot.encode())
    latest = status.model if status.latest is msgspec.UNSET else status.latest
    return [
        VoteLate(
            study=tx.study, round=tx.round, attempt=tx.attempt, agrees=tx.model == latest
        )
    ]  # fmt: skip


def _close_sum(
    state: State, tx: RoundVote, record: StudyRecord, status: StudyStatus, current: RoundRecord,
    power: int,
) -> list[Event]:  # fmt: skip
    """Close a sum of statistics, and go on: with the next step of set-up, or with statements."""
    closed = SumClosed(
        study=tx.study, round=tx.round, attempt=tx.attempt, power=power, total=str(tx.total)
    )
    included = attempt_names(state, round_path(tx.study, tx.round, "included"), tx.attempt)
    found = SumRecord(attempt=tx.attempt, sites=included, total=str(tx.total))
    state.put(study_path(tx.study, "sums"), f"{tx.round:08d}", found)
    if step_of(tx.round) is None:
        return [closed, *sums.close(state, tx.study, status, "evaluation")[1]]
    status, ended = sums.close(state, tx.study, status, "statistics")
    agreed = statistics.agree_on_sum(state, tx.study, record, status, str(tx.total), power)
    return [closed, *ended, *agreed]


def _close(
    state: State, tx: RoundVote, record: StudyRecord, status: StudyStatus, current: RoundRecord,
    power: int,
) -> list[Event]:  # fmt: skip
    """Close the round with its new model and open the next one, or the evaluation."""
    model = str(tx.model)
    closed = RoundClosed(
        study=tx.study, round=tx.round, attempt=tx.attempt, model=model, parent=status.model,
        power=power,
    )  # fmt: skip
    models = study_path(tx.study, "models")
    if not state.has(models, model):  # a round may lead back to a model that was there before
        state.put(models, model, ModelRecord(parent=status.model, round=tx.round))
    ended = msgspec.structs.replace(current, phase="closed")
    state.put(round_path(tx.study, tx.round, "round"), THE_ONE, ended)
    exponent, clip = _next_encoding(state, tx, record, status, current)
    before, status = status, rounds.changed(
        status, closed_rounds=tx.round, model=model, latest=msgspec.UNSET, exponent=exponent,
        clip=clip,
    )  # fmt: skip
    rounds.set_status(state, tx.study, status)
    if before.closed_rounds:
        rounds.freeze_round(state, tx.study, before.closed_rounds)
    learned = reputations.learn(state, tx.study, record, tx.round, tx.attempt)
    events: list[Event] = [closed, *learned, *governance.round_ends(state)]
    if isinstance(tx.without, tuple):
        refused = GroupsRefused(
            study=tx.study, round=tx.round, attempt=tx.attempt, groups=tx.without
        )
        events = [refused, *events]
    if is_by_loss(record):
        measure(state, tx, record, before.model)
    if not is_last(record, tx.round) and tx.ends is msgspec.UNSET:
        return [*events, *rounds.open_round(state, tx.genesis, tx.study, record, status)]
    if is_by_loss(record):
        return [*events, *rounds.end_trial(state, tx.study, record, status, failed=False)]
    return [*events, *rounds.open_test(state, tx.study, record, status)]


def _next_encoding(
    state: State, tx: RoundVote, record: StudyRecord, status: StudyStatus, current: RoundRecord
) -> tuple[int, Clip]:
    """Return the next round's exponent and clip, from what the included updates tell.

    Where whole sites are protected, clip and noise are made for the exponent that there is: both
    move together, or not at all.
    """
    included = attempt_names(state, round_path(tx.study, tx.round, "included"), tx.attempt)
    if isinstance(tx.without, tuple):
        grouped = groups.groups_of(state, tx.study, tx.round, tx.attempt)
        included = tuple(name for name in included if grouped[name] not in tx.without)
    if isinstance(tx.within, int):
        return clip_after(record, status, current.exponent, len(included), tx.within)
    if isinstance(record.privacy, PrivacyTerms) and record.privacy.unit == "client":
        return current.exponent, msgspec.UNSET
    if isinstance(tx.saturated, int) and isinstance(tx.small, int):
        exponent = next_exponent(current.exponent, len(included), tx.saturated, tx.small)
        return exponent, msgspec.UNSET
    path = round_path(tx.study, tx.round, "reveals")
    found = (state.record(path, attempt_key(tx.attempt, name), Reveal) for name in included)
    reveals = [reveal for reveal in found if reveal is not None]
    sent = sent_of(record)
    saturated = sum(is_saturated(reveal.saturated, sent) for reveal in reveals)
    small = sum(is_small(reveal.peak) for reveal in reveals)
    return next_exponent(current.exponent, len(reveals), saturated, small), msgspec.UNSET
