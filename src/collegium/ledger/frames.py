"""The file ``ledger.log`` as frames: genesis, entries, refusals, blocks, checkpoints.

docs/spec/4-ledger.md.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import msgspec

from collegium import canonical
from collegium.canonical import from_text, malformed, to_text
from collegium.ledger.hashing import DIGEST_SIZE, lp, tagged_hash, u64
from collegium.ledger.merkle import Frontier, leaf_hash

GENESIS, ENTRY, BLOCK, CHECKPOINT, REFUSED = 1, 2, 3, 4, 5
KINDS = (GENESIS, ENTRY, BLOCK, CHECKPOINT, REFUSED)
HEADER_SIZE = 5
LARGEST_FRAME = 2**24
NAME = re.compile(r"[a-z0-9][a-z0-9_@-]*", re.ASCII)
"""Of a proposer, which is a member's id, or of a certificate."""
PROPOSER_SIZE, CERTIFICATE_SIZE = 40, 24
"""Bytes of a block's two names, with zero bytes behind them."""
BLOCK_SIZE = 4 * DIGEST_SIZE + 16 + PROPOSER_SIZE + CERTIFICATE_SIZE


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame's kind and body, and where in the file it starts and ends."""

    kind: int
    body: bytes
    start: int
    end: int


class Refusal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A transaction that a block holds and the contract refuses: the code, the envelope as text.

    Text, since the bytes are anybody's: a file must never look as if a block began inside of them.
    """

    code: str
    envelope: str


_REFUSALS = msgspec.json.Decoder(Refusal)


def refused_digest(refusals: Iterable[tuple[int, bytes]] = ()) -> bytes:
    """Return what binds a block to its refused transactions.

    Args:
        refusals: after how many entries of the log each stands, and its frame's body.
    """
    return tagged_hash("refused", *(u64(index) + lp(body) for index, body in refusals))


NONE_REFUSED = refused_digest()


@dataclass(frozen=True, slots=True)
class Block:
    """What a block frame says.

    Attributes:
        previous: the hash of the block before.
        first: the log's size before it.
        count: how many entries it covers; 0 in an empty block.
        state_root: of the state after them.
        app_hash: the application hash after them.
        refused: see `refused_digest`.
        proposer: the validator who proposed it, empty where that is whoever holds the log's key.
        certificate: what shows that it is final (`ledger.ordering`), empty where nothing does.
    """

    previous: bytes
    first: int
    count: int
    state_root: bytes
    app_hash: bytes
    refused: bytes = NONE_REFUSED
    proposer: str = ""
    certificate: str = ""

    def body(self) -> bytes:
        """Return the frame's body."""
        return b"".join(
            (
                self.previous, u64(self.first), u64(self.count), self.state_root, self.app_hash,
                self.refused, _padded(self.proposer, PROPOSER_SIZE),
                _padded(self.certificate, CERTIFICATE_SIZE),
            )
        )  # fmt: skip

    def digest(self) -> bytes:
        """Return the hash by which the next block names this one."""
        return tagged_hash("block", self.body())


@lru_cache(maxsize=256)
def _padded(name: str, size: int) -> bytes:
    return name.encode().ljust(size, b"\0")


def block_at(first: int) -> str:
    """Return what a block is called, by the index of the first entry that it holds or would."""
    return f"the block from entry {first} on"


def encode_frame(kind: int, body: bytes) -> bytes:
    """Return a frame: type byte, u32 length, body."""
    return b"%c%b%b" % (kind, len(body).to_bytes(4, "big"), body)


def decode_block(body: bytes) -> Block:
    """Decode a block frame's body.

    Raises:
        FormatError: it has another length, or its names are not in their one form.
    """
    if len(body) != BLOCK_SIZE:
        raise malformed("a block frame", f"it has {len(body)} bytes instead of {BLOCK_SIZE}")
    names = BLOCK_SIZE - CERTIFICATE_SIZE
    return Block(
        body[:32],
        int.from_bytes(body[32:40], "big"),
        int.from_bytes(body[40:48], "big"),
        body[48:80],
        body[80:112],
        body[112:144],
        _name(body[144:names], "proposer"),
        _name(body[names:], "certificate"),
    )


def _name(padded: bytes, what: str) -> str:
    if not padded.strip(b"\0"):  # most often
        return ""
    try:
        name = padded.rstrip(b"\0").decode("ascii")
    except UnicodeDecodeError:
        name = ""
    if not NAME.fullmatch(name):
        raise malformed("a block frame", f"its {what} is no name")
    return name


def encode_refusal(code: str, envelope: bytes) -> bytes:
    """Return the body of the frame of a refused transaction."""
    return canonical.encode(Refusal(code, to_text(envelope)))


def decode_refusal(body: bytes) -> tuple[str, bytes]:
    """Return the code and the envelope of a refused transaction.

    Raises:
        FormatError: it is not canonical.
    """
    refusal = canonical.decode(body, _REFUSALS, "a refused transaction")
    size = len(refusal.envelope) * 3 // 4
    return refusal.code, from_text(refusal.envelope, size, "a refused transaction")


