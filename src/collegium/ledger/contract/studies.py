"""Studies: registration by an owner, acceptance by sites, and every way in which one ends."""

from __future__ import annotations

from typing import Literal, get_args

import msgspec

from collegium.canonical import from_text
from collegium.ledger.contract import budgets, evaluations, members, rounds, statistics
from collegium.ledger.contract.encoding import first_clip, require_room
from collegium.ledger.contract.events import (
    Event,
    StudyClosed,
    StudyRegistered,
)
from collegium.ledger.contract.phases import DESIGNS, is_scored
from collegium.ledger.contract.registrable import check_selection, check_sums, check_threshold
from collegium.ledger.contract.rejected import Rejected
from collegium.ledger.contract.summing import MOST_ROUNDS
from collegium.ledger.contract.tables import (
    THE_ONE,
    Acceptance,
    MemberRecord,
    ModelRecord,
    StudyPhase,
    StudyRecord,
    StudyStatus,
    study_path,
)
from collegium.ledger.contract.transactions import (
    PhaseTimeout,
    PlaceTransaction,
    StudyAbandon,
    StudyAccept,
    StudyClose,
    StudyRegister,
)
from collegium.ledger.hashing import DIGEST_SIZE
from collegium.ledger.state import State

TRAINING: tuple[StudyPhase, ...] = ("setup", "statistics", "beginning", "rounds")
"""Phases in which sites may still come."""


def register(state: State, sender: str, member: MemberRecord, tx: StudyRegister) -> list[Event]:
    """Record a study that can be carried out by the members there are.

    Raises:
        Rejected: its id is taken, its sender owns no studies, or its terms make no sense.
    """
    members.require_role(member, "owner", "register a study")
    if state.record(study_path(tx.study, "study"), THE_ONE, StudyRecord) is not None:
        raise Rejected("already", f"a study named {tx.study} is registered")
    for text in (tx.code, tx.document, tx.model):
        from_text(text, DIGEST_SIZE, "a digest")
    if tx.design not in DESIGNS:
        raise Rejected("refused", f"there is no design {tx.design!r}")
    if list(tx.sites) != sorted(set(tx.sites)):
        raise Rejected("malformed", "sites are sorted, each once")
    for site in tx.sites:
        site_member = members.active_member(state, site)
        if site_member is None or "site" not in site_member.roles:
            raise Rejected("refused", f"{site} is not a member with the role site")
    if not tx.min_sites <= tx.per_round <= len(tx.sites):
        raise Rejected("refused", "min_sites <= per_round <= number of sites does not hold")
    if tx.rounds > MOST_ROUNDS or tx.max_attempts > 1000:
        raise Rejected("refused", "rounds or attempts are beyond what a ledger allows")

    check_threshold(tx)
    require_room(tx.privacy, tx.exponent)
    if is_scored(tx.design) == (tx.scores is msgspec.UNSET):
        raise Rejected("malformed", "terms of scores go with a design in which updates are scored")
    check_sums(tx)
    several = check_selection(tx)
    record = record_of(tx, sender, several=several)
    state.put(study_path(tx.study, "study"), THE_ONE, record)
    state.put(study_path(tx.study, "models"), tx.model, ModelRecord(round=0))
    status = StudyStatus(
        closed_rounds=0, exponent=tx.exponent, model=tx.model, outcome="open", phase="setup",
        round=0, clip=first_clip(tx.privacy),
    )  # fmt: skip
    rounds.set_status(state, tx.study, status)
    return [StudyRegistered(study=tx.study)]


def record_of(tx: StudyRegister, owner: str, *, several: bool) -> StudyRecord:
    """Return what is kept of a registration.

    Args:
        tx: the registration.
        owner: who registers the study.
        several: whether it tries several ways of training.
    """
    return StudyRecord(
        attendance=tx.attendance, code=tx.code, degree=tx.degree, design=tx.design,
        document=tx.document, exponent=tx.exponent, fewest_groups=tx.fewest_groups,
        genesis=tx.genesis if several else msgspec.UNSET, groups=tx.groups, initial=tx.model,
        keep=tx.keep, max_attempts=tx.max_attempts, min_sites=tx.min_sites, owner=owner,
        parameters=tx.parameters, participation=tx.participation, patience=tx.patience,
        per_round=tx.per_round, privacy=tx.privacy, rounds=tx.rounds, rule=tx.rule,
        scores=tx.scores, seed=tx.seed, selection=tx.selection, server=tx.server, sites=tx.sites,
        statistics=tx.statistics, sum_check=tx.sum_check, sums=tx.sums, threshold=tx.threshold,
        trials=tx.trials, weights=tx.weights,
    )  # fmt: skip


def accept(state: State, sender: str, tx: StudyAccept) -> list[Event]:
    """Record a site's acceptance; the first round opens when all sites have accepted.

    Raises:
        Rejected: not a site of the study, already accepted, too late, or another document.
    """
    record, status = rounds.study_of(state, tx.study)
    if sender not in record.sites:
        raise Rejected("not-a-participant", f"{sender} is not among the study's sites")
    if state.record(study_path(tx.study, "sites"), sender, Acceptance) is not None:
        raise Rejected("already", f"{sender} has accepted")
    if status.phase not in TRAINING:
        raise Rejected("stale", "the study's training is over")
    if tx.document != record.document:
        raise Rejected("refused", "it accepts another document than the registered one")
    for text in (tx.code, tx.snapshot):
        from_text(text, DIGEST_SIZE, "a digest")
    if not is_registered_weight(tx.weight):
        raise Rejected("malformed", "a weight has at most two significant binary digits")
    weight = tx.weight if record.weights == "rows" else 1
    acceptance = Acceptance(code=tx.code, snapshot=tx.snapshot, weight=weight)
    state.put(study_path(tx.study, "sites"), sender, acceptance)
    budgets.accepted(state, tx.study, record, sender)
    if status.phase == "setup" and not _awaited(state, tx.study, record):
        return _go_on(state, tx.genesis, tx.study, record, status)
    return []


