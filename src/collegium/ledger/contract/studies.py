"""Studies: registration by an owner, acceptance by sites, and every way in which one ends."""

from __future__ import annotations

from typing import Literal

import msgspec

from collegium.canonical import from_text
from collegium.ledger.contract import evaluations, members, rounds
from collegium.ledger.contract.context import StudyAt
from collegium.ledger.contract.declared import before_rounds, carrier, used
from collegium.ledger.contract.events import Event, StudyClosed, StudyRegistered
from collegium.ledger.contract.preconditions import (
    OPEN,
    require_present,
    require_study_phase,
    study_of,
)
from collegium.ledger.contract.rejected import Rejected
from collegium.ledger.contract.rules import Rules, each, rules_of
from collegium.ledger.contract.series import MOST_ROUNDS
from collegium.ledger.contract.tables import (
    MODULES,
    THE_ONE,
    Acceptance,
    MemberRecord,
    ModelRecord,
    StudyRecord,
    StudyStatus,
    study_path,
)
from collegium.ledger.contract.transactions import (
    PhaseTimeout,
    StudyAbandon,
    StudyAccept,
    StudyClose,
    StudyRegister,
)
from collegium.ledger.contract.updates import require_used
from collegium.ledger.hashing import DIGEST_SIZE
from collegium.ledger.state import State

MOST_TRAINED_ROUNDS = 100_000
"""Rounds of a study, or of each of its trials: as many as its document may ask for."""

MOST_PARAMETERS = 2**28
"""Parameters of a model: an update of as many is 512 MiB."""

OPEN_STUDIES_AN_OWNER = 64


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
    if list(tx.sites) != sorted(set(tx.sites)):
        raise Rejected("malformed", "sites are sorted, each once")
    for site in tx.sites:
        site_member = members.active_member(state, site)
        if site_member is None or "site" not in site_member.roles:
            raise Rejected("refused", f"{site} is not a member with the role site")
    if tx.largest_share is not msgspec.UNSET and members.contract_version(state) < 2:
        raise Rejected("refused", "this ledger's contract bounds no site's share of the weight")
    if not tx.min_sites <= tx.per_round <= len(tx.sites):
        raise Rejected("refused", "min_sites <= per_round <= number of sites does not hold")
    if tx.rounds > MOST_ROUNDS or tx.max_attempts > 1000:
        raise Rejected("refused", "rounds or attempts are beyond what a ledger allows")
    if members.contract_version(state) >= 2:
        _require_bounded(state, sender, tx)
    _require_modules(state, tx)
    for check in each(tx.modules, lambda rules: rules.registers):
        check(tx)
    record = record_of(tx, sender)
    state.put(study_path(tx.study, "study"), THE_ONE, record)
    state.put(study_path(tx.study, "models"), tx.model, ModelRecord(round=0))
    status = StudyStatus(
        closed_rounds=0, exponent=tx.exponent, model=tx.model, outcome="open", phase="setup",
        round=0,
    )  # fmt: skip
    course = StudyAt(state, tx.study, record, status)
    course.move()
    for begins in each(tx.modules, lambda rules: rules.registered):
        begins(course)
    return [StudyRegistered(study=tx.study)]


def _require_bounded(state: State, owner: str, tx: StudyRegister) -> None:
    """Refuse a study beyond what every member can hold and compute.

    Sites are at most 400 by the transaction's form, trials 1000 by their mechanism, and the terms
    of all mechanisms fit into one envelope.

    Raises:
        Rejected: too many rounds or parameters, or its owner has too many studies open.
    """
    if tx.rounds > MOST_TRAINED_ROUNDS:
        raise Rejected("refused", f"a study has at most {MOST_TRAINED_ROUNDS} rounds")
    if tx.parameters > MOST_PARAMETERS:
        raise Rejected("refused", f"a model has at most {MOST_PARAMETERS} parameters")
    mine = 0
    for name in state.branches("studies"):
        course = study_of(state, name)
        mine += course.record.owner == owner and course.status.phase != "closed"
    if mine >= OPEN_STUDIES_AN_OWNER:
        raise Rejected("refused", f"{owner} has {mine} open studies, the most there may be")


def record_of(tx: StudyRegister, owner: str) -> StudyRecord:
    """Return what is kept of a registration by its owner."""
    return StudyRecord(
        attendance=tx.attendance, code=tx.code, design=carrier(tx.modules), document=tx.document,
        exponent=tx.exponent, genesis=tx.genesis, initial=tx.model,
        largest_share=tx.largest_share,
        max_attempts=tx.max_attempts, min_sites=tx.min_sites, modules=tx.modules, owner=owner,
        parameters=tx.parameters, participation=tx.participation, per_round=tx.per_round,
        rounds=tx.rounds, rule=tx.rule, seed=tx.seed, server=tx.server, sites=tx.sites,
        terms=tx.terms, weights=tx.weights,
    )  # fmt: skip


def _require_modules(state: State, tx: StudyRegister) -> None:
    """Refuse mechanisms that the ledger does not admit, or that do not go together.

    Raises:
        Rejected: as it says.
    """
    if list(tx.modules) != sorted(set(tx.modules)):
        raise Rejected("malformed", "modules are sorted, each once")
    for name in tx.modules:
        if not state.has(MODULES, name):
            raise Rejected("refused", f"this ledger does not admit the module {name}")
    together = used(tx.modules)
    if sum(one.carries for one in together) != 1:
        raise Rejected("refused", "updates travel in exactly one way")
    names = {one.name for one in together}
    for one in together:
        if lacking := sorted({*one.requires} - names):
            raise Rejected("malformed", f"{one.versioned} needs {', '.join(lacking)}")
        terms = one.parts.get("terms")
        if terms is not None and getattr(tx.terms, one.field, msgspec.UNSET) is msgspec.UNSET:
            raise Rejected("malformed", f"nothing is said of {one.versioned}")
    if tx.terms is not msgspec.UNSET:
        require_used(tx.terms, tx.modules, "a registration")


