"""What a log entry says, in a form to be shown: who sent what, and what the contract did."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from collegium.canonical import from_text, malformed, to_text
from collegium.ledger.contract.events import decode_events
from collegium.ledger.contract.evidence import decode_transaction
from collegium.ledger.contract.transactions import kind_of
from collegium.ledger.envelope import decode_envelope
from collegium.ledger.frames import decode_entry
from collegium.ledger.genesis import Member
from collegium.ledger.keys import KEY_SIZE, key_id, signature_holds

_NOT_SAID = ("format", "genesis", "kind")


class EntrySaid(msgspec.Struct, frozen=True):
    """A transaction and its events.

    `sender` is a member's id, and `signed` whether its signature holds; both are None where the key
    that signed (`key`, its SHA-256) is none of those known.
    """

    id: str
    kind: str
    sender: str | None
    signed: bool | None
    key: str
    fields: dict[str, Any]
    events: list[dict[str, Any]]


def read_entry(entry: bytes, identity: bytes, members: Iterable[Member]) -> EntrySaid:
    """Return what an entry says.

    Args:
        entry: the log entry.
        identity: the ledger's genesis digest.
        members: members whose keys are known; one whose key changed may be among them twice.

    Raises:
        FormatError: it is no entry of that ledger.
    """
    data, recorded = decode_entry(entry)
    envelope = decode_envelope(data)
    transaction = decode_transaction(envelope.payload)
    if transaction.genesis != to_text(identity):
        raise malformed("a log entry", "its transaction is meant for another ledger")
    sender, signed = None, None
    for member in members:
        public = from_text(member.key, KEY_SIZE, "a key")
        if key_id(public) == envelope.key_id:
            sender = member.id
            signed = signature_holds(public, envelope.signed_bytes, envelope.signature)
    fields: dict[str, Any] = msgspec.to_builtins(transaction)
    return EntrySaid(
        id=envelope.transaction_id.hex(),
        kind=kind_of(transaction),
        sender=sender,
        signed=signed,
        key=envelope.key_id.hex(),
        fields={name: value for name, value in fields.items() if name not in _NOT_SAID},
        events=msgspec.to_builtins(decode_events(recorded)),
    )
