"""What a member has cosigned last, on its disk before anybody hears of it.

A member that has cosigned a block cosigns no other that contradicts it, until it knows that the
block can no longer become final (docs/decisions/0012). So this file is its word. Whoever restores
a home from a backup leaves it out: without it, a member waits before it cosigns again.
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
    """A block that was cosigned: its hash (base64url), the log's size with it, note and line."""

    block: str
    line: str
    note: str
    size: int

    def is_of(self, checkpoint: Checkpoint) -> bool:
        """Return whether it is the cosignature of a checkpoint."""
        return (self.size, self.block) == (checkpoint.size, to_text(checkpoint.extension))


_DECODER = msgspec.json.Decoder(Cosigned)


@dataclass(slots=True)
class CosignedFile:
    """The file, and what it holds.

    Attributes:
        last: what was cosigned last, None if nothing was or what it was is not known.
        known: whether `last` is known to be all; a missing or damaged file makes it unknown.
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