def _go_on(
    state: State, genesis: str, study: str, record: StudyRecord, status: StudyStatus
) -> list[Event]:
    """Open what comes after acceptance: statistics of tables, or the first round."""
    if record.statistics is not msgspec.UNSET:
        return statistics.open_first(state, study, record, status)
    return rounds.open_round(state, genesis, study, record, status)


def _awaited(state: State, study: str, record: StudyRecord) -> bool:
    """Return whether a site that is still a member has not accepted yet."""
    sites = study_path(study, "sites")
    return any(
        state.get(sites, name) is None and members.active_member(state, name) is not None
        for name in record.sites
    )


def is_registered_weight(weight: int) -> bool:
    """Return whether a weight has at most two significant binary digits (architecture 3.5)."""
    return weight >> max(weight.bit_length() - 2, 0) << max(weight.bit_length() - 2, 0) == weight


def timeout(state: State, sender: str, member: MemberRecord, tx: PhaseTimeout) -> list[Event]:
    """Count a validator's timer; more than two thirds of the power end the phase.

    Raises:
        Rejected: the phase is past ("stale") or not reached ("early"), or the study waits for all.
    """
    members.require_role(member, "validator", "time a phase out")
    record, status = rounds.study_of(state, tx.study)
    if record.attendance == "all":
        raise Rejected("refused", "this study waits for everybody; vote study.abandon to end it")
    if status.phase == "statistics" and not tx.round:
        return statistics.timeout(state, sender, tx, record, status)
    if tx.round or tx.attempt:
        return rounds.timeout(state, sender, tx, record, status)
    _require_present(tx, status)
    votes = study_path(tx.study, "timeouts")
    if not members.vote_counts(state, votes, tx.phase, sender, "timed this phase out"):
        return []
    if tx.phase == "setup":
        return _go_on(state, tx.genesis, tx.study, record, status)
    if tx.phase == "beginning":
        return rounds.fail_study(state, tx.study, status, "abandoned", round_open=False)
    if tx.phase == "evaluation":
        return evaluations.complete(state, tx.study, status)
    return evaluations.skip_release(state, tx.study, status)


def _require_present(tx: PlaceTransaction, status: StudyStatus) -> None:
    """Refuse what is not about the phase outside of rounds in which the study is."""
    order = get_args(StudyPhase)
    if tx.phase not in ("setup", "beginning", "evaluation", "release"):
        raise Rejected("malformed", f"there is no phase {tx.phase!r} outside of rounds")
    if tx.phase != status.phase:
        late = order.index(tx.phase) < order.index(status.phase)
        raise Rejected("stale" if late else "early", f"the study is in {status.phase}")


def abandon(state: State, sender: str, member: MemberRecord, tx: StudyAbandon) -> list[Event]:
    """Count a validator's vote to end a study where it stands; earlier phases' votes are void.

    A quorum ends training as failed, with the last good model. After training the model stands,
    and what is given up is the wait for statements and release.

    Raises:
        Rejected: another phase, or the validator has voted.
    """
    members.require_role(member, "validator", "vote to abandon a study")
    record, status = rounds.study_of(state, tx.study)
    if status.phase == "statistics" and not tx.round:
        statistics.require_present(state, tx)
    elif tx.round or tx.attempt:
        rounds.require_present(state, tx, record, status)
    else:
        _require_present(tx, status)
    votes = study_path(tx.study, "timeouts")
    prefix = f"abandon/{tx.round:08d}/{tx.attempt:04d}/{tx.phase}"
    if not members.vote_counts(state, votes, prefix, sender, "voted to abandon"):
        return []
    if status.phase == "summing":
        return rounds.give_up(state, tx.study, status, "abandoned")
    if status.phase in TRAINING:
        round_open = status.phase == "rounds"
        return rounds.fail_study(state, tx.study, status, "abandoned", round_open=round_open)
    events: list[Event] = []
    if status.phase == "evaluation":
        events += evaluations.complete(state, tx.study, status)
    return [*events, *evaluations.skip_release(state, tx.study, status)]


def close(state: State, member: MemberRecord, tx: StudyClose) -> list[Event]:
    """End a study that has nothing left to do.

    Raises:
        Rejected: it is not there yet, or it is closed.
    """
    members.require_role(member, "validator", "close a study")
    _, status = rounds.study_of(state, tx.study)
    if status.phase == "closed":
        raise Rejected("already", "the study is closed")
    if status.phase != "closing":
        raise Rejected("early", f"the study is in {status.phase}")
    outcome: Literal["completed", "failed"] = (
        "failed" if status.outcome == "failed" else "completed"
    )
    final = rounds.changed(status, phase="closed", outcome=outcome)
    rounds.set_status(state, tx.study, final)
    for number in sorted({status.closed_rounds, status.round} - {0}):
        rounds.freeze_round(state, tx.study, number)
    return [StudyClosed(study=tx.study, model=status.model, outcome=outcome)]