def accept(state: State, sender: str, tx: StudyAccept) -> list[Event]:
    """Record a site's acceptance; the first round opens when all sites have accepted.

    Raises:
        Rejected: not a site of the study, already accepted, too late, or another document.
    """
    course = study_of(state, tx.study)
    record = course.record
    if sender not in record.sites:
        raise Rejected("not-a-participant", f"{sender} is not among the study's sites")
    if state.record(course.table("sites"), sender, Acceptance) is not None:
        raise Rejected("already", f"{sender} has accepted")
    if course.status.phase not in (*before_rounds(record.modules), "rounds"):
        raise Rejected("stale", "the study's training is over")
    if tx.document != record.document:
        raise Rejected("refused", "it accepts another document than the registered one")
    for text in (tx.code, tx.snapshot):
        from_text(text, DIGEST_SIZE, "a digest")
    if not is_registered_weight(tx.weight):
        raise Rejected("malformed", "a weight has at most two significant binary digits")
    weight = tx.weight if record.weights == "rows" else 1
    acceptance = Acceptance(code=tx.code, snapshot=tx.snapshot, weight=weight)
    state.put(course.table("sites"), sender, acceptance)
    for accepted in each(record.modules, lambda rules: rules.accepted):
        accepted(course, sender)
    if course.status.phase == "setup" and not _awaited(course):
        return _go_on(course)
    return []


def _go_on(course: StudyAt) -> list[Event]:
    """Open what comes after acceptance: a mechanism's set-up, or the first round."""
    for sets_up in each(course.record.modules, lambda rules: rules.sets_up):
        return sets_up(course)
    return rounds.open_round(course)


def _awaited(course: StudyAt) -> bool:
    """Return whether a site that is still a member has not accepted yet."""
    sites = course.table("sites")
    return any(
        course.state.get(sites, name) is None
        and members.active_member(course.state, name) is not None
        for name in course.record.sites
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
    course = study_of(state, tx.study)
    if course.record.attendance == "all":
        raise Rejected("refused", "this study waits for everybody; vote study.abandon to end it")
    owner = None if tx.round else _owner(course)
    if owner is not None and owner.times_out is not None:
        return owner.times_out(course, sender, tx)
    if tx.round or tx.attempt:
        return rounds.timeout(course, sender, tx)
    require_study_phase(course, tx)
    votes = course.table("timeouts")
    if not members.vote_counts(state, votes, tx.phase, sender, "timed this phase out"):
        return []
    if tx.phase == "setup":
        return _go_on(course)
    if tx.phase == "evaluation":
        return evaluations.complete(course)
    return evaluations.skip_release(course)


def _owner(course: StudyAt) -> Rules | None:
    """Return the rules of the mechanism whose phase of the study is open, if any."""
    for rules in rules_of(course.record.modules):
        if course.status.phase in rules.mechanism.before:
            return rules
    return None


def abandon(state: State, sender: str, member: MemberRecord, tx: StudyAbandon) -> list[Event]:
    """Count a validator's vote to end a study where it stands; earlier phases' votes are void.

    A quorum ends training as failed, with the last good model. After training the model stands,
    and what is given up is the wait for statements and release.

    Raises:
        Rejected: another phase, or the validator has voted.
    """
    members.require_role(member, "validator", "vote to abandon a study")
    course = study_of(state, tx.study)
    owner = None if tx.round else _owner(course)
    if owner is not None and owner.require_present is not None:
        owner.require_present(course, tx)
    elif tx.round or tx.attempt:
        require_present(course, tx)
    else:
        require_study_phase(course, tx)
    votes = course.table("timeouts")
    prefix = f"abandon/{tx.round:08d}/{tx.attempt:04d}/{tx.phase}"
    if not members.vote_counts(state, votes, prefix, sender, "voted to abandon"):
        return []
    phase = course.status.phase
    if phase in OPEN:
        return rounds.give_up(course, "abandoned")
    if phase in before_rounds(course.record.modules):
        return rounds.fail_study(course, "abandoned", round_open=False)
    events: list[Event] = []
    if phase == "evaluation":
        events += evaluations.complete(course)
    return [*events, *evaluations.skip_release(course)]


def close(state: State, member: MemberRecord, tx: StudyClose) -> list[Event]:
    """End a study that has nothing left to do.

    Raises:
        Rejected: it is not there yet, or it is closed.
    """
    members.require_role(member, "validator", "close a study")
    course = study_of(state, tx.study)
    status = course.status
    if status.phase == "closed":
        raise Rejected("already", "the study is closed")
    if status.phase != "closing":
        raise Rejected("early", f"the study is in {status.phase}")
    outcome: Literal["completed", "failed"] = (
        "failed" if status.outcome == "failed" else "completed"
    )
    course.move(phase="closed", outcome=outcome)
    for number in sorted({status.closed_rounds, status.round} - {0}):
        rounds.freeze_round(course, number)
    return [StudyClosed(study=tx.study, model=status.model, outcome=outcome)]
