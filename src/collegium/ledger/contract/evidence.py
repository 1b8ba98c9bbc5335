"""Evidence of equivocation: two signatures of one member under one natural key.

Both envelopes travel inside the transaction, so that the contract itself proves the conflict
(docs/decisions/0003).
"""

from __future__ import annotations

from base64 import urlsafe_b64decode
from dataclasses import dataclass

import msgspec

from collegium import canonical
from collegium.errors import FormatError
from collegium.ledger.contract import members
from collegium.ledger.contract.admitting import require_admitted
from collegium.ledger.contract.events import Event, MemberEquivocated
from collegium.ledger.contract.rejected import Rejected
from collegium.ledger.contract.tables import (
    EVIDENCE,
    KEYS,
    MEMBERS,
    PROPOSALS,
    THE_ONE,
    MemberRecord,
    study_path,
)
from collegium.ledger.contract.transactions import (
    AnyTransaction,
    EvidenceConflict,
    MemberPropose,
    MemberVote,
    StudyTransaction,
    Transaction,
    kind_of,
    natural_key,
)
from collegium.ledger.envelope import Envelope, decode_envelope
from collegium.ledger.hashing import tagged_hash
from collegium.ledger.keys import signature_holds
from collegium.ledger.state import State

CONFLICTS_A_MEMBER = 64
"""Conflicts recorded of one member at most: it is discredited, and its spam must end somewhere."""

_DECODER: msgspec.json.Decoder[Transaction] = msgspec.json.Decoder(AnyTransaction)


def decode_transaction(payload: bytes) -> Transaction:
    """Decode a payload.

    Raises:
        FormatError: it is not the canonical form of a transaction of a known kind.
    """
    return canonical.decode(payload, _DECODER, "a transaction")


@dataclass(frozen=True, slots=True)
class ProvenConflict:
    """What evidence proves: under which name it is recorded, the record, and what it is."""

    name: str
    record: bytes
    event: MemberEquivocated


def conflict(state: State, tx: EvidenceConflict) -> list[Event]:
    """Record that a member equivocated, once for each natural key.

    Raises:
        Rejected: the two do not prove it, it is known, or it is about nothing on this ledger.
    """
    found = proven(state, tx)
    state.put(EVIDENCE, found.name, found.record)
    return [found.event]


def proven(state: State, tx: EvidenceConflict) -> ProvenConflict:
    """Return what evidence proves and the state does not record yet.

    Raises:
        Rejected: as `conflict`.
    """
    first, first_tx, culprit = _open(state, tx, tx.first)
    second, second_tx, other = _open(state, tx, tx.second)
    if culprit != other:
        raise Rejected("refused", "two members signed them")
    if isinstance(first_tx, EvidenceConflict) or natural_key(first_tx) != natural_key(second_tx):
        raise Rejected("refused", "they are not about the same thing, so both may be said")
    if first.payload >= second.payload:
        raise Rejected("malformed", "they are the same, or not in the order of their payloads")
    _require_subject(state, first_tx)
    key = "/".join((culprit, *natural_key(first_tx)))
    if state.get(EVIDENCE, key) is not None:
        raise Rejected("already", "this conflict is on record")
    known = sum(name.startswith(f"{culprit}/") for name, _ in state.items(EVIDENCE))
    if known >= CONFLICTS_A_MEMBER:
        raise Rejected("refused", f"{known} conflicts of {culprit} are on record, which is enough")
    record = tagged_hash("evidence", first.transaction_id, second.transaction_id)
    return ProvenConflict(key, record, MemberEquivocated(kind=kind_of(first_tx), member=culprit))


def _require_subject(state: State, tx: Transaction) -> None:
    """Refuse conflicts about what was never here; so ids in the key have the form of ids."""
    if isinstance(tx, StudyTransaction):
        if state.get(study_path(tx.study, "study"), THE_ONE) is None:
            raise Rejected("unknown-study", "they are about a study that is not registered")
    elif isinstance(tx, MemberPropose | MemberVote) and state.get(PROPOSALS, tx.proposal) is None:
        raise Rejected("refused", "they are about a proposal that nobody made")


def _open(state: State, tx: EvidenceConflict, text: str) -> tuple[Envelope, Transaction, str]:
    """Return one half of the proof, with who signed it."""
    try:
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        if canonical.to_text(raw) != text:
            raise Rejected("malformed", "an envelope is not in canonical base64url")
        envelope = decode_envelope(raw)
        inner = decode_transaction(envelope.payload)
    except (ValueError, FormatError) as error:
        raise Rejected("malformed", f"not a transaction: {error}") from error
    require_admitted(state, inner)
    if inner.genesis != tx.genesis:
        raise Rejected("refused", "it was signed for another ledger")
    owner = state.get(KEYS, envelope.key_id.hex())
    if owner is None or owner == members.LOG_KEY_HOLDER:
        raise Rejected("unknown-member", "no member has or had the key that signed it")
    name = owner.decode()
    member = state.record(MEMBERS, name, MemberRecord)
    if member is None or members.key_name(member.key) != envelope.key_id.hex():
        raise Rejected("unknown-member", f"{name} has replaced the key that signed it")
    if not signature_holds(
        members.public_key(member.key), envelope.signed_bytes, envelope.signature
    ):
        raise Rejected("signature", "the signature on it does not hold")
    return envelope, inner, name