def encode_entry(envelope: bytes, events: bytes) -> bytes:
    """Return a log entry: the envelope, then what the contract did."""
    size, length = len(envelope).to_bytes(4, "big"), len(events).to_bytes(4, "big")
    return b"".join((size, envelope, length, events))


def decode_entry(body: bytes) -> tuple[bytes, bytes]:
    """Return envelope and events of an entry.

    Raises:
        FormatError: the lengths inside do not fill the entry exactly.
    """
    size = int.from_bytes(body[:4], "big")
    envelope, rest = body[4 : 4 + size], body[4 + size :]
    if len(body) < 8 or len(rest) < 4 or int.from_bytes(rest[:4], "big") != len(rest) - 4:
        raise malformed("a log entry", "its lengths do not fit its bytes")
    return envelope, rest[4:]


def entry_hash(body: bytes) -> bytes:
    """Return the leaf hash of an entry (RFC 9162)."""
    return leaf_hash(body)


def application_hash(state_root: bytes, size: int, log_root: bytes) -> bytes:
    """Return the one hash that engines agree on; empty blocks do not change it."""
    return tagged_hash("app", state_root, u64(size), log_root)


def read_ledger(path: Path) -> bytes:
    """Return the bytes of a ledger file, which somebody else may have put there.

    Raises:
        OSError: there is none, or it is no regular file: a pipe would be waited for, and a device
            may never end.
    """
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "it is not a regular file", str(path))
    return path.read_bytes()


def read_frames(data: bytes, start: int = 0) -> Iterator[Frame]:
    """Yield the complete frames of a file's bytes, from an offset on.

    What follows the last complete frame is a torn tail: the caller compares the last frame's
    `end` with the file's length.

    Raises:
        FormatError: a frame has no known kind, or is longer than any may be.
    """
    position = start
    while position + HEADER_SIZE <= len(data):
        kind = data[position]
        size = int.from_bytes(data[position + 1 : position + HEADER_SIZE], "big")
        if kind not in KINDS or size > LARGEST_FRAME:
            raise malformed("ledger.log", f"no frame of any kind starts at byte {position}")
        end = position + HEADER_SIZE + size
        if end > len(data):
            return
        yield Frame(kind, data[position + HEADER_SIZE : end], position, end)
        position = end


def holds_acknowledged(tail: bytes) -> bool:
    """Return whether a whole block or checkpoint frame lies in what looks like a torn tail.

    An interrupted write leaves none: then a length before it is corrupt, and the tail is history.
    A block's header cannot occur inside an entry, which is JSON with lengths of other sizes.
    """
    header = encode_frame(BLOCK, bytes(BLOCK_SIZE))[:HEADER_SIZE]
    block = tail.find(header)
    if block >= 0 and block + HEADER_SIZE + BLOCK_SIZE <= len(tail):
        return True
    start = tail.find(b"collegium/") - HEADER_SIZE
    if start < 0 or tail[start] != CHECKPOINT:
        return False
    size = int.from_bytes(tail[start + 1 : start + HEADER_SIZE], "big")
    return start + HEADER_SIZE + size <= len(tail)


def acknowledged_end(data: bytes, start: int = 0) -> int:
    """Return where the last block, checkpoint or genesis frame ends: what was acknowledged.

    Raises:
        FormatError: as `read_frames`.
    """
    end = start
    for frame in read_frames(data, start):
        if frame.kind not in (ENTRY, REFUSED):
            end = frame.end
    return end


def block_end(data: bytes, entries: int) -> int:
    """Return where the block ends that brings a file to so many entries, or where the file does.

    Raises:
        FormatError: as `read_frames`.
    """
    count = 0
    for frame in read_frames(data):
        if frame.kind == ENTRY:
            count += 1
        elif count == entries and frame.kind in (GENESIS, BLOCK):
            return frame.end
    return len(data)


def hash_prefix(data: bytes, identity: bytes) -> tuple[Frontier, Block | None]:
    """Return the log's tree over a file's first bytes, and the block that ends them.

    Every byte is hashed and every block frame held against it, so that a snapshot never stands
    for entries that have changed since. Signatures and rules are left to `verify`.

    Raises:
        FormatError: the bytes are not frames, or do not chain.
    """
    frontier, last, previous, end = Frontier(), None, identity, 0
    refused: list[tuple[int, bytes]] = []
    for frame in read_frames(data):
        end = frame.end
        if frame.kind == ENTRY:
            frontier.append(entry_hash(frame.body))
        elif frame.kind == REFUSED:
            refused.append((frontier.size, frame.body))
        elif frame.kind == BLOCK:
            last = decode_block(frame.body)
            log = application_hash(last.state_root, frontier.size, frontier.root())
            found = (previous, log, refused_digest(refused) if refused else NONE_REFUSED)
            if (last.previous, last.app_hash, last.refused) != found:
                raise malformed("ledger.log", f"the block at byte {frame.start} does not chain")
            previous = last.digest()
            refused = []
    return frontier, last if end == len(data) else None
