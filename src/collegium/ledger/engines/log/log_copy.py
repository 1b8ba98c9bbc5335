"""What one home holds of the ledger: ledger.log, and beside it the newest final note.

Members and the sequencer keep the same files. A copy may hold blocks beyond what is final; the
last block alone can become final next, judged by the validators of the state before it.
`ValidatorSet` says who those are, `BlockIndex` where in the file blocks end.
"""

from __future__ import annotations

import os
from array import array
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from collegium.canonical import malformed
from collegium.errors import FormatError, PluginError
from collegium.ledger.application import (
    SNAPSHOT_EVERY,
    AcceptedTransaction,
    Application,
    Outcome,
    corrupt,
)
from collegium.ledger.engines.log.delivery import decode_delivery
from collegium.ledger.final import read_final, write_final
from collegium.ledger.frames import (
    BLOCK,
    BLOCK_SIZE,
    ENTRY,
    GENESIS,
    block_at,
    decode_block,
    read_frames,
)
from collegium.ledger.genesis import Genesis, encode_genesis, genesis_digest, required_log_key
from collegium.ledger.note import Checkpoint, open_checkpoint, origin_of
from collegium.ledger.opening import (
    create_ledger,
    has_damaged_genesis,
    open_ledger_at,
    require_genesis,
)
from collegium.ledger.ordering import LEDGER
from collegium.ledger.snapshot import snapshot_path
from collegium.ledger.validators import ValidatorSet, validator_set_of


class BlockIndex:
    """The ends of blocks, in order; the genesis ends at size 0."""

    def __init__(self, data: bytes) -> None:
        """Find the blocks in a file's bytes.

        Raises:
            FormatError: there is a frame that no copy of the `log` engine has.
        """
        self._sizes, self._ends = array("Q"), array("Q")
        self._digests: list[bytes] = []
        count = 0
        for frame in read_frames(data):
            if frame.kind == ENTRY:
                count += 1
            elif frame.kind in (GENESIS, BLOCK):
                begin = self._ends[-1] if self._ends else 0
                self._sizes.append(count)
                self._ends.append(frame.end)
                self._digests.append(sha256(data[begin : frame.end]).digest())
            else:
                raise corrupt(frame.start)

    @property
    def end(self) -> int:
        """Where in the file the last block ends."""
        return self._ends[-1]

    def add(self, size: int, block: bytes) -> None:
        """Note another block: the size with it, and its bytes."""
        self._sizes.append(size)
        self._ends.append(self.end + len(block))
        self._digests.append(sha256(block).digest())

    def holds(self, start: int, blocks: bytes) -> bool:
        """Return whether these are, to the bit, the blocks after `start` entries."""
        place, position = bisect_left(self._sizes, start) + 1, 0
        while position < len(blocks):
            end = position + self._ends[place] - self._ends[place - 1]
            if sha256(blocks[position:end]).digest() != self._digests[place]:
                return False
            place, position = place + 1, end
        return True

    def end_of(self, size: int) -> int | None:
        """Return where the block ends that brings the log to a size, or None if none does."""
        index = bisect_left(self._sizes, size)
        return self._ends[index] if self._sizes[index : index + 1] == array("Q", [size]) else None

    def stretch(self, start: int, limit: int, most: int | None) -> tuple[int, int]:
        """Return from where to where the blocks after `start` entries lie in the file.

        Args:
            start: entries before them; a block ends there.
            limit: entries with them, at most.
            most: bytes after which no other block is taken, or None.
        """
        first = bisect_left(self._sizes, start)
        last = bisect_right(self._sizes, limit) - 1
        begin = self._ends[first]
        if most is not None:
            last = min(last, max(bisect_right(self._ends, begin + most) - 1, first + 1))
        return begin, self._ends[max(first, last)]

    def sizes(self, limit: int) -> list[int]:
        """Return the sizes at which blocks end, up to a limit; 0 comes first."""
        return list(self._sizes[: bisect_right(self._sizes, limit)])

    def blocks_after(self, size: int) -> int:
        """Return how many blocks end after a size."""
        return len(self._sizes) - bisect_right(self._sizes, size)

    def last_before(self, size: int) -> int:
        """Return the largest size at which a block ends that is not above another."""
        return self._sizes[max(bisect_right(self._sizes, size) - 1, 0)]


COSIGNED = "cosigned"
"""The certificate that its blocks name: a checkpoint that a quorum has cosigned."""

LARGEST_PART = 4 * 2**20
"""Bytes after which a long history is cut into another part."""
MOST_UNSETTLED = 10_000
"""Entries that are told when they become final; whoever catches up on more reads the state."""


