"""What one home holds of the ledger: ledger.log, and beside it the newest final note.

Members and the sequencer keep the same files. A copy may hold blocks beyond what is final; the
last block alone can become final next, judged by the validators of the state before it.
"""

from __future__ import annotations

import os
from array import array
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from collegium.canonical import from_text
from collegium.errors import FormatError, RunError
from collegium.ledger.book import (
    SNAPSHOT_EVERY,
    Accepted,
    Ledger,
    Outcome,
    corrupt,
    create_ledger,
    open_ledger_at,
)
from collegium.ledger.durability import sync_names
from collegium.ledger.engines.log.delivery import decode_delivery
from collegium.ledger.engines.log.electorate import Electorate, electorate_of
from collegium.ledger.frames import BLOCK, CHECKPOINT, ENTRY, GENESIS, encode_frame, read_frames
from collegium.ledger.genesis import Genesis
from collegium.ledger.keys import KEY_SIZE
from collegium.ledger.note import Checkpoint, open_checkpoint, origin_of, split_note
from collegium.ledger.snapshot import snapshot_path

LEDGER, FINAL = "ledger.log", "final"
LARGEST_PART = 4 * 2**20
"""Bytes after which a long history is cut into another part."""
MOST_UNSETTLED = 10_000
"""Entries that are told when they become final; whoever catches up on more reads the state."""


class Copy:
    """A home's copy of the ledger. Make it by `open_copy`.

    Attributes:
        ledger: state, log and file; after a failed `take` or `append`, call `reopen`.
        final_note: the newest final note, None before the first.
        final_size: entries that are final.
        expected: a final note of before, where the file was lost or mended and is shorter now.
        judges: the validators who judge the last block, or the next where there is none yet.
        unsettled: what the blocks beyond `final_size` hold; of a long history, the latest.
    """

    ledger: Ledger

    def __init__(self, home: Path, genesis: Genesis, warn: Callable[[str], None]) -> None:
        self.home = home
        self._genesis = genesis
        self._warn = warn
        self._log_key = from_text(genesis.log, KEY_SIZE)
        self.final_note: str | None = None
        self.final_size = 0
        self.expected: str | None = None
        self.unsettled: deque[Accepted] = deque(maxlen=MOST_UNSETTLED)
        self._told = 0  # entries that `confirm` has returned, now or before
        self._synced = True

    @property
    def size(self) -> int:
        """Number of entries held."""
        return self.ledger.frontier.size

    @property
    def settled(self) -> bool:
        """Whether everything held is final."""
        return self.size == self.final_size

    def open_note(self, note: str) -> Checkpoint:
        """Return what a note says, if the log's key signed it.

        Raises:
            FormatError: it did not, or the note is malformed.
        """
        return open_checkpoint(note, origin_of(self.ledger.identity), self._log_key)

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
        judges = electorate_of(self.ledger.state, self.ledger.identity)
        accepted = self.ledger.apply_block(block)
        if note is not None and self.open_note(note) != self.ledger.head():
            raise FormatError(
                "sequencer.block", "a block is not the one that its checkpoint speaks of",
                "replaying it leads to another log", "keep both; ask who runs the sequencer",
            )  # fmt: skip
        self._synced = note is not None
        self.ledger.write_block(block)
        if self._synced:
            self.ledger.sync()
        self._grew(judges, accepted, len(block))

    def append(self, envelopes: Sequence[bytes]) -> list[Outcome]:
        """Put transactions into the next block, as whoever orders does; return their outcomes."""
        judges = electorate_of(self.ledger.state, self.ledger.identity)
        before = self.size
        outcomes = self.ledger.write(envelopes)
        if self.size > before:
            self.ledger.sync()
            end = self._file.seek(0, os.SEEK_END)
            accepted = [one for one in outcomes if isinstance(one, Accepted)]
            self._grew(judges, accepted, end - self._ends[-1])
        return outcomes

    def confirm(self, note: str) -> list[Accepted] | None:
        """Take a note over exactly what is held, opened by `open_note`; keep it if it is final.

        Returns:
            What became final by it, in order; None where too few validators cosigned it.
        """
        if not self.judges.makes_final(note):
            return None
        if not self._synced:
            self.ledger.sync()
            self._synced = True
        self._keep_final(note, sync=True)
        settled = [one for one in self.unsettled if one.index >= self._told]
        self.unsettled.clear()
        self.expected = None
        self.final_size = self._told = self.size
        if self.size - self._snapshot_size >= SNAPSHOT_EVERY:
            self.write_snapshot()
        return settled

    def enrich(self, note: str) -> None:
        """Keep the final note with more cosignatures than it had."""
        self._keep_final(note, sync=False)

    def read(self, start: int, limit: int, most: int = LARGEST_PART) -> bytes:
        """Return the blocks after `start` entries, up to `limit` entries and about `most` bytes.

        Raises:
            ValueError: no block ends at `start`.
        """
        first = self._index(start)
        if first is None:
            raise ValueError(f"no block ends at {start}")
        last = first
        while last + 1 < len(self._sizes) and self._sizes[last + 1] <= limit:
            if last > first and self._ends[last + 1] - self._ends[first] > most:
                break
            last += 1
        self._file.seek(self._ends[first])
        return self._file.read(self._ends[last] - self._ends[first])

    def ends_at(self, size: int) -> bool:
        """Return whether a block ends at that size."""
        return self._index(size) is not None

    def drop_tail(self) -> bytes:
        """Forget the blocks beyond what is final, on the disk too; return their bytes."""
        tail = self.read(self.final_size, self.size, most=self._ends[-1])
        index = self._index(self.final_size)
        end = self._ends[0 if index is None else index]
        self.close()
        with (self.home / LEDGER).open("r+b") as file:
            file.truncate(end)
            os.fsync(file.fileno())
        self._open()
        return tail

    def reopen(self) -> None:
        """Take up what the files hold, after something that was not to be taken."""
        self.close()
        self._open()

    def write_snapshot(self) -> None:
        """Write a snapshot, so that the copy opens fast; only what is final goes into one."""
        if self.settled and self.size > self._snapshot_size:
            self.ledger.write_snapshot()
            self._snapshot_size = self.size

    def close(self) -> None:
        """Release the files."""
        self.ledger.close()
        self._file.close()

    def _open(self) -> None:
        path = self.home / LEDGER
        self.final_note, self.final_size = self._load_final()
        self.ledger, tail = open_ledger_at(path, self.final_size, self._warn)
        try:
            if self.ledger.genesis != self._genesis:
                raise RunError(
                    "ledger.other", f"{path} belongs to another genesis",
                    "the home was made for another consortium",
                    "choose another home, or the genesis of this one",
                )  # fmt: skip
            self._file = path.open("rb")
        except BaseException:
            self.ledger.close()
            raise
        try:
            self._sizes, self._ends = _bounds(self._file.read())
            self._snapshot_size = self.size if snapshot_path(path).exists() else 0
            self._told = self.final_size
            self._hold_to_final()
            self.unsettled.clear()
            self.judges = electorate_of(self.ledger.state, self.ledger.identity)
            for block in decode_delivery(tail).blocks:
                self.judges = electorate_of(self.ledger.state, self.ledger.identity)
                self.unsettled += self.ledger.apply_block(block, stored=True)
        except BaseException:
            self.close()
            raise

    def _load_final(self) -> tuple[str | None, int]:
        """Return the final note and its size; what is malformed is as none: it can be had again."""
        try:
            note = (self.home / FINAL).read_text("utf-8")
            text, _ = split_note(note)
            return note, int(text.split("\n")[1])
        except (OSError, UnicodeDecodeError, FormatError, ValueError, IndexError):
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
            raise corrupt(self._ends[-1])

    def _grew(self, judges: Electorate, accepted: Sequence[Accepted], length: int) -> None:
        self.judges = judges
        self.unsettled += accepted
        self._sizes.append(self.size)
        self._ends.append(self._ends[-1] + length)

    def _index(self, size: int) -> int | None:
        index = bisect_left(self._sizes, size)
        return index if index < len(self._sizes) and self._sizes[index] == size else None

    def _keep_final(self, note: str, *, sync: bool) -> None:
        partial = self.home / f"{FINAL}.partial"
        with partial.open("w", encoding="utf-8") as file:
            file.write(note)
            file.flush()
            if sync:
                os.fsync(file.fileno())
        partial.replace(self.home / FINAL)
        self.final_note = note


