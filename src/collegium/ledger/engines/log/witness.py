"""The rule by which a member cosigns: never two blocks after the same final block.

It cosigns a block that it has replayed and whose predecessor is final, and writes down what it
cosigned before it says so. So of two blocks that contradict each other at most one can get more
than two thirds of the power, as long as less than a third lies; docs/decisions/0012.

The file `cosigned` is the member's word: what it has cosigned binds it until it is known that
another block, or this one, is final. Whoever restores a home from a backup leaves the file out.
Without it, a member waits for proof that what it may have cosigned is settled.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import msgspec

from collegium import canonical
from collegium.canonical import to_text
from collegium.errors import FormatError, RunError
from collegium.ledger.cosignature import cosign
from collegium.ledger.durability import sync_names
from collegium.ledger.engines.log.log_copy import LogCopy
from collegium.ledger.keys import SigningKey
from collegium.ledger.note import Checkpoint

COSIGNED = "cosigned"


class Cosigned(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A block that was cosigned.

    Attributes:
        block: its hash, base64url.
        first: entries before it, all final when it was cosigned.
        line: the cosignature line.
        note: the log's note.
        released: whether the member's operator gave it up; see `CosigningWitness.release`.
        size: entries with it.
    """

    block: str
    first: int
    line: str
    note: str
    released: bool
    size: int

    def is_of(self, checkpoint: Checkpoint) -> bool:
        """Return whether it is the cosignature of a checkpoint."""
        return (self.size, self.block) == (checkpoint.size, to_text(checkpoint.extension))


_DECODER = msgspec.json.Decoder(Cosigned)


@dataclass(slots=True)
class CosignedFile:
    """The file, and what it holds.

    Attributes:
        path: where it is.
        last: what was cosigned last, None if nothing was or what it was is not known.
        known: whether `last` is known to be the last; not where the file is missing or damaged.
    """

    path: Path
    last: Cosigned | None
    known: bool

    def keep(self, cosigned: Cosigned | None) -> None:
        """Make something the last that was cosigned; it is synced when this returns."""
        body = b"" if cosigned is None else canonical.encode(cosigned)
        partial = self.path.with_suffix(".partial")
        with partial.open("wb") as file:
            file.write(sha256(body).hexdigest().encode() + b"\n" + body)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self.path)
        sync_names(self.path.parent)
        self.last, self.known = cosigned, True


def open_cosigned(home: Path) -> CosignedFile:
    """Read what a home's member has cosigned; a missing or damaged file is told by `known`."""
    path = home / COSIGNED
    try:
        check, _, body = path.read_bytes().partition(b"\n")
        if check != sha256(body).hexdigest().encode():
            return CosignedFile(path, None, known=False)
        last = canonical.decode(body, _DECODER, "what was cosigned") if body else None
    except (OSError, FormatError):
        return CosignedFile(path, None, known=False)
    return CosignedFile(path, last, known=True)


def begin_cosigning(home: Path) -> None:
    """Say in a new home that its key, which was made just now, has cosigned nothing yet."""
    open_cosigned(home).keep(None)


KeyOf = Callable[[bytes], SigningKey | None]
"""A member's signing key for one of its public keys, or None where it does not hold it.

A block that rotates a key is cosigned with the key from before, so that one is kept a while."""


class CosigningWitness:
    """One member's cosignatures.

    Attributes:
        waiting_for: why it does not cosign the block that its copy ends with, or empty.
    """

    def __init__(
        self,
        copy: LogCopy,
        file: CosignedFile,
        member: str,
        key_of: KeyOf,
        seconds: Callable[[], int],
    ) -> None:
        self.waiting_for = ""
        self._copy = copy
        self._file = file
        self._member = member
        self._key_of = key_of
        self._seconds = seconds
        self._opened = seconds()

    @property
    def last(self) -> Cosigned | None:
        """What it has cosigned last, if the copy ends with that and it is not final yet."""
        last = self._file.last
        if last is None or last.released or self._copy.settled:
            return None
        return last if last.is_of(self._copy.ledger.head()) else None

    @property
    def bound(self) -> Cosigned | None:
        """What it has cosigned after the present final block, wherever its bytes are."""
        last = self._file.last
        if last is None or last.released or last.first < self._copy.final_size:
            return None
        return last

    def cosign(self, note: str) -> Cosigned | None:
        """Cosign the block that the copy ends with, if the rule allows it.

        Args:
            note: the log's note over it, already opened and compared.

        Returns:
            What is on the disk now and may be announced, or None; `waiting_for` says why.
        """
        copy, head = self._copy, self._copy.ledger.head()
        self.waiting_for = ""
        if copy.blocks_ahead != 1 or copy.expected is not None:
            self.waiting_for = "the block before it is not final here"
            return None
        public = copy.judges.key_of(self._member)
        if public is None:
            return None  # others judge this block
        key = self._key_of(public)
        if key is None:
            self.waiting_for = "the key that the ledger has for this member is not in its home"
            return None
        if not self._file.known and copy.final_size:
            self.waiting_for = "a block newer than this start must become final first"
            return None
        last = self._file.last
        if last is not None and not self._allows(last, copy.final_size):
            if last.is_of(head):
                return last
            self.waiting_for = "another block after the same final one has been cosigned"
            return None
        name = copy.judges.names[self._member]
        line = cosign(head, name, key, self._seconds())
        cosigned = Cosigned(
            block=to_text(head.extension), first=copy.final_size, line=line, note=note,
            released=False, size=head.size,
        )  # fmt: skip
        self._file.keep(cosigned)
        return cosigned

    def learn(self, note: str) -> None:
        """Hear of the note that makes the copy's last block final, before it is confirmed.

        Where it is not known what was cosigned before, a quorum of cosignatures younger than this
        start settles it: whatever this member may have said was about a block before that one.
        """
        if self._file.known:
            return
        times = self._copy.judges.cosigners(note)
        fresh = {member: time for member, time in times.items() if time >= self._opened}
        if self._copy.judges.suffices(fresh):
            self._file.keep(None)
            self.waiting_for = ""

    def release(self) -> Cosigned:
        """Give up what was cosigned last, on the operator's word that it is final nowhere.

        Raises:
            RunError: nothing binds this member.
        """
        bound = self.bound
        if bound is None:
            raise RunError(
                "cosigned.nothing", "this member is not bound to any block",
                "it has cosigned nothing after what is final here",
                "nothing needs to be given up; see `collegium node status`",
            )  # fmt: skip
        self._file.keep(msgspec.structs.replace(bound, released=True))
        return bound

    def _allows(self, last: Cosigned, first: int) -> bool:
        """Return whether something else may be cosigned after so many final entries."""
        return last.first < first or (last.released and last.first <= first)
