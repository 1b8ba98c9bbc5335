"""The log in a run folder or a member's home: entries, members, newest checkpoint; no replay."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from collegium.audit.membership import members_after, members_ever
from collegium.canonical import malformed
from collegium.errors import FormatError, RunError, reason_of
from collegium.ledger.contract.events import Event, decode_events
from collegium.ledger.envelope import decode_envelope
from collegium.ledger.final import read_final
from collegium.ledger.frames import (
    BLOCK,
    CHECKPOINT,
    ENTRY,
    GENESIS,
    decode_entry,
    entry_hash,
    read_frames,
    read_ledger,
)
from collegium.ledger.genesis import (
    Genesis,
    Member,
    decode_genesis,
    genesis_digest,
    required_log_key,
)
from collegium.ledger.merkle import tree_root
from collegium.ledger.note import Checkpoint, open_checkpoint, origin_of

_CHANGE = b'"membership.changed"'


@dataclass(frozen=True, slots=True)
class Log:
    """A log's entries, as far as blocks cover them, their hashes, and its newest note if any.

    `blocks` are the sizes at which blocks end. Nothing was replayed: that is for `verify`.
    """

    genesis_bytes: bytes
    genesis: Genesis
    entries: list[bytes]
    hashes: list[bytes]
    blocks: list[int]
    note: str | None

    @property
    def identity(self) -> bytes:
        """The genesis's digest."""
        return genesis_digest(self.genesis_bytes)

    @property
    def origin(self) -> str:
        """The log's name in notes."""
        return origin_of(self.identity)

    @property
    def log_key(self) -> bytes:
        """The public key that signs the log's checkpoints."""
        return required_log_key(self.genesis)

    def members(self, size: int) -> dict[str, Member]:
        """Return the members after so many entries."""
        return members_after(self.genesis, self._changes(size))

    def judges(self, size: int) -> dict[str, Member]:
        """Return the members who judge the block that ends at a size: those before it."""
        return self.members(max((end for end in self.blocks if end < size), default=0))

    def known_members(self) -> list[Member]:
        """Return every member with every key that it has had."""
        return members_ever(self.genesis, self._changes(len(self.entries)))

    def _changes(self, size: int) -> Iterator[Event]:
        for index, entry in enumerate(self.entries[:size]):
            if _CHANGE in entry:
                try:
                    yield from decode_events(decode_entry(entry)[1])
                except FormatError as error:
                    raise malformed(f"entry {index}", f"{error.what}: {error.why}") from error


def read_log(folder: Path) -> Log:
    """Read the log of a run folder or a member's home.

    Raises:
        RunError: there is no readable ledger.log.
        FormatError: it is no ledger file, or what lies beside it as `final` is no note.
    """
    try:
        data = read_ledger(folder / "ledger.log")
    except (OSError, ValueError) as error:
        reason = reason_of(error)
        raise RunError(
            "run.unreadable",
            f"{folder} is neither a run folder nor a member's home",
            f"its ledger.log cannot be read: {reason}",
            "name the folder that `collegium run` wrote, or the home of a node",
        ) from error
    frames = read_frames(data)
    first = next(frames, None)
    if first is None or first.kind != GENESIS:
        raise malformed("ledger.log", "it does not start with a genesis")
    entries: list[bytes] = []
    blocks: list[int] = []
    sealed: bytes | None = None
    for frame in frames:
        if frame.kind == ENTRY:
            entries.append(frame.body)
        elif frame.kind == BLOCK:
            blocks.append(len(entries))
        elif frame.kind == CHECKPOINT:
            sealed = frame.body
    del entries[blocks[-1] if blocks else 0 :]
    note = read_final(folder)
    if note is None and sealed is not None:
        try:
            note = sealed.decode()
        except UnicodeDecodeError as error:
            raise malformed("a checkpoint", str(error)) from error
    hashes = [entry_hash(entry) for entry in entries]
    return Log(first.body, decode_genesis(first.body), entries, hashes, blocks, note)


def newest_checkpoint(log: Log) -> tuple[str, Checkpoint]:
    """Return the log's newest note and the checkpoint in it, which the log's entries lead to.

    Raises:
        RunError: it has none.
        FormatError: the note is not one of this log at that length.
    """
    if log.note is None:
        raise RunError(
            "receipt.no-checkpoint",
            "this log has no checkpoint yet",
            "a run is sealed when its study is closed, and a node waits for cosignatures",
            "finish the run (--resume), or wait until a quorum has cosigned",
        )
    checkpoint = open_checkpoint(log.note, log.origin, log.log_key)
    if checkpoint.size > len(log.entries) or checkpoint.root != tree_root(
        log.hashes[: checkpoint.size]
    ):
        raise FormatError(
            "receipt.other-log",
            "the newest checkpoint does not belong to this ledger.log",
            f"it is over {checkpoint.size} entries, and not over the {len(log.entries)} here",
            "run `collegium verify` on the folder; restore ledger.log and final from one copy",
        )
    return log.note, checkpoint


def find_entry(log: Log, wanted: str) -> int:
    """Return the index of an entry named by its index or by its transaction's id in hex.

    Raises:
        RunError: the log has none.
        FormatError: an entry on the way cannot be read.
    """
    if wanted.isascii() and wanted.isdigit() and len(wanted) < 20:
        if int(wanted) < len(log.entries):
            return int(wanted)
        raise _missing(f"no entry {wanted}", f"it has {len(log.entries)}, counted from 0")
    for index, entry in enumerate(log.entries):
        try:
            found = decode_envelope(decode_entry(entry)[0]).transaction_id.hex()
        except FormatError as error:
            raise malformed(f"entry {index}", f"{error.what}: {error.why}") from error
        if found == wanted.lower():
            return index
    why = "none of its entries has that id"
    if len(wanted) != 64 or set(wanted.lower()) - set("0123456789abcdef"):
        why = "that is neither an index nor an id, which has 64 hexadecimal digits"
    raise _missing(f"no transaction {wanted[:80]!r}", why)


def _missing(what: str, why: str) -> RunError:
    return RunError(
        "receipt.no-entry",
        f"this log has {what}",
        why,
        "see `collegium audit entries RUN` for indices and ids",
    )
