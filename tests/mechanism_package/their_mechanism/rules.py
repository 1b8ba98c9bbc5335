"""Receipts in the contract."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.mechanism_package.their_mechanism.terms import (
    MECHANISM,
    Allowed,
    Forgive,
    Missing,
    ReceiptPost,
    ReceiptsGathered,
    ReceiptsMissed,
    ReceiptTerms,
    Seal,
)

from collegium.canonical import from_text
from collegium.ledger.contract import members, rounds
from collegium.ledger.contract.context import RoundAt
from collegium.ledger.contract.declared import part_of
from collegium.ledger.contract.event import Event
from collegium.ledger.contract.preconditions import enter
from collegium.ledger.contract.rejected import Rejected
from collegium.ledger.contract.results import ModelResult
from collegium.ledger.contract.rules import Closing, Ending, Proposed, Rules, without_record
from collegium.ledger.contract.tables import StudyRecord, StudyStatus
from collegium.ledger.contract.transactions import StudyRegister, UpdateCommit
from collegium.ledger.state import Path, State

FORGIVEN: Path = ("forgiven",)


def most_of(record: StudyRecord) -> int:
    """Return how many receipts may be missing."""
    terms = part_of(record.terms, ReceiptTerms)
    return 0 if terms is None else terms.most


def _register(tx: StudyRegister) -> None:
    terms = part_of(tx.terms, ReceiptTerms)
    if terms is not None and terms.most >= tx.per_round:
        raise Rejected("refused", "all receipts may be missing")


def _commits(at: RoundAt, tx: UpdateCommit, sender: str) -> None:
    seal = part_of(tx.parts, Seal)
    if seal is None:
        raise Rejected("malformed", "it does not say whether a receipt will be given")
    at.put("wills", sender, seal.will.encode())


def post(state: State, sender: str, tx: ReceiptPost) -> list[Event]:
    """Record a receipt."""
    at = enter(state, tx, sender, "receipt")
    at.put("receipts", sender, from_text(tx.digest, 32, "a digest"))
    return rounds.spoke(at)


def missing(at: RoundAt) -> int:
    """Return how many included updates come without a receipt of theirs that is asked for."""
    given, forgiven = at.names("receipts"), at.state.names(FORGIVEN)
    return sum(name not in given and name not in forgiven for name in at.names("included"))


def _phase_ends(at: RoundAt, ending: Ending) -> Ending:
    if at.current.phase != "receipt":
        return ending
    gathered = ReceiptsGathered(**at.here, members=at.names("receipts"))
    failed = None if missing(at) <= most_of(at.record) else "receipts"
    return replace(ending, events=(*ending.events, gathered), failed=failed)


def _votes(record: StudyRecord, result: ModelResult) -> None:
    if part_of(result.parts, Missing) is None:
        raise Rejected("malformed", "a model comes with the number of missing receipts")


def _round_closes(at: RoundAt, result: ModelResult, before: StudyStatus) -> Closing:
    told = part_of(result.parts, Missing)
    count = 0 if told is None else told.count
    return Closing((ReceiptsMissed(**at.here, count=count),), early=count > 0)


def _obstacle(state: State, action: Any) -> str | None:
    active = members.active_member(state, action.member)
    return f"{action.member} is not a member" if active is None else None


def _forgive(state: State, action: Any) -> None:
    state.put(FORGIVEN, action.member, b"1")


RULES = Rules(
    MECHANISM,
    handlers={ReceiptPost: without_record(post)},
    actions={Forgive: Proposed(_obstacle, _forgive, "ask {member} for no more receipts")},
    registers=_register,
    commits=_commits,
    opened=lambda at: Allowed(most=most_of(at.record)),
    fewest_openers=most_of,
    phase_ends=_phase_ends,
    votes=_votes,
    round_closes=_round_closes,
)
