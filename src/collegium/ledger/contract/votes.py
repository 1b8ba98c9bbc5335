"""Votes on the recomputed model: what closes a round, what fails it, and what comes too late."""

from __future__ import annotations

import msgspec

from collegium.accounting.terms import PrivacyTerms
from collegium.canonical import from_text, to_text
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
from collegium.ledger.contract.results import (
    Failure,
    ModelResult,
    Result,
    SumResult,
    encode_result,
    result_digest,
)
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
        Rejected: not its time, not its place, or a result that is none of such an attempt.
    """
    result = tx.result
    if isinstance(result, ModelResult):
        from_text(result.model, DIGEST_SIZE, "a model's digest")
    record, status = rounds.study_of(state, tx.study)
    _check(result, terms_in(record, tx.round), summed=is_sum(tx.round))
    if tx.round == status.closed_rounds and status.phase != "closed":
        late = _late(state, sender, tx, status)
        if late is not None:
            return late
    current = rounds.enter_study(state, tx, sender, "vote", record, status)
    votes = round_path(tx.study, tx.round, "votes")
    state.put(votes, attempt_key(tx.attempt, sender), encode_result(result))
    power = int(state.get(round_path(tx.study, tx.round, "validators"), sender) or b"0")
    tally_path, failed = round_path(tx.study, tx.round, "tally"), isinstance(result, Failure)
    behind = "fail" if failed else to_text(result_digest(result))  # reasons differ, failures add up
    mine = int(state.get(tally_path, attempt_key(tx.attempt, behind)) or b"0") + power
    state.put(tally_path, attempt_key(tx.attempt, behind), b"%d" % mine)
    if isinstance(result, Failure) and isinstance(result.blames, str):
        _blame(state, tx, result.blames, power)
    if members.is_quorum(mine, current.total_power):
        if isinstance(result, ModelResult):
            return _close(state, tx, result, record, status, current, mine)
        if isinstance(result, SumResult):
            return _close_sum(state, tx, result.total, record, status, mine)
    record = terms_in(record, tx.round)
    if not failed and len(attempt_names(state, tally_path, tx.attempt)) == 1:
        # all who have voted agree
        return rounds.spoke(state, tx.study, record, status, current)
    counts = attempt_items(state, tally_path, tx.attempt)
    outstanding = current.total_power - sum(int(power) for _, power in counts)
    best = max((int(power) for key, power in counts if key != "fail"), default=0)
    if not members.is_quorum(best + outstanding, current.total_power):
        barred = _bar_blamed(state, tx, status, current)
        given_up = rounds.fail_attempt(state, tx.study, record, status, current, "no-quorum")
        return [*barred, *given_up]
    return rounds.spoke(state, tx.study, record, status, current)


def _check(result: Result, record: StudyRecord, *, summed: bool) -> None:
    """Refuse a result that is none of an attempt, or tells more or less than its round asks.

    Args:
        result: what is voted for.
        record: the registration as it holds in the round.
        summed: whether the round sums statistics.

    Raises:
        Rejected: so it is.
    """
    if isinstance(result, Failure):
        if result.blames is not msgspec.UNSET and result.reason != "deal":
            raise Rejected("malformed", "only a vote that a deal has failed blames its dealer")
        return
    if isinstance(result, SumResult) != summed:
        raise Rejected("malformed", "a round leads to a model, and a sum of statistics to a total")
    if isinstance(result, SumResult):
        from_text(result.total, DIGEST_SIZE, "a sum's digest")
        return
    masked, follows = is_masked(record.design), first_clip(record.privacy) is not msgspec.UNSET
    for asked, told, why in (
        (masked, result.saturated, "indicators come with a model made of masked updates alone"),
        (masked, result.small, "indicators come with a model made of masked updates alone"),
        (follows, result.within, "votes tell of a clip where it follows the updates alone"),
        (is_by_loss(record), result.validation, "a loss comes where it selects a model alone"),
    ):
        if asked == (told is msgspec.UNSET):
            raise Rejected("malformed", why)
    if isinstance(result.without, tuple):
        if not is_grouped(record.design):
            raise Rejected("malformed", "groups are left out of a model that is made of groups")
        if list(result.without) != sorted(set(result.without)):
            raise Rejected("malformed", "groups are sorted, each once")
    if result.ends is not msgspec.UNSET and record.patience is msgspec.UNSET:
        raise Rejected("malformed", "only a model of a study with a patience ends it early")


def _blame(state: State, tx: RoundVote, dealer: str, power: int) -> None:
    """Count a vote that a dealer has dealt shares of no secret.

    Raises:
        Rejected: it has dealt nothing.
    """
    blames, key = round_path(tx.study, tx.round, "blames"), attempt_key(tx.attempt, dealer)
    if not state.has(round_path(tx.study, tx.round, "sa_deals"), key):
        raise Rejected("malformed", f"{dealer} has dealt nothing in this attempt")
    state.put(blames, key, b"%d" % (int(state.get(blames, key) or b"0") + power))


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


def _late(state: State, sender: str, tx: RoundVote, status: StudyStatus) -> list[Event] | None:
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
    state.put(late_votes, key, encode_result(tx.result))
    latest = status.model if status.latest is msgspec.UNSET else status.latest
    agrees = isinstance(tx.result, ModelResult) and tx.result.model == latest
    return [VoteLate(study=tx.study, round=tx.round, attempt=tx.attempt, agrees=agrees)]


def _close_sum(
    state: State, tx: RoundVote, total: str, record: StudyRecord, status: StudyStatus, power: int
) -> list[Event]:
    """Close a sum of statistics, and go on: with the next step of set-up, or with statements."""
    closed = SumClosed(study=tx.study, round=tx.round, attempt=tx.attempt, power=power, total=total)
    included = attempt_names(state, round_path(tx.study, tx.round, "included"), tx.attempt)
    found = SumRecord(attempt=tx.attempt, sites=included, total=total)
    state.put(study_path(tx.study, "sums"), f"{tx.round:08d}", found)
    if step_of(tx.round) is None:
        return [closed, *sums.close(state, tx.study, status, "evaluation")[1]]
    status, ended = sums.close(state, tx.study, status, "statistics")
    agreed = statistics.agree_on_sum(state, tx.study, record, status, total, power)
    return [closed, *ended, *agreed]


def _close(
    state: State, tx: RoundVote, result: ModelResult, record: StudyRecord, status: StudyStatus,
    current: RoundRecord, power: int,
) -> list[Event]:  # fmt: skip
    """Close the round with its new model and open the next one, or the evaluation."""
    model = result.model
    closed = RoundClosed(
        study=tx.study, round=tx.round, attempt=tx.attempt, model=model, parent=status.model,
        power=power,
    )  # fmt: skip
    models = study_path(tx.study, "models")
    if not state.has(models, model):  # a round may lead back to a model that was there before
        state.put(models, model, ModelRecord(parent=status.model, round=tx.round))
    ended = msgspec.structs.replace(current, phase="closed")
    state.put(round_path(tx.study, tx.round, "round"), THE_ONE, ended)
    exponent, clip = _next_encoding(state, tx, result, record, status, current)
    before, status = status, rounds.changed(
        status, closed_rounds=tx.round, model=model, latest=msgspec.UNSET, exponent=exponent,
        clip=clip,
    )  # fmt: skip
    rounds.set_status(state, tx.study, status)
    if before.closed_rounds:
        rounds.freeze_round(state, tx.study, before.closed_rounds)
    learned = reputations.learn(state, tx.study, record, tx.round, tx.attempt)
    events: list[Event] = [closed, *learned, *governance.round_ends(state)]
    if isinstance(result.without, tuple):
        refused = GroupsRefused(
            study=tx.study, round=tx.round, attempt=tx.attempt, groups=result.without
        )
        events = [refused, *events]
    if is_by_loss(record):
        measure(state, tx, result, record, before.model)
    if not is_last(record, tx.round) and result.ends is msgspec.UNSET:
        return [*events, *rounds.open_round(state, tx.genesis, tx.study, record, status)]
    if is_by_loss(record):
        return [*events, *rounds.end_trial(state, tx.study, record, status, failed=False)]
    return [*events, *rounds.open_test(state, tx.study, record, status)]


def _next_encoding(
    state: State, tx: RoundVote, result: ModelResult, record: StudyRecord, status: StudyStatus,
    current: RoundRecord,
) -> tuple[int, Clip]:  # fmt: skip
    """Return the next round's exponent and clip, from what the included updates tell.

    Where whole sites are protected, clip and noise are made for the exponent that there is: both
    move together, or not at all.
    """
    included = attempt_names(state, round_path(tx.study, tx.round, "included"), tx.attempt)
    if isinstance(result.without, tuple):
        grouped = groups.groups_of(state, tx.study, tx.round, tx.attempt)
        included = tuple(name for name in included if grouped[name] not in result.without)
    if isinstance(result.within, int):
        return clip_after(record, status, current.exponent, len(included), result.within)
    if isinstance(record.privacy, PrivacyTerms) and record.privacy.unit == "client":
        return current.exponent, msgspec.UNSET
    if isinstance(result.saturated, int) and isinstance(result.small, int):
        exponent = next_exponent(current.exponent, len(included), result.saturated, result.small)
        return exponent, msgspec.UNSET
    path = round_path(tx.study, tx.round, "reveals")
    found = (state.record(path, attempt_key(tx.attempt, name), Reveal) for name in included)
    reveals = [reveal for reveal in found if reveal is not None]
    sent = sent_of(record)
    saturated = sum(is_saturated(reveal.saturated, sent) for reveal in reveals)
    small = sum(is_small(reveal.peak) for reveal in reveals)
    return next_exponent(current.exponent, len(reveals), saturated, small), msgspec.UNSET
