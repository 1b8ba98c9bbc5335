"""Bitmaps over a round's participants: whom a validator, or a site, speaks of."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import lru_cache

from collegium.canonical import from_text
from collegium.errors import FormatError
from collegium.ledger.contract.rejected import Rejected


def read_bitmap(text: str, participants: tuple[str, ...], said: tuple[str, ...]) -> bytes:
    """Return a bitmap over a round's participants that names only members who have spoken.

    Raises:
        Rejected: it has another length, or names somebody else.
    """
    try:
        bitmap = from_text(text, (len(participants) + 7) // 8, "a bitmap")
    except FormatError as error:
        raise Rejected("malformed", error.why) from error
    if not _names_only(bitmap, participants, said):
        raise Rejected("malformed", "the bitmap names somebody who has not spoken")
    return bitmap


@lru_cache(maxsize=64)  # most validators attest the same
def _names_only(bitmap: bytes, participants: tuple[str, ...], said: tuple[str, ...]) -> bool:
    padding = (1 << -len(participants) % 8) - 1
    return not bitmap[-1] & padding and set(said).issuperset(attested(bitmap, participants))


def bitmap_of(participants: Sequence[str], named: Collection[str]) -> bytes:
    """Return the bitmap that names some of a round's participants."""
    bitmap = bytearray((len(participants) + 7) // 8)
    for index, name in enumerate(participants):
        if name in named:
            bitmap[index >> 3] |= 0x80 >> (index & 7)
    return bytes(bitmap)


@lru_cache(maxsize=256)
def attested(bitmap: bytes, participants: tuple[str, ...]) -> tuple[str, ...]:
    """Return whom a bitmap names; the first participant is the highest bit of the first byte."""
    bits = bin(int.from_bytes(b"\1" + bitmap, "big"))[3:]
    return tuple(name for name, bit in zip(participants, bits, strict=False) if bit == "1")
