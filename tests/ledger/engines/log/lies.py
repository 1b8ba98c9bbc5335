"""Sequencers that lie: each holds the log's key and may send any member anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from tests.ledger.engines.log.kit import LOG_KEY, Consortium

from collegium.ledger.application import Application
from collegium.ledger.engines.log.delivery import MemberPosition, decode_delivery, encode_delivery
from collegium.ledger.engines.log.sequencer import Sequencer
from collegium.ledger.frames import (
    BLOCK,
    ENTRY,
    Block,
    application_hash,
    decode_entry,
    encode_entry,
    encode_frame,
    entry_hash,
    read_frames,
)
from collegium.ledger.keys import SigningKey
from collegium.ledger.merkle import Frontier
from collegium.ledger.note import Checkpoint, origin_of, sign_checkpoint


def second_face(us: Consortium, home: str = "sequencer", name: str = "evil") -> Sequencer:
    """Start another sequencer on a copy of a home: it orders otherwise from here on."""
    us.copied(home, name)
    evil = us.sequencer(name)
    for member, replica in us.replicas.items():
        evil.present(member, MemberPosition(final=replica.final_note or ""))
    assert evil.ready
    return evil


@dataclass(frozen=True, slots=True)
class Honest:
    """The block that an honest sequencer made, taken apart so that a liar can change it."""

    entries: list[tuple[bytes, bytes]]
    header: Block


def honest(delivery: bytes | None) -> Honest:
    """Take a delivery of one block apart."""
    assert delivery is not None
    (header,) = decode_delivery(delivery).headers
    frames = [frame for frame in read_frames(delivery) if frame.kind == ENTRY]
    return Honest([decode_entry(frame.body) for frame in frames], header)


def crafted(
    ledger: Application,
    entries: Sequence[tuple[bytes, bytes]],
    state_root: bytes,
    key: SigningKey = LOG_KEY,
    **other: Any,
) -> bytes:
    """Return a signed delivery of one block of envelopes and events, whether they follow or not.

    Hashes that the liar can compute are right: only what the contract says is not. `other` changes
    fields of the block frame.
    """
    frontier = Frontier(ledger.frontier.size, ledger.frontier.peaks)
    frames = b""
    for envelope, events in entries:
        entry = encode_entry(envelope, events)
        frontier.append(entry_hash(entry))
        frames += encode_frame(ENTRY, entry)
    app = application_hash(state_root, frontier.size, frontier.root())
    size = ledger.frontier.size
    block = replace(Block(ledger.last_block, size, len(entries), state_root, app), **other)
    checkpoint = Checkpoint(
        origin_of(ledger.identity), frontier.size, frontier.root(), block.digest()
    )
    blocks = frames + encode_frame(BLOCK, block.body())
    return encode_delivery(blocks, sign_checkpoint(checkpoint, key))