class LogCopy:
    """A home's copy of the ledger. Make it by `open_log_copy`.

    Attributes:
        ledger: state, log and file; after a failed `take` or `append`, call `reopen`.
        final_note: the newest final note, None before the first.
        final_size: entries that are final.
        expected: a final note of before, where the file was lost or mended and is shorter now.
        index: where in the file its blocks end.
        judges: the validators who judge the last block.
        told: entries that `confirm` has returned, now or before, and returns no more.
        unsettled: what the blocks beyond `final_size` hold; of a long history, the latest.
    """

    ledger: Application

    def __init__(self, home: Path, genesis: Genesis, warn: Callable[[str], None]) -> None:
        self.home = home
        self._genesis = genesis
        self._warn = warn
        self._origin = origin_of(genesis_digest(encode_genesis(genesis)))
        self._log_key = required_log_key(genesis)
        self.final_note: str | None = None
        self.final_size = 0
        self.expected: str | None = None
        self.unsettled: deque[AcceptedTransaction] = deque(maxlen=MOST_UNSETTLED)
        self._next_judges: ValidatorSet | None = None
        self._snapshot_size = 0
        self.told = 0
        self._synced = True

    @property
    def size(self) -> int:
        """Number of entries held."""
        return self.ledger.frontier.size

    @property
    def known_final(self) -> int:
        """Number of entries that are known to be final, held or not."""
        return self.final_size if self.expected is None else self.open_note(self.expected).size

    @property
    def settled(self) -> bool:
        """Whether everything held is final, and nothing that was final before is missing."""
        return self.size == self.final_size and self.expected is None

    def open_note(self, note: str) -> Checkpoint:
        """Return what a note says, if the log's key signed it.

        Raises:
            FormatError: it did not, or the note is malformed.
        """
        return open_checkpoint(note, self._origin, self._log_key)

    def judges_of_next(self) -> ValidatorSet:
        """Return the validators who judge the block after what is final, held or not."""
        if self._next_judges is None:
            self._next_judges = validator_set_of(self.ledger.state, self.ledger.identity)
        return self._next_judges

    def take(self, block: bytes, note: str | None = None) -> None:
        """Apply the next block with every check of a replay, and keep it.

        It lasts from here on if a note comes with it; without one, when the next note comes.

        Args:
            block: its frames.
            note: the log's note over the log that ends with it, already opened by `open_note`.

        Raises:
            FormatError: it does not follow, or the note is over something else. Nothing was
                written; `reopen` comes next.
        """
        judges = validator_set_of(self.ledger.state, self.ledger.identity)
        accepted = self._executed(block)
        if note is not None and self.open_note(note) != self.ledger.head():
            raise malformed("a block", "it is not the one that its checkpoint speaks of")
        there = self._is_expected()
        self._synced = note is not None
        self.ledger.commit()
        if self._synced:
            self.ledger.sync()
        self._grew(judges, accepted, block)
        if self.expected is not None and there:
            self.confirm(self.expected)

    def append(self, envelopes: Sequence[bytes]) -> list[Outcome]:
        """Put transactions into the next block, as whoever orders does; return their outcomes."""
        judges = validator_set_of(self.ledger.state, self.ledger.identity)
        before = self.size
        outcomes = self.ledger.write(envelopes, certificate=COSIGNED)
        if self.size > before:
            self.ledger.sync()
            self._file.seek(self.index.end)
            accepted = [one for one in outcomes if isinstance(one, AcceptedTransaction)]
            self._grew(judges, accepted, self._file.read())
        return outcomes

    def confirm(self, note: str) -> list[AcceptedTransaction] | None:
        """Take a note over exactly what is held, opened by `open_note`; keep it if it is final.

        It is at least as long as `known_final`.

        Returns:
            What became final by it, in order; None where too few validators cosigned it.
        """
        if not self.judges.makes_final(note):
            return None
        if not self._synced:
            self.ledger.sync()
            self._synced = True
        write_final(self.home, note)
        self.final_note = note
        settled = [one for one in self.unsettled if one.index >= self.told]
        self.unsettled.clear()
        self.expected = self._next_judges = None
        self.final_size = self.told = self.size
        if self.size - self._snapshot_size >= SNAPSHOT_EVERY:
            with suppress(OSError):  # what became final must be told; the snapshot can wait
                self.write_snapshot()
        return settled

    def enrich(self, note: str) -> None:
        """Keep the final note with more cosignatures than it had."""
        write_final(self.home, note)
        self.final_note = note

    def read(self, start: int, limit: int, most: int | None = LARGEST_PART) -> bytes:
        """Return the blocks after `start` entries, up to `limit` entries and about `most` bytes.

        Raises:
            ValueError: no block ends at `start`.
        """
        if not self.ends_at(start):
            raise ValueError(f"no block ends at {start}")
        begin, end = self.index.stretch(start, limit, most)
        self._file.seek(begin)
        return self._file.read(end - begin)

    def ends_at(self, size: int) -> bool:
        """Return whether a block ends at that size."""
        return self.index.end_of(size) is not None

    @property
    def sizes(self) -> list[int]:
        """The sizes at which blocks end, up to what is final; 0 comes first."""
        return self.index.sizes(self.final_size)

    @property
    def blocks_ahead(self) -> int:
        """Number of blocks beyond what is final."""
        return self.index.blocks_after(self.final_size)

    def drop_tail(self) -> bytes:
        """Forget the blocks beyond what is final, on the disk too; return their bytes."""
        tail = self.read(self.final_size, self.size, most=None)
        end = self.index.end_of(self.final_size)
        self.close()
        with (self.home / LEDGER).open("r+b") as file:
            file.truncate(end)
            os.fsync(file.fileno())
        self.open()
        return tail

    def reopen(self) -> None:
        """Take up what the files hold, after something that was not to be taken."""
        with suppress(OSError):  # a full disk refuses again what closing would still write
            self.close()
        self.open()

    def write_snapshot(self) -> None:
        """Write a snapshot, so that the copy opens fast; only what is final goes into one."""
        if self.settled and self.size > self._snapshot_size:
            self.ledger.write_snapshot()
            self._snapshot_size = self.size

    def close(self) -> None:
        """Release the files."""
        try:
            self.ledger.close()
        finally:
            self._file.close()

    def open(self) -> None:
        """Take up what the files hold; begin a ledger where there is none."""
        path = self.home / LEDGER
        if not path.exists():
            create_ledger(path, self._genesis).close()
        self.final_note, self.final_size = self._load_final()
        try:
            self.ledger, tail = open_ledger_at(path, self.final_size, self._warn)
        except PluginError as error:  # a damaged genesis may name any module
            if has_damaged_genesis(path, self._genesis):
                raise corrupt(0) from error
            raise
        try:
            require_genesis(self.ledger, self._genesis)
            self._file = path.open("rb")
        except BaseException:
            self.ledger.close()
            raise
        try:
            self.index = BlockIndex(self._file.read())
            self._snapshot_size = self.size if snapshot_path(path).exists() else 0
            self.told = self.final_size
            self._hold_to_final()
            self.unsettled.clear()
            self._next_judges = None
            self.judges = self.judges_of_next()
            for block in decode_delivery(tail).blocks:
                self.judges = validator_set_of(self.ledger.state, self.ledger.identity)
                self.unsettled += self._executed(block)
                self.ledger.commit_stored()
        except BaseException:
            self.close()
            raise

    def _executed(self, block: bytes) -> list[AcceptedTransaction]:
        """Execute a block that `Delivery` took apart; return its entries."""
        outcomes = self.ledger.execute_block(block)
        header = decode_block(block[-BLOCK_SIZE:])
        if (header.proposer, header.certificate) != ("", COSIGNED):
            why = "it names another proposer or certificate than the log's"
            raise malformed(block_at(header.first), why)
        return [one for one in outcomes if isinstance(one, AcceptedTransaction)]

    def _load_final(self) -> tuple[str | None, int]:
        """Return the final note and its size; what is malformed is as none: it can be had again."""
        try:
            note = read_final(self.home)
            return (None, 0) if note is None else (note, self.open_note(note).size)
        except FormatError:
            return None, 0

    def _hold_to_final(self) -> None:
        """Compare the final note with what was replayed up to it.

        Raises:
            FormatError: the file leads elsewhere.
        """
        self.expected = None
        if self.final_note is None:
            return
        if self.size < self.final_size:
            self.expected = self.final_note
            self.final_note, self.final_size = None, 0
        elif self.open_note(self.final_note) != self.ledger.head():
            raise corrupt(self.index.end)

    def _is_expected(self) -> bool:
        """Return whether the log has come to the final note of before.

        Raises:
            FormatError: it has become as long, and is another log.
        """
        if self.expected is None:
            return False
        before, now = self.open_note(self.expected), self.ledger.head()
        if now.size >= before.size and now != before:
            raise malformed("a block", "it leads away from what was final here before")
        return now == before

    def _grew(
        self, judges: ValidatorSet, accepted: Sequence[AcceptedTransaction], block: bytes
    ) -> None:
        if self._next_judges is None:  # the first block beyond what is final
            self._next_judges = judges
        self.judges = judges
        self.unsettled += accepted
        self.index.add(self.size, block)


def open_log_copy(home: Path, genesis: Genesis, warn: Callable[[str], None]) -> LogCopy:
    """Open the copy that a home holds, or begin one.

    Raises:
        RunError: it is another ledger's.
        CollegiumError: it does not hold together.
    """
    copy = LogCopy(home, genesis, warn)
    copy.open()
    return copy
