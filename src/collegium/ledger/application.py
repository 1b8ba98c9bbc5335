"""The application: the contract's state, the log and the file that one party holds.

Whoever orders transactions (`ledger.ordering`) has it check them, execute blocks, undo what turns
out not to be final, and commit what is. Writing a block is one write of its entries and its frame,
then a sync, then the acknowledgement; so whatever was acknowledged is whole on the disk.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec

from collegium.canonical import malformed
from collegium.errors import FormatError
from collegium.ledger.applying import apply_all
from collegium.ledger.contract.apply import initial_state
from collegium.ledger.contract.events import Events, encode_events
from collegium.ledger.contract.members import validator_powers
from collegium.ledger.contract.rejected import Rejected
from collegium.ledger.contract.transactions import Transaction
from collegium.ledger.frames import (
    BLOCK,
    CHECKPOINT,
    ENTRY,
    NONE_REFUSED,
    REFUSED,
    Block,
    Frame,
    application_hash,
    block_at,
    decode_block,
    decode_entry,
    decode_refusal,
    encode_entry,
    encode_frame,
    encode_refusal,
    entry_hash,
    hash_prefix,
    read_frames,
    refused_digest,
)
from collegium.ledger.genesis import Genesis, decode_genesis, genesis_digest, log_key_of
from collegium.ledger.keys import SigningKey
from collegium.ledger.merkle import Frontier
from collegium.ledger.note import Checkpoint, open_checkpoint, origin_of, sign_checkpoint
from collegium.ledger.snapshot import decode_snapshot, encode_snapshot, snapshot_path
from collegium.ledger.state import State

SNAPSHOT_EVERY = 5000
"""Entries after which a new snapshot is worth its writing."""


class AcceptedTransaction(msgspec.Struct, frozen=True):
    """A transaction that is in the log, who sent it, and what the contract did."""

    index: int
    transaction: Transaction
    sender: str
    events: Events


Outcome = AcceptedTransaction | Rejected


class _Executed(NamedTuple):
    """A block that is executed and not committed, and what was there before it."""

    block: bytes
    size: int
    peaks: list[bytes]
    last_block: bytes


class Application:
    """One party's copy of the ledger. Create or open it with `ledger.opening`.

    Attributes:
        genesis: the ledger's; `identity` is its digest.
        state: after all that was executed, committed or not.
        frontier: the log's tree over the same.
        last_block: the hash of the last block that was executed.
    """

    def __init__(self, genesis: bytes, path: Path, file: BinaryIO) -> None:
        self.genesis: Genesis = decode_genesis(genesis)
        self.identity = genesis_digest(genesis)
        self.state: State = initial_state(self.genesis)
        self.frontier = Frontier()
        self.last_block = self.identity
        self.path = path
        self._file = file
        self._executed: deque[_Executed] = deque()
        self._snapshot_size = 0
        self._sealed_at: int | None = 0  # nothing to seal before the first block
        self._block_end = 0  # where the last block's frame ends in the file

    @property
    def size(self) -> int:
        """Number of entries in the log."""
        return self.frontier.size

    @property
    def uncommitted(self) -> int:
        """How many blocks are executed and not committed."""
        return len(self._executed)

    def check(self, envelope: bytes, before: Sequence[bytes] = ()) -> Rejected | None:
        """Return why the contract would refuse a transaction now, or None; nothing changes.

        Args:
            envelope: the transaction.
            before: others that would come right before it.
        """
        self.state.begin()
        try:
            *_, outcome = apply_all(self.state, self.identity, [*before, envelope])
        finally:
            self.state.undo()
        return outcome if isinstance(outcome, Rejected) else None

    def execute(
        self, envelopes: Sequence[bytes], *, proposer: str = "", certificate: str = "",
        whole: bool = False, undoable: bool = False,
    ) -> tuple[list[Outcome], bytes]:  # fmt: skip
        """Apply transactions in order as the next block, and write nothing.

        Args:
            envelopes: the block's transactions.
            proposer: the validator who proposed it; empty for whoever holds the log's key.
            certificate: the kind of what will show that it is final; see `frames.Block`.
            whole: whether the block keeps what the contract refuses, and is one also if it is
                empty: of an ordering that fixes a block before anybody executes it.
            undoable: whether `undo` may be asked to take it back before it is committed. It must
                be where the block before waits for that as well.

        Returns:
            One outcome for each transaction, and the block's bytes: none where it is not `whole`
            and nothing was accepted. `commit` comes next, or `undo`, or another block.
        """
        peaks = list(self.frontier.peaks) if undoable else []
        before = self.frontier.size, peaks, self.last_block
        if undoable:
            self.state.begin()
        outcomes: list[Outcome] = []
        said: list[tuple[int, bytes]] = []  # kinds and bodies of the block's frames
        refused: list[tuple[int, bytes]] = []
        first = index = before[0]
        applied = apply_all(self.state, self.identity, envelopes)
        for envelope, result in zip(envelopes, applied, strict=True):
            if isinstance(result, Rejected):
                outcomes.append(result)
                if whole:
                    refused.append((index, encode_refusal(result.code, envelope)))
                    said.append((REFUSED, refused[-1][1]))
                continue
            transaction, sender, events = result
            entry = encode_entry(envelope, encode_events(events))
            outcomes.append(AcceptedTransaction(index, transaction, sender, events))
            said.append((ENTRY, entry))
            index += 1
        if not (said or whole):
            if undoable:
                self.state.undo()
            return outcomes, b""
        self.frontier.extend([entry_hash(body) for kind, body in said if kind == ENTRY])
        root = self.state.root()
        block = Block(
            self.last_block, first, index - first, root, self._application_hash(root),
            refused_digest(refused) if refused else NONE_REFUSED, proposer, certificate,
        )  # fmt: skip
        self.last_block = block.digest()
        frames = [encode_frame(kind, body) for kind, body in said]
        written = b"".join((*frames, encode_frame(BLOCK, block.body())))
        self._executed.append(_Executed(written, *before))
        return outcomes, self._executed[-1].block

    def execute_block(self, block: bytes, *, undoable: bool = False) -> list[Outcome]:
        """Execute somebody else's block: it must be what `execute` would make of it.

        Args:
            block: its frames.
            undoable: as of `execute`; then a block that is refused has been undone.

        Raises:
            FormatError: it does not follow from this ledger under the contract. Unless it was
                undoable, the state is of no use now, and the file must be opened again.
        """
        first = self.frontier.size
        frames = list(read_frames(block))
        outcomes, expected = self._execute_frames(frames, undoable=undoable)
        if expected != block:
            if undoable:
                self.undo()
            pairs = zip(frames, read_frames(expected), strict=False)
            same = [(one.kind, one.body) == (two.kind, two.body) for one, two in pairs]
            place = [*same, False].index(False)
            raise malformed(_place(frames, place, first), "replaying gives something else")
        return outcomes

    def _execute_frames(
        self, frames: Sequence[Frame], *, undoable: bool = False
    ) -> tuple[list[Outcome], bytes]:
        """Execute what a block's frames hold, under the names that its block frame says."""
        first = self.frontier.size
        if not frames or frames[-1].kind != BLOCK:
            raise malformed(block_at(first), "its block frame is missing")
        envelopes = []
        for place, frame in enumerate(frames):
            try:
                if place < len(frames) - 1:
                    envelopes.append(_envelope(frame))
                else:
                    header = decode_block(frame.body)
            except FormatError as error:
                raise malformed(_place(frames, place, first), error.why) from error
        if header.proposer and header.proposer not in self.validators():
            why = f"{header.proposer}, who proposed it, is no validator"
            raise malformed(block_at(first), why)
        return self.execute(
            envelopes, proposer=header.proposer,
            certificate=header.certificate, whole=True, undoable=undoable,
        )  # fmt: skip

    def undo(self) -> None:
        """Take back the last block that was executed as undoable and is not committed."""
        before = self._executed.pop()
        self.state.undo()
        self.frontier = Frontier(before.size, before.peaks)
        self.last_block = before.last_block

    def commit(self) -> None:
        """Write the oldest block that is executed and not committed; `sync` makes it last."""
        self._write(self._executed[0].block)
        self._committed(self._file.tell())

    def commit_stored(self) -> None:
        """Note that the file holds the oldest block that is not committed: it was opened so."""
        self._committed(self._block_end + len(self._executed[0].block))

    def _committed(self, end: int) -> None:
        self._executed.popleft()
        self.state.keep()
        self._block_end = end
        self._sealed_at = None

    def sync(self) -> None:
        """Make what was written survive a power cut: then it may be acknowledged."""
        os.fsync(self._file.fileno())

    def append(self, envelopes: Sequence[bytes], *, certificate: str = "") -> list[Outcome]:
        """Apply transactions in order; write and sync those accepted as one block.

        Returns one outcome for each. No block is written when nothing is accepted.
        """
        outcomes = self.write(envelopes, certificate=certificate)
        self.sync()
        return outcomes

    def write(self, envelopes: Sequence[bytes], *, certificate: str = "") -> list[Outcome]:
        """Do as `append` does without syncing: nothing of it may be acknowledged before `sync`."""
        outcomes, block = self.execute(envelopes, certificate=certificate)
        if block:
            self.commit()
            if self.frontier.size - self._snapshot_size >= SNAPSHOT_EVERY:
                self.write_snapshot()
        return outcomes

    def validators(self) -> Mapping[str, int]:
        """Return who validates after all that was executed, and with which power."""
        return validator_powers(self.state)

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
        """Write a snapshot beside the file, whole or not at all; of what is committed alone."""
        if self._executed:
            return
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
        block: list[Frame] = []
        for frame in read_frames(data, start):
            if frame.kind in (ENTRY, REFUSED):
                block.append(frame)
            elif frame.kind == BLOCK:
                block.append(frame)
                self._replay_block(block, data[block[0].start : frame.end])
                block = []
            elif frame.kind == CHECKPOINT and self._sealed_at is None and not block:
                self._replay_checkpoint(frame)
            else:
                raise corrupt(frame.start)

    def _replay_block(self, frames: Sequence[Frame], block: bytes) -> None:
        """Execute a block, and compare every frame of it with what the contract does."""
        try:
            _, found = self._execute_frames(frames)
        except FormatError as error:
            raise corrupt(frames[0].start) from error
        if found != block:
            made = [(one.kind, one.body) for one in read_frames(found)]
            differs = zip(frames, made, strict=True)
            raise corrupt(next(one.start for one, two in differs if (one.kind, one.body) != two))
        self._committed(frames[-1].end)

    def _replay_checkpoint(self, frame: Frame) -> None:
        key = log_key_of(self.genesis)
        if key is None:
            raise corrupt(frame.start)
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


def _envelope(frame: Frame) -> bytes:
    return decode_entry(frame.body)[0] if frame.kind == ENTRY else decode_refusal(frame.body)[1]


def _place(frames: Sequence[Frame], place: int, first: int) -> str:
    """Return how the frame at a place of a block is called, by entries of the ledger."""
    if place >= len(frames) or frames[place].kind == BLOCK:
        return block_at(first)
    index = first + sum(one.kind == ENTRY for one in frames[:place])
    if frames[place].kind == ENTRY:
        return f"entry {index}"
    return f"a refused transaction before entry {index}"


def corrupt(position: int) -> FormatError:
    """Return the error for a ledger file that contradicts the contract."""
    return FormatError(
        "ledger.corrupt",
        f"ledger.log cannot be continued: what it records from byte {position} on does not hold",
        "replaying its transactions gives something else",
        "run `collegium verify` on the folder for the cause; restore the file from a copy",
    )
