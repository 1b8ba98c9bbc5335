"""A ledger file taken apart and put together again by somebody who holds every key.

`read_transcript` gives a file as blocks of signed transactions; `rebuilt` hashes and seals any
blocks into a file that fits together; `executed` lets the contract say anew what each
transaction does. With these a test tells every lie that the owner of all keys could tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from collegium.canonical import encode
from collegium.federation.identity import member_key
from collegium.federation.secrets import simulated_secret
from collegium.ledger.contract.apply import apply, initial_state
from collegium.ledger.contract.events import encode_events
from collegium.ledger.contract.rejected import Rejected
from collegium.ledger.envelope import decode_envelope, encode_envelope, sign_envelope
from collegium.ledger.frames import (
    BLOCK,
    CHECKPOINT,
    ENTRY,
    GENESIS,
    Block,
    application_hash,
    decode_block,
    decode_entry,
    encode_entry,
    encode_frame,
    entry_hash,
    read_frames,
)
from collegium.ledger.genesis import decode_genesis, genesis_digest
from collegium.ledger.keys import SigningKey, key_id
from collegium.ledger.merkle import Frontier
from collegium.ledger.note import Checkpoint, origin_of, sign_checkpoint

Payload = dict[str, Any]
"""A transaction's payload as plain values."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A signed transaction and the events that are recorded for it."""

    envelope: bytes
    events: bytes

    @property
    def payload(self) -> Payload:
        """What was signed."""
        value: Payload = msgspec.json.decode(decode_envelope(self.envelope).payload)
        return value

    @property
    def signer(self) -> bytes:
        """The id of the key that signed."""
        return decode_envelope(self.envelope).key_id


@dataclass(frozen=True, slots=True)
class Transcript:
    """A ledger file's genesis, its entries, how many each block has, and its state roots."""

    genesis: bytes
    entries: tuple[Entry, ...]
    counts: tuple[int, ...]
    roots: tuple[bytes, ...]

    @property
    def identity(self) -> bytes:
        """The genesis digest."""
        return genesis_digest(self.genesis)

    def with_entry(self, index: int, entry: Entry) -> Transcript:
        """Return the transcript with another entry in one place."""
        return replace(self, entries=(*self.entries[:index], entry, *self.entries[index + 1 :]))


@dataclass(frozen=True, slots=True)
class Keys:
    """Every key of a simulated consortium, by key id, and the log's."""

    by_id: Mapping[bytes, SigningKey]
    log: SigningKey


def simulated_keys(transcript: Transcript, seed: int, *more: SigningKey) -> Keys:
    """Return the keys of a simulated run, which follow from its study's seed, and further ones."""
    members = [
        member_key(simulated_secret(seed, member.id))
        for member in decode_genesis(transcript.genesis).members
    ]
    by_id = {key_id(key.public): key for key in (*members, *more)}
    return Keys(by_id, member_key(simulated_secret(seed, "*log")))


def read_transcript(data: bytes) -> Transcript:
    """Take a sound ledger file apart."""
    genesis = b""
    entries: list[Entry] = []
    counts: list[int] = []
    roots: list[bytes] = []
    for frame in read_frames(data):
        if frame.kind == GENESIS:
            genesis = frame.body
        elif frame.kind == ENTRY:
            entries.append(Entry(*decode_entry(frame.body)))
        elif frame.kind == BLOCK:
            counts.append(len(entries) - sum(counts))
            roots.append(decode_block(frame.body).state_root)
    return Transcript(genesis, tuple(entries), tuple(counts), tuple(roots))


def rebuilt(transcript: Transcript, log: SigningKey) -> bytes:
    """Return a file of these entries whose frames, hashes and checkpoint all fit together."""
    frontier, last, entries = Frontier(), transcript.identity, iter(transcript.entries)
    parts = [encode_frame(GENESIS, transcript.genesis)]
    for count, root in zip(transcript.counts, transcript.roots, strict=True):
        first = frontier.size
        for _ in range(count):
            entry = next(entries)
            body = encode_entry(entry.envelope, entry.events)
            frontier.append(entry_hash(body))
            parts.append(encode_frame(ENTRY, body))
        app = application_hash(root, frontier.size, frontier.root())
        block = Block(last, first, count, root, app)
        last = block.digest()
        parts.append(encode_frame(BLOCK, block.body()))
    origin = origin_of(transcript.identity)
    note = sign_checkpoint(Checkpoint(origin, frontier.size, frontier.root(), last), log)
    return b"".join((*parts, encode_frame(CHECKPOINT, note.encode())))


def executed(transcript: Transcript) -> Transcript:
    """Return the transcript with events and state roots as the contract gives them.

    Where it refuses a transaction, what was recorded for it stays.
    """
    state = initial_state(decode_genesis(transcript.genesis))
    entries: list[Entry] = []
    roots: list[bytes] = []
    for count in transcript.counts:
        for entry in transcript.entries[len(entries) : len(entries) + count]:
            try:
                _, _, events = apply(state, transcript.identity, entry.envelope)
                entries.append(replace(entry, events=encode_events(events)))
            except Rejected:
                entries.append(entry)
        roots.append(state.root())
    return replace(transcript, entries=tuple(entries), roots=tuple(roots))


def unsigned(entry: Entry, payload: Payload) -> Entry:
    """Return an entry with another payload under the old signature."""
    envelope = msgspec.structs.replace(decode_envelope(entry.envelope), payload=encode(payload))
    return replace(entry, envelope=encode_envelope(envelope))


def signed(entry: Entry, payload: Payload, keys: Keys) -> Entry:
    """Return an entry with another payload, signed anew by the same member."""
    return replace(entry, envelope=sign_envelope(encode(payload), keys.by_id[entry.signer]))


def forged(transcript: Transcript, index: int, payload: Payload, keys: Keys) -> bytes:
    """Return the file in which one payload says something else and all else was repaired."""
    entry = transcript.entries[index]
    changed = transcript.with_entry(index, signed(entry, payload, keys))
    return rebuilt(executed(changed), keys.log)


def naive(data: bytes, entry: Entry, payload: Payload) -> bytes:
    """Return a file's bytes with one payload exchanged for another, and nothing else.

    Only the lengths in front of it follow, so that the file can still be read.
    """
    before, after = (
        encode_frame(ENTRY, encode_entry(one.envelope, one.events))
        for one in (entry, unsigned(entry, payload))
    )
    assert data.count(before) == 1
    return data.replace(before, after)