def _bounds(data: bytes) -> tuple[array[int], array[int]]:
    """Return at which sizes blocks end, and where in the file; the genesis ends at size 0."""
    sizes, ends, count = array("Q"), array("Q"), 0
    for frame in read_frames(data):
        if frame.kind == ENTRY:
            count += 1
        elif frame.kind in (GENESIS, BLOCK):
            sizes.append(count)
            ends.append(frame.end)
        else:
            raise corrupt(frame.start)
    return sizes, ends


def open_copy(home: Path, genesis: Genesis, warn: Callable[[str], None]) -> Copy:
    """Open the copy that a home holds, or begin one.

    Raises:
        RunError: it is another ledger's.
        CollegiumError: it does not hold together.
    """
    path = home / LEDGER
    if not path.exists():
        create_ledger(path, genesis).close()
    copy = Copy(home, genesis, warn)
    copy._open()
    return copy


def export(copy: Copy, path: Path) -> None:
    """Write a copy's ledger.log up to what is final, sealed by the log's note, to another file.

    It is what a run folder holds and `verify` reads.

    Raises:
        RunError: nothing is final yet.
    """
    if copy.final_note is None:
        raise RunError(
            "ledger.nothing-final", f"{copy.home} holds nothing that is final",
            "no block has been cosigned yet", "wait for the first block",
        )  # fmt: skip
    text, signatures = split_note(copy.final_note)
    origin = origin_of(copy.ledger.identity)
    own = [line for line in signatures.splitlines(keepends=True) if line.split(" ")[1] == origin]
    data = copy.read(0, copy.final_size, most=copy._ends[-1])
    head = (copy.home / LEDGER).read_bytes()[: copy._ends[0]]
    partial = path.with_name(f"{path.name}.partial")
    with partial.open("wb") as file:
        file.write(head + data + encode_frame(CHECKPOINT, f"{text}\n{''.join(own)}".encode()))
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    sync_names(path.parent)


def begin_from(source: Path, home: Path) -> None:
    """Copy another home's ledger and final note into a new home; checkpoint frames are left out.

    Raises:
        RunError: the new home has a ledger already, or the source has none.
    """
    target = home / LEDGER
    if target.exists():
        raise RunError(
            "ledger.exists", f"{target} exists", "a ledger is never overwritten",
            "choose another folder, or start without --from",
        )  # fmt: skip
    try:
        data = (source / LEDGER).read_bytes()
    except OSError as error:
        what = f"{source / LEDGER} cannot be opened"
        raise RunError("ledger.unreadable", what, str(error), "check the path") from error
    parts = [
        data[frame.start : frame.end] for frame in read_frames(data) if frame.kind != CHECKPOINT
    ]
    if (source / FINAL).exists():
        (home / FINAL).write_bytes((source / FINAL).read_bytes())
    partial = home / f"{LEDGER}.partial"
    with partial.open("wb") as file:
        file.write(b"".join(data[frame.start : frame.end] for frame in frames))
        file.flush()
        os.fsync(file.fileno())
    partial.replace(target)
    sync_names(home)
