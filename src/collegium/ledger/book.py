"""The ledger that one process holds: state, log and file together.

Writing a block is one write of its entries and its frame, then a sync, then the
acknowledgement; so whatever was acknowledged is whole on the disk.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec

from collegium.canonical import from_text, malformed
from collegium.errors import FormatError
from collegium.ledger.applying import apply_all
from collegium.ledger.contract.apply import initial_state
from collegium.ledger.contract.events import Events, encode_events
from collegium.ledger.contract.rejected import Rejected
from collegium.ledger.contract.transactions import Transaction
from collegium.ledger.frames import (
    BLOCK,
    CHECKPOINT,
    ENTRY,
    Block,
    Frame,
    application_hash,
    decode_block,
    decode_entry,
    encode_entry,
    encode_frame,
    entry_hash,
    hash_prefix,
    read_frames,
)
from collegium.ledger.genesis import Genesis, decode_genesis, genesis_digest
from collegium.ledger.keys import KEY_SIZE, SigningKey
from collegium.ledger.merkle import Frontier
from collegium.ledger.note import Checkpoint, open_checkpoint, origin_of, sign_checkpoint
from collegium.ledger.snapshot import decode_snapshot, encode_snapshot, snapshot_path
from collegium.ledger.state import State

SNAPSHOT_EVERY = 5000
"""Entries after which a new snapshot is worth its writing."""


class Accepted(msgspec.Struct, frozen=True):
    """A transaction that is in the log, who sent it, and what the contract did."""

    index: int
    transaction: Transaction
    sender: str
    events: Events


Outcome = Accepted | Rejected


class Ledger:
    """One process's copy of the ledger. Create or open it with the functions of this module."""

    def __init__(self, genesis: bytes, path: Path, file: BinaryIO) -> None:
        self.genesis: Genesis = decode_genesis(genesis)
        self.identity = genesis_digest(genesis)
        self.state: State = initial_state(self.genesis)
        self.frontier = Frontier()
        self.last_block = self.identity
        self.path = path
        self._file = file
        self._snapshot_size = 0
        self._sealed_at: int | None = 0  # nothing to seal before the first block
        self._block_end = 0  # where the last block's frame ends in the file

    def append(self, envelopes: Sequence[bytes]) -> list[Outcome]:
        """Apply transactions in order; write and sync those accepted as one block.

        Returns one outcome for each. No block is written when nothing is accepted.
        """
        outcomes = self.write(envelopes)
        self.sync()
        return outcomes

    def sync(self) -> None:
        """Make what was written survive a power cut: then it may be acknowledged."""
        os.fsync(self._file.fileno())

    def write(self, envelopes: Sequence[bytes]) -> list[Outcome]:
        """Do as `append` does without syncing: nothing of it may be acknowledged before `sync`."""
        outcomes, block = self._next_block(envelopes)
        if block:
            self.write_block(block)
            if self.frontier.size - self._snapshot_size >= SNAPSHOT_EVERY:
                self.write_snapshot()
        return outcomes

    def _next_block(self, envelopes: Sequence[bytes]) -> tuple[list[Outcome], bytes]:
        """Apply transactions; return their outcomes, and the block's bytes if there is one."""
        outcomes: list[Outcome] = []
        written: list[bytes] = []
        first = index = self.frontier.size
        applied = apply_all(self.state, self.identity, envelopes)
        for envelope, result in zip(envelopes, applied, strict=True):
            if isinstance(result, Rejected):
                outcomes.append(result)
                continue
            transaction, sender, events = result
            entry = encode_entry(envelope, encode_events(events))
            outcomes.append(Accepted(index, transaction, sender, events))
            written.append(entry)
            index += 1
        if not written:
            return outcomes, b""
        self.frontier.extend([entry_hash(entry) for entry in written])
        root = self.state.root()
        block = Block(self.last_block, first, len(written), root, self._application_hash(root))
        self.last_block = block.digest()
        frames = [encode_frame(ENTRY, entry) for entry in written]
        return outcomes, b"".join((*frames, encode_frame(BLOCK, block.body())))

    def apply_block(self, block: bytes, *, stored: bool = False) -> list[Accepted]:
        """Apply somebody else's block: its frames must be those that `append` would write.

        After an error the state is of no use, and the file must be opened again.

        Args:
            block: the frames of its entries and its block frame.
            stored: whether the file holds it already, behind what has been applied. Otherwise
                `write_block` comes next.

        Raises:
            FormatError: it does not follow from this ledger under the contract.
        """
        frames = list(read_frames(block))
        envelopes = [decode_entry(frame.body)[0] for frame in frames if frame.kind == ENTRY]
        outcomes, expected = self._next_block(envelopes)
        if not expected or expected != block:
            raise malformed("a block", "replaying its transactions gives something else")
        if stored:
            self._block_end += len(block)
            self._sealed_at = None
        return [outcome for outcome in outcomes if isinstance(outcome, Accepted)]

    def write_block(self, block: bytes) -> None:
        """Write the block that was applied last; `sync` makes it last."""
        self._write(block)
        self._block_end = self._file.tell()
        self._sealed_at = None

    def application_hash(self) -> bytes:
        """Return the application hash as of now."""
        return self._application_hash(self.state.root())

    def checkpoint(self, key: SigningKey) -> str:
        """Return a signed checkpoint of the ledger as of now."""
        return sign_checkpoint(self.head(), key)

    def seal(self, key: SigningKey) -> str:
        """Write a checkpoint at the end of the file, once, and return it."""
        note = self.checkpoint(key)
        if self._sealed_at != self.frontier.size:
            self._write(encode_frame(CHECKPOINT, note.encode()))
            self.sync()
            self._sealed_at = self.frontier.size
        return note

    def write_snapshot(self) -> None:
        """Write a snapshot beside the file, whole or not at all."""
        data = encode_snapshot(self.state, self.frontier, self._block_end, self.last_block)
        target = snapshot_path(self.path)
        partial = target.with_suffix(".partial")
        partial.write_bytes(data)
        partial.replace(target)
        self._snapshot_size = self.frontier.size

    def close(self) -> None:
        """Release the file."""
        self._file.close()

    def head(self) -> Checkpoint:
        """Return what a checkpoint says of the ledger as of now."""
        root = self.frontier.root()
        return Checkpoint(origin_of(self.identity), self.frontier.size, root, self.last_block)

    def _application_hash(self, state_root: bytes) -> bytes:
        return application_hash(state_root, self.frontier.size, self.frontier.root())

    def _write(self, data: bytes) -> None:
        self._file.write(data)
        self._file.flush()

    def replay(self, data: bytes, start: int) -> None:
        """Apply what a file holds from an offset on, comparing everything it records.

        Raises:
            FormatError: the file says something else than the contract.
        """
        entries: list[Frame] = []
        for frame in read_frames(data, start):
            if frame.kind == ENTRY:
                entries.append(frame)
            elif frame.kind == BLOCK:
                self._replay_block(entries, frame)
                entries = []
            elif frame.kind == CHECKPOINT and self._sealed_at is None and not entries:
                self._replay_checkpoint(frame)
            else:
                raise corrupt(frame.start)

    def _replay_block(self, entries: Sequence[Frame], frame: Frame) -> None:
        """Apply the entries of a block, and compare events and block frame."""
        first = self.frontier.size
        recorded = [decode_entry(entry.body) for entry in entries]
        applied = apply_all(self.state, self.identity, [envelope for envelope, _ in recorded])
        for entry, (_, events), result in zip(entries, recorded, applied, strict=True):
            if isinstance(result, Rejected):
                raise corrupt(entry.start) from result
            if encode_events(result[2]) != events:
                raise corrupt(entry.start)
            self.frontier.append(entry_hash(entry.body))
        root = self.state.root()
        block = Block(self.last_block, first, len(entries), root, self._application_hash(root))
        if decode_block(frame.body) != block:
            raise corrupt(frame.start)
        self.last_block = block.digest()
        self._block_end = frame.end
        self._sealed_at = None

    def _replay_checkpoint(self, frame: Frame) -> None:
        key = from_text(self.genesis.log, KEY_SIZE)
        try:
            found = open_checkpoint(frame.body.decode(), origin_of(self.identity), key)
        except (FormatError, UnicodeDecodeError) as error:
            raise corrupt(frame.start) from error
        if found != self.head():
            raise corrupt(frame.start)
        self._sealed_at = self.frontier.size

    def resume_from(self, snapshot: bytes, data: bytes) -> int:
        """Take over a snapshot if ledger.log vouches for it; return where to replay from."""
        opened = decode_snapshot(snapshot)
        start = next(read_frames(data)).end
        if opened is None:
            return start
        content, state, frontier = opened
        size = content.offset
        try:
            hashed, block = hash_prefix(data[:size], self.identity)
            vouched = (
                block is not None
                and block.digest() == content.block
                and block.state_root == state.root()
                and (hashed.size, hashed.peaks) == (frontier.size, frontier.peaks)
            )
        except FormatError:
            vouched = False
        if not vouched:
            return start
        self.state, self.frontier, self.last_block = state, frontier, content.block
        self._snapshot_size = frontier.size
        self._block_end, self._sealed_at = size, None
        return size


def corrupt(position: int) -> FormatError:
    """Return the error for a ledger file that contradicts the contract."""
    return FormatError(
        "ledger.corrupt",
        f"ledger.log cannot be continued: what it records from byte {position} on does not hold",
        "replaying its transactions gives something else",
        "run `collegium verify` on the folder for the cause; restore the file from a copy",
    )
