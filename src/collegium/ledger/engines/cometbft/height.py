"""The file ``height``: up to which block of CometBFT's a home's ledger is, and where that ends.

It is written after ledger.log, and whole or not at all. Whoever is killed in between finds a
block behind that place: it is cut, and CometBFT gives it again, since it goes on from this height.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from collegium.ledger.durability import write_whole

NAME = "height"


class Height(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The last block that was committed.

    Attributes:
        height: CometBFT's number for it; 0 before the first one.
        size: bytes of ledger.log with it. A block without transactions leaves it as it was.
        app_hash: the application hash after it, in hexadecimal; empty before the first one.
    """

    height: int
    size: int
    app_hash: str


def read_height(home: Path) -> Height | None:
    """Return what a home says, None where it says nothing that can be used."""
    try:
        return msgspec.json.decode((home / NAME).read_bytes(), type=Height)
    except (OSError, msgspec.MsgspecError):
        return None


def write_height(home: Path, height: Height) -> None:
    """Write it down, whole or not at all."""
    write_whole(home / NAME, msgspec.json.encode(height))
