"""Proof that a sequencer signed a block that cannot be, for whoever has the ledger before it.

What a member kept of such a block is the block and the log's note over it. The note binds the log's
key to the block's hash and its entries; the ledger before it, whoever's copy it is, is bound by the
hash that the block names. So neither the member nor the copy needs to be believed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from collegium.errors import FormatError, RunError, reason_of
from collegium.ledger.engines.log.delivery import decode_delivery
from collegium.ledger.engines.log.evidence import RECEIVED
from collegium.ledger.engines.log.log_copy import LogCopy, open_log_copy
from collegium.ledger.frames import (
    BLOCK,
    ENTRY,
    GENESIS,
    Block,
    decode_block,
    entry_hash,
    hash_prefix,
    read_frames,
    read_ledger,
)
from collegium.ledger.genesis import Genesis, decode_genesis, genesis_digest, required_log_key
from collegium.ledger.note import Checkpoint, open_checkpoint, origin_of
from collegium.ledger.ordering import LEDGER

_UNSIGNED = (
    "what was received is not one block with the log's note over it, as a broken disk or line "
    "could have sent it as well"
)


@dataclass(frozen=True, slots=True)
class InvalidBlock:
    """What is found of a block: whether it is proven that it cannot be, and why or why not."""

    proven: bool
    first: int
    why: str


@dataclass(frozen=True, slots=True)
class SignedBlock:
    """A block that the log's key signed, and the ledger that it follows.

    Attributes:
        block: its frames.
        note: the log's note over it.
        header: its frame.
        before: the file up to the block that it follows.
        genesis: the ledger's.
    """

    block: bytes
    note: str
    header: Block
    before: bytes
    genesis: Genesis


def read_block(evidence: Path, ledger: Path, identity: bytes) -> SignedBlock | InvalidBlock:
    """Return the block of a folder of evidence, or why it is none that the log's key signed.

    Args:
        evidence: one of a home's `evidence/`, or a copy of it.
        ledger: a run folder or a member's home whose log the block is said to follow.
        identity: the genesis digest that whoever asks trusts.

    Raises:
        RunError: the evidence holds no block, or the ledger is another one or too short.
        FormatError: the evidence is malformed, or the log's key did not sign its note.
    """
    received = _received(evidence)
    try:
        delivery = decode_delivery(received)
    except FormatError as error:
        return InvalidBlock(False, 0, f"{_UNSIGNED}: {error.why}")
    if len(delivery.blocks) != 1 or delivery.note is None:
        return InvalidBlock(False, 0, f"{_UNSIGNED}: it holds {len(delivery.blocks)} blocks")
    block, header = delivery.blocks[0], delivery.headers[0]
    before = _before(ledger, header, identity)
    genesis = decode_genesis(next(read_frames(before)).body)
    key = required_log_key(genesis)
    note = open_checkpoint(delivery.note, origin_of(identity), key)
    if not _bound(note, before, block, header, identity):
        return InvalidBlock(
            False, header.first, "the log's note is over another block than this one"
        )
    return SignedBlock(block, delivery.note, header, before, genesis)


def check_block(evidence: Path, ledger: Path, identity: bytes) -> InvalidBlock:
    """Return what a folder of evidence proves about a block; see `read_block`."""
    found = read_block(evidence, ledger, identity)
    if isinstance(found, InvalidBlock):
        return found
    with TemporaryDirectory() as folder:
        (Path(folder) / LEDGER).write_bytes(found.before)
        copy = open_log_copy(Path(folder), found.genesis, lambda _: None)
        try:
            return _replayed(copy, found.block, found.note, found.header.first)
        finally:
            copy.close()


def _replayed(copy: LogCopy, block: bytes, note: str, first: int) -> InvalidBlock:
    try:
        copy.take(block, note)
    except FormatError as error:
        return InvalidBlock(True, first, error.why)
    return InvalidBlock(False, first, "it follows from the ledger before it")


def _received(evidence: Path) -> bytes:
    try:
        return (evidence / RECEIVED).read_bytes()
    except OSError as error:
        raise RunError(
            "evidence.unreadable", f"{evidence} does not hold a block", reason_of(error),
            "name a folder block-… of a home's evidence/",
        ) from error  # fmt: skip


def _before(ledger: Path, header: Block, identity: bytes) -> bytes:
    """Return the file up to the block that a header says it follows.

    Raises:
        RunError: the ledger is another one, or has no such block.
    """
    try:
        data = read_ledger(ledger / LEDGER)
    except (OSError, ValueError) as error:
        raise RunError(
            "run.unreadable", f"{ledger} is neither a run folder nor a member's home",
            reason_of(error), "name the folder of somebody who has the ledger",
        ) from error  # fmt: skip
    end = digest = None
    for frame in read_frames(data):
        if frame.kind == GENESIS:
            if genesis_digest(frame.body) != identity:
                raise RunError(
                    "evidence.other-ledger", f"{ledger} holds another ledger",
                    "its genesis has another digest than the one that you trust",
                    "compare the digest with the one that the members have",
                )  # fmt: skip
            digest = identity
        elif frame.kind == BLOCK:
            digest = decode_block(frame.body).digest()
        if digest == header.previous and frame.kind in (GENESIS, BLOCK):
            end = frame.end
            break
    if end is None:
        raise RunError(
            "evidence.no-such-place", f"{ledger} does not have the block that this one follows",
            f"it is said to follow {header.first} entries of another history, or of a longer one",
            "ask a member that is further; of two histories, `collegium audit fork` has the proof",
        )  # fmt: skip
    return data[:end]


def _bound(note: Checkpoint, before: bytes, block: bytes, header: Block, identity: bytes) -> bool:
    """Return whether the log's key signed this header and these entries, and no others."""
    frontier, _ = hash_prefix(before, identity)
    for frame in read_frames(block):
        if frame.kind == ENTRY:
            frontier.append(entry_hash(frame.body))
    signed = (note.size, note.root, note.extension)
    return signed == (frontier.size, frontier.root(), header.digest())
