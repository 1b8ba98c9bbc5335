"""What a member has cosigned last, on its disk before anybody hears of it.

This file is the member's word: what it has cosigned binds it until it is known that another
block, or this one, is final. Whoever restores a home from a backup leaves the file out. Without
it, a member waits for proof that what it may have cosigned is settled, before it cosigns again.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import msgspec

from collegium import canonical
from collegium.canonical import to_text
from collegium.errors import FormatError
from collegium.ledger.durability import sync_names
from collegium.ledger.note import Checkpoint

COSIGNED = "cosigned"


class Cosigned(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A block that was cosigned.

    Attributes:
        block: its hash, base64url.
        first: entries before it, all final when it was cosigned.
        line: the cosignature line.
        note: the log's note.
        released: whether the member's operator gave it up; see `Witness.release`.
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
