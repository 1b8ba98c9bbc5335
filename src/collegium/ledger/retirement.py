"""Which update blobs a ledger says are kept no longer (`updates.retired`); docs/spec page 7.

A blob goes only when every reveal that names it is retired: who names another member's blob as
its own cannot take it away. And only bytes that are an update go: who names a model or a
statement as its update cannot take that away either.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from collegium.canonical import from_text
from collegium.ledger.blobs import BlobFolder
from collegium.ledger.contract.events import (
    Event,
    Events,
    MembershipChanged,
    UpdatesRetired,
    decode_events,
)
from collegium.ledger.contract.evidence import decode_transaction
from collegium.ledger.contract.transactions import Admit, Rotate, Transaction, UpdateReveal
from collegium.ledger.envelope import decode_envelope
from collegium.ledger.frames import ENTRY, GENESIS, decode_entry, read_frames
from collegium.ledger.genesis import Member, decode_genesis
from collegium.ledger.hashing import DIGEST_SIZE, tag
from collegium.ledger.keys import KEY_SIZE, key_id

UPDATE_TAGS = (
    tag("update"), b"collegium/update/v2\0", tag("sealed"), tag("masked"), tag("encrypted"),
)  # fmt: skip

Said = tuple[str, Transaction, Events]
"""Who sent an accepted transaction, the transaction, and what happened."""

_Place = tuple[str, int, str]
"""A study, a round (0 for every one), and a member."""


def is_update(data: bytes) -> bool:
    """Return whether a blob is an update, whatever protects it, and so what retirement is about."""
    return data.startswith(UPDATE_TAGS)


def retired_here(ledger: bytes, folder: BlobFolder) -> list[bytes]:
    """Return the digests of blobs that a folder holds and the ledger says are kept no longer.

    Raises:
        FormatError: the bytes are no ledger file.
    """
    found = []
    for name in sorted(retired_updates(reveals_and_retirements(ledger))):
        data = folder.get(name)
        if data is not None and is_update(data):
            found.append(name)
    return found


def retired_updates(entries: Iterable[Said]) -> frozenset[bytes]:
    """Return the digests of blobs, plain and sealed, of which every reveal is retired."""
    named: dict[bytes, set[_Place]] = {}
    retired: set[_Place] = set()
    for sender, transaction, events in entries:
        if isinstance(transaction, UpdateReveal):
            place = transaction.study, transaction.round, sender
            for name in (transaction.digest, transaction.sealed):
                if isinstance(name, str):
                    named.setdefault(from_text(name, DIGEST_SIZE), set()).add(place)
        for event in events:
            if isinstance(event, UpdatesRetired):
                retired |= {(event.study, event.round, name) for name in event.members}

    def is_gone(place: _Place) -> bool:
        study, _, member = place
        return place in retired or (study, 0, member) in retired

    return frozenset(name for name, places in named.items() if all(map(is_gone, places)))


def reveals_and_retirements(ledger: bytes) -> Iterator[Said]:
    """Yield what `retired_updates` needs to know of a ledger file that its reader trusts.

    Nothing is checked: it is for a member's own copy, which was checked when it was written.

    Raises:
        FormatError: the bytes are no ledger file.
    """
    owners: dict[bytes, str] = {}
    for frame in read_frames(ledger):
        if frame.kind == GENESIS:
            for member in decode_genesis(frame.body).members:
                _own(owners, member.key, member.id)
        if frame.kind != ENTRY:
            continue
        data, recorded = decode_entry(frame.body)
        telling = b'"membership.changed"' in recorded or b'"updates.retired"' in recorded
        envelope = decode_envelope(data)
        if not telling and b'"update.reveal"' not in envelope.payload:
            continue
        events = decode_events(recorded) if telling else ()
        sender = owners[envelope.key_id]
        for event in events:
            _follow(owners, event)
        yield sender, decode_transaction(envelope.payload), events


def _follow(owners: dict[bytes, str], event: Event) -> None:
    """Keep up with whose a key is."""
    if not isinstance(event, MembershipChanged):
        return
    if isinstance(event.action, Admit):
        member: Member = event.action.member
        _own(owners, member.key, member.id)
    elif isinstance(event.action, Rotate):
        _own(owners, event.action.key, event.action.member)


def _own(owners: dict[bytes, str], key: str, name: str) -> None:
    owners[key_id(from_text(key, KEY_SIZE))] = name
