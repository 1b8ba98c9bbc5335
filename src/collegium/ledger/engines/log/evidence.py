"""What proves that the sequencer lied, kept by the member that noticed it.

The log's key signs every checkpoint, and an honest log has one history. Two checkpoints of two
histories are a proof that anybody can check who has the genesis. `MisbehaviourRecorder` finds and
keeps it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from collegium.canonical import malformed
from collegium.errors import FormatError, RunError, reason_of
from collegium.ledger.durability import sync_names
from collegium.ledger.engines.log.connection import Connection, NotInTheLog
from collegium.ledger.engines.log.delivery import decode_delivery
from collegium.ledger.engines.log.log_copy import LogCopy
from collegium.ledger.frames import BLOCK_SIZE, decode_block
from collegium.ledger.genesis import (
    Genesis,
    decode_genesis,
    encode_genesis,
    genesis_digest,
    required_log_key,
)
from collegium.ledger.hashing import tagged_hash
from collegium.ledger.note import Checkpoint, open_checkpoint, origin_of
from collegium.ledger.ordering import OrderingMisbehaved

EVIDENCE = "evidence"
"""The folder of a home in which it is kept."""

MOST_KEPT = 64
"""Findings a home keeps: a liar must not fill the disk."""

SEEN, ENVELOPE, RECEIVED = "seen-", "envelope.json", "received.bin"
WHAT, GENESIS_FILE = "what.txt", "genesis.json"
NOTES, CHAINS = ("first.note", "second.note"), ("first.blocks", "second.blocks")


class SequencerMisbehaved(OrderingMisbehaved):
    """The sequencer sent what cannot be; `evidence` is the folder with what proves it."""

    def __init__(self, code: str, what: str, why: str, evidence: Path | None) -> None:
        kept = f"the evidence is in {evidence}; " if evidence else ""
        todo = f"{kept}tell the other members, and move the sequencer (docs/operations)"
        super().__init__(code, what, why, todo, evidence)


@dataclass(frozen=True, slots=True)
class Fork:
    """Proof that a log has two histories: two checkpoints that its key signed."""

    first: Checkpoint
    second: Checkpoint

    def __str__(self) -> str:
        sizes = sorted({self.first.size, self.second.size})
        return f"the log's key signed two histories, of {' and '.join(map(str, sizes))} entries"


def prove_fork(
    first: str,
    second: str,
    genesis: Genesis,
    first_blocks: Sequence[bytes] = (),
    second_blocks: Sequence[bytes] = (),
) -> Fork | None:
    """Return the proof that two checkpoints are of two histories, or None where nothing shows it.

    Two of one size that differ are proof in themselves. For two of different sizes, the bodies of
    block frames show it: a chain from a block that both follow to the one that the note names.
    Each body names the block before it and hashes to what the next one names, so nobody but the
    log's key made them; docs/spec/10-log-engine.md.

    Args:
        first: a checkpoint's note; cosignatures in it are not looked at.
        second: another.
        genesis: the ledger's; its log key must have signed both.
        first_blocks: bodies of block frames, in order, up to the one that `first` names.
        second_blocks: the same for `second`.

    Raises:
        FormatError: a note or a block frame is malformed, or the log's key did not sign a note.
    """
    origin = origin_of(genesis_digest(encode_genesis(genesis)))
    key = required_log_key(genesis)
    one, other = (open_checkpoint(note, origin, key) for note in (first, second))
    if one.size == other.size:
        return None if one == other else Fork(one, other)
    starts = [_start(blocks, end) for blocks, end in ((first_blocks, one), (second_blocks, other))]
    parted = None not in starts and starts[0] == starts[1] and first_blocks[0] != second_blocks[0]
    return Fork(one, other) if parted else None


def _start(bodies: Sequence[bytes], end: Checkpoint) -> bytes | None:
    """Return which block a chain of bodies follows, or None if it does not lead to a note."""
    if not bodies:
        return None
    previous = [decode_block(body).previous for body in bodies]
    hashes = [tagged_hash("block", body) for body in bodies]
    chained = hashes[:-1] == previous[1:] and hashes[-1] == end.extension
    return previous[0] if chained else None


def block_bodies(blocks: bytes) -> tuple[bytes, ...]:
    """Return the bodies of the block frames of consecutive blocks."""
    return tuple(header.body() for header in decode_delivery(blocks).headers)


def keep_evidence(folder: Path, kind: str, what: str, parts: Mapping[str, bytes]) -> Path | None:
    """Keep what shows a lie, once; return where, or None where enough is kept already.

    Args:
        folder: the home's `evidence` folder.
        kind: a word that names it.
        what: a line for whoever opens the folder.
        parts: files by name; see `read_fork` for those of a fork.
    """
    digest = sha256(b"".join(parts[name] for name in sorted(parts))).hexdigest()[:16]
    target = folder / f"{kind}-{digest}"
    if target.exists():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    if sum(1 for _ in folder.iterdir()) >= MOST_KEPT:
        return None
    partial = folder / f".{target.name}"
    partial.mkdir(exist_ok=True)
    for name, data in {**parts, WHAT: f"{what}\n".encode()}.items():
        (partial / name).write_bytes(data)
    partial.replace(target)
    sync_names(folder)
    return target


def kept_against_sequencer(home: Path) -> tuple[str, ...]:
    """Return the names of what a home keeps against the sequencer; its own accidents are not."""
    try:
        names = sorted(os.listdir(home / EVIDENCE))
    except FileNotFoundError:
        return ()
    return tuple(one for one in names if not one.startswith((".", "released-", "damaged-")))


def fork_parts(
    genesis: Genesis,
    first: str,
    second: str,
    first_blocks: Sequence[bytes],
    second_blocks: Sequence[bytes],
) -> dict[str, bytes]:
    """Return the files that `read_fork` reads."""
    files = {GENESIS_FILE: encode_genesis(genesis)}
    notes = {name: note.encode() for name, note in zip(NOTES, (first, second), strict=True)}
    chains = zip(CHAINS, (first_blocks, second_blocks), strict=True)
    return files | notes | {name: b"".join(bodies) for name, bodies in chains}


def censorship_parts(
    genesis: Genesis, envelope: bytes, words: Mapping[str, str], received: bytes
) -> dict[str, bytes]:
    """Return the files that `audit.censorship` reads.

    Args:
        genesis: the ledger's.
        envelope: the transaction that was not ordered.
        words: of the validators that had seen it, by member.
        received: a delivery of the block that leaves it out, with the log's note over it.
    """
    notes = {f"{SEEN}{member}.note": note.encode() for member, note in sorted(words.items())}
    files = {GENESIS_FILE: encode_genesis(genesis), ENVELOPE: envelope, RECEIVED: received}
    return files | notes


def require_ledger(folder: Path, genesis: bytes, identity: bytes) -> None:
    """Refuse evidence about another ledger than the one that its reader trusts.

    Raises:
        RunError: the genesis in the folder has another digest.
    """
    if genesis_digest(genesis) != identity:
        raise RunError(
            "evidence.other-ledger", f"{folder} is about another ledger",
            "its genesis has another digest than the one that you trust",
            "compare the digest with the one that the members have",
        )  # fmt: skip


def read_fork(folder: Path, identity: bytes) -> Fork | None:
    """Return what a folder of evidence proves to anybody who knows the ledger, or None.

    Args:
        folder: one of a home's `evidence/`, or a copy of it.
        identity: the genesis digest that whoever reads it trusts.

    Raises:
        RunError: it holds no two notes, or is about another ledger.
        FormatError: its files are malformed.
    """
    try:
        genesis, *notes = ((folder / name).read_bytes() for name in (GENESIS_FILE, *NOTES))
        chains = [(folder / name).read_bytes() for name in CHAINS]
    except OSError as error:
        raise RunError(
            "evidence.unreadable", f"{folder} does not hold two checkpoints", reason_of(error),
            "name a folder of a home's evidence/",
        ) from error  # fmt: skip
    require_ledger(folder, genesis, identity)
    try:
        first, second = (note.decode() for note in notes)
    except UnicodeDecodeError as error:
        raise malformed("a checkpoint", "it is not UTF-8") from error
    return prove_fork(first, second, decode_genesis(genesis), *(_cut(data) for data in chains))


def _cut(data: bytes) -> list[bytes]:
    if len(data) % BLOCK_SIZE:
        raise malformed("a chain of block frames", f"it is not a multiple of {BLOCK_SIZE} bytes")
    return [data[at : at + BLOCK_SIZE] for at in range(0, len(data), BLOCK_SIZE)]


_NOT_KEPT = "nothing of it was kept, and nothing of it was cosigned"


class MisbehaviourRecorder:
    """Finds and keeps evidence.

    Attributes:
        last: the last lie, or None.
    """

    def __init__(self, copy: LogCopy) -> None:
        self.last: SequencerMisbehaved | None = None
        self._copy = copy

    @property
    def folder(self) -> Path:
        """Where the evidence is."""
        return self._copy.home / EVIDENCE

    def lied(self, code: str, what: str, received: bytes) -> SequencerMisbehaved:
        """Return the lie that some bytes are, with the bytes kept."""
        return self._note(code, what, _NOT_KEPT, {"received.bin": received})

    def signed_two(
        self, ours: str, block: bytes, theirs: str, blocks: bytes
    ) -> SequencerMisbehaved:
        """Return the fork that two signed notes are: over a block held here, and over others.

        Args:
            ours: the log's note over the block that is held after what is final.
            block: that block.
            theirs: the note that is final now.
            blocks: the blocks from what was final up to it.
        """
        what = (
            f"the log's key signed two blocks after entry {self._copy.final_size}: whoever runs it "
            "lied, or restarted it without what it had signed"
        )
        why = "a quorum has cosigned the other block, so this member follows that one"
        chains = block_bodies(block), block_bodies(blocks)
        parts = fork_parts(self._copy.ledger.genesis, ours, theirs, *chains)
        return self._note("sequencer.fork", what, why, parts)

    def parted(self, connection: Connection) -> SequencerMisbehaved:
        """Return the fork that a log is which does not go on from what is final here.

        The place where it parts is looked for in the blocks before, and what the log's key signed
        there is kept: beside the final note it is the proof.

        Raises:
            CollegiumError: the sequencer cannot be reached.
        """
        copy, ours = self._copy, self._copy.final_note or ""
        what = "its log does not contain what a quorum has cosigned and is final here"
        why = "it offers another history, or forgot this one"
        for size in _backwards(copy.sizes):
            try:
                data = connection.blocks(size, 0) or b""
                delivery = decode_delivery(data)
                if delivery.note is None or not delivery.headers:
                    continue
                copy.open_note(delivery.note)
            except (NotInTheLog, FormatError):
                continue
            mine = block_bodies(copy.read(size, copy.final_size, most=None))
            theirs = tuple(header.body() for header in delivery.headers)
            same = 0
            while mine[same : same + 1] == theirs[same : same + 1] != ():
                same += 1
            chains = mine[same:], theirs[same:]
            parts = fork_parts(copy.ledger.genesis, ours, delivery.note, *chains)
            return self._note("sequencer.fork", what, why, {**parts, "received.bin": data})
        return self._note("sequencer.fork", what, why, {"first.note": ours.encode()})

    def keep(self, kind: str, what: str, parts: Mapping[str, bytes]) -> Path | None:
        """Keep files as evidence, once; return where."""
        return keep_evidence(self.folder, kind, what, parts)

    def _note(
        self, code: str, what: str, why: str, parts: Mapping[str, bytes]
    ) -> SequencerMisbehaved:
        where = self.keep(code.partition(".")[2], what, parts)
        self.last = SequencerMisbehaved(code, f"the sequencer lied: {what}", why, where)
        return self.last


def _backwards(sizes: list[int]) -> list[int]:
    """Return sizes before the last one: the nearest, then ever farther ones, then the beginning."""
    found, step = [], 2
    while step <= len(sizes):
        found.append(sizes[-step])
        step *= 2
    return [*found, 0] if 0 not in found else found
