"""What a log entry says, in a form to be shown: who sent what, and what the contract did."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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

Keys = Mapping[bytes, tuple[str, bytes]]
"""Members' ids and public keys by key id; a member whose key changed may be there twice."""


class EntryDescription(msgspec.Struct, frozen=True):
    """A transaction and its events.

    `sender` is a member's id, or None where the key that signed (`key`, its SHA-256) is unknown.
    """

    id: str
    kind: str
    sender: str | None
    key: str
    fields: dict[str, Any]
    events: list[dict[str, Any]]


def keys_of(members: Iterable[Member]) -> Keys:
    """Return the keys of members, as `read_entry` looks for them."""
    publics = [(member.id, from_text(member.key, KEY_SIZE, "a key")) for member in members]
    return {key_id(public): (name, public) for name, public in publics}


def read_entry(entry: bytes, identity: bytes, keys: Keys) -> EntryDescription:
    """Return what an entry says. Whether its signature holds is not looked at.

    Args:
        entry: the log entry.
        identity: the ledger's genesis digest.
        keys: the keys that are known.

    Raises:
        FormatError: it is no entry of that ledger.
    """
    data, recorded = decode_entry(entry)
    envelope = decode_envelope(data)
    transaction = decode_transaction(envelope.payload)
    if transaction.genesis != to_text(identity):
        raise malformed("a log entry", "its transaction is meant for another ledger")
    sender = keys[envelope.key_id][0] if envelope.key_id in keys else None
    fields: dict[str, Any] = msgspec.to_builtins(transaction)
    return EntryDescription(
        id=envelope.transaction_id.hex(),
        kind=kind_of(transaction),
        sender=sender,
        key=envelope.key_id.hex(),
        fields={name: value for name, value in fields.items() if name not in _NOT_SAID},
        events=msgspec.to_builtins(decode_events(recorded)),
    )


def sender_signed(entry: bytes, keys: Keys) -> bool | None:
    """Return whether an entry's signature holds; None where the key that signed is unknown.

    Raises:
        FormatError: it is no log entry.
    """
    envelope = decode_envelope(decode_entry(entry)[0])
    if envelope.key_id not in keys:
        return None
    _, public = keys[envelope.key_id]
    return signature_holds(public, envelope.signed_bytes, envelope.signature)
