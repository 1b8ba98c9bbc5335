"""The contract's one entrance: an envelope goes in, events come out, or `Rejected`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import msgspec

from collegium.errors import FormatError
from collegium.ledger.contract import (
    evaluations,
    evidence,
    governance,
    members,
    retirement,
    rounds,
    silence,
    studies,
    updates,
    votes,
)
from collegium.ledger.contract.admitting import require_admitted
from collegium.ledger.contract.declared import require_module
from collegium.ledger.contract.events import Event, Events, MembershipChanged
from collegium.ledger.contract.rejected import Rejected
from collegium.ledger.contract.rules import Handler, handlers, without_record
from collegium.ledger.contract.tables import MemberRecord
from collegium.ledger.contract.transactions import (
    BlobRetire,
    EvaluationPost,
    EvidenceConflict,
    Expel,
    MemberHere,
    MemberPropose,
    MemberReturn,
    MemberVote,
    ModelRelease,
    PhaseTimeout,
    RoundVote,
    StudyAbandon,
    StudyAccept,
    StudyClose,
    StudyRegister,
    Transaction,
    UpdateAvailable,
    UpdateCommit,
    UpdateReveal,
)
from collegium.ledger.envelope import Envelope, decode_envelope
from collegium.ledger.genesis import Genesis, ledger_text
from collegium.ledger.keys import signature_holds
from collegium.ledger.state import State


def _member_vote(state: State, sender: str, member: MemberRecord, tx: MemberVote) -> list[Event]:
    members.require_role(member, "validator", "vote on a proposal")
    events = governance.vote(state, sender, tx)
    if members.contract_version(state) >= 2:
        for event in tuple(events):
            if isinstance(event, MembershipChanged) and isinstance(event.action, Expel):
                events += rounds.member_leaves(state, event.action.member)
    return events


def _member_return(
    state: State, sender: str, member: MemberRecord, tx: MemberReturn
) -> list[Event]:
    members.require_role(member, "validator", "return to cosigning")
    members.comes_back(state, sender, tx.nonce)
    return []


KERNEL: Mapping[type[Transaction], Handler] = {
    StudyRegister: studies.register,
    StudyAccept: without_record(studies.accept),
    UpdateCommit: without_record(updates.commit),
    UpdateReveal: without_record(updates.reveal),
    UpdateAvailable: without_record(updates.available),
    RoundVote: without_record(votes.vote),
    PhaseTimeout: studies.timeout,
    StudyAbandon: studies.abandon,
    MemberHere: without_record(silence.here),
    EvaluationPost: without_record(evaluations.post),
    ModelRelease: without_record(evaluations.release),
    StudyClose: lambda state, _, member, tx: studies.close(state, member, tx),
    BlobRetire: retirement.retire,
    MemberPropose: without_record(governance.propose),
    MemberVote: _member_vote,
    MemberReturn: _member_return,
    EvidenceConflict: lambda state, _, __, tx: evidence.conflict(state, tx),
}


@cache
def handlers_of() -> Mapping[type[Transaction], Handler]:
    """Return what every kind of transaction does."""
    return {**KERNEL, **handlers()}


def initial_state(genesis: Genesis) -> State:
    """Return the state that a genesis implies, before any transaction.

    Raises:
        PluginError: it admits a module that this installation lacks.
    """
    for module in genesis.modules:
        require_module(module)
    state = State()
    members.found(state, genesis)
    return state


class DecodedTransaction(msgspec.Struct, frozen=True):
    """What a transaction is before anything is known of the state: its envelope, decoded."""

    envelope: Envelope
    transaction: Transaction


Applied = tuple[Transaction, str, Events]
"""An accepted transaction, who sent it, and what happened."""


def open_transaction(data: bytes, genesis: bytes) -> DecodedTransaction:
    """Decode an envelope and its payload, and check that it is meant for this ledger.

    Raises:
        Rejected: malformed, or for another ledger.
    """
    try:
        envelope = decode_envelope(data)
        transaction = evidence.decode_transaction(envelope.payload)
    except FormatError as error:
        raise Rejected("malformed", f"{error.what}: {error.why}") from error
    if transaction.genesis != ledger_text(genesis):
        raise Rejected("malformed", "it is meant for another ledger")
    return DecodedTransaction(envelope, transaction)


def execute(
    state: State,
    opened: DecodedTransaction,
    known: members.Sender | None = None,
    *,
    holds: bool = False,
) -> Applied:
    """Apply an opened transaction.

    Args:
        state: changed in place when the transaction is accepted, untouched otherwise.
        opened: the transaction.
        known: who had signed it when its signature was checked beforehand, if it was; where the
            member has changed since, it is looked up and checked here.
        holds: whether it held.

    Raises:
        Rejected: the contract refuses it.
    """
    envelope, transaction = opened.envelope, opened.transaction
    require_admitted(state, transaction)
    if known is None or not members.unchanged(state, known):
        known = members.sender_of(state, envelope.key_id)
        holds = signature_holds(known.key, envelope.signed_bytes, envelope.signature)
    sender, member = known.name, known.member
    if not holds:
        raise Rejected("signature", f"the signature is not {sender}'s")
    try:
        events = handlers_of()[type(transaction)](state, sender, member, transaction)
    except Rejected:
        state.reject()
        raise
    except FormatError as error:
        state.reject()
        raise Rejected("malformed", f"{error.what}: {error.why}") from error
    except BaseException:
        state.reject()
        raise
    state.accept()
    return transaction, sender, tuple(events)


def apply(state: State, genesis: bytes, data: bytes) -> Applied:
    """Apply one encoded transaction to the state of the ledger with that genesis.

    Raises:
        Rejected: the only exception, whatever the bytes are.
    """
    return execute(state, open_transaction(data, genesis))


def known_sender(state: State, key_id: bytes) -> members.Sender | None:
    """Return who has the key with an id, or None where no member has it as of now."""
    try:
        return members.sender_of(state, key_id)
    except Rejected:
        return None
