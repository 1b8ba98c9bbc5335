"""What a validator signs when it has seen a transaction that is not ordered: docs/spec/10.

Such a word says: after so many final entries I had this transaction, the contract would take it,
and I had handed it to whoever orders. Words of a quorum bind the log (docs/decisions/0140).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from collegium.canonical import malformed
from collegium.errors import FormatError
from collegium.ledger.cosignature import cosigner_name
from collegium.ledger.hashing import DIGEST_SIZE
from collegium.ledger.keys import SigningKey
from collegium.ledger.note import (
    from_base64,
    is_signed,
    number_in,
    origin_of,
    signed_note,
    split_note,
    to_base64,
)
from collegium.ledger.validators import ValidatorSet

LARGEST_SEEN = 1024
"""Bytes of such a note."""

_WHAT = "a word that a transaction was seen"


@dataclass(frozen=True, slots=True)
class Seen:
    """A transaction's id, and after how many final entries it was seen."""

    identity: bytes
    size: int
    transaction: bytes

    def text(self) -> str:
        """Return the note text that is signed."""
        lines = (f"{origin_of(self.identity)}/seen", str(self.size), to_base64(self.transaction))
        return "".join(f"{line}\n" for line in lines)


def sign_seen(seen: Seen, member: str, key: SigningKey) -> str:
    """Return the signed note of a validator."""
    return signed_note(seen.text(), cosigner_name(origin_of(seen.identity), member), key)


def claimed_transaction(note: str) -> bytes:
    """Return the transaction that a note is said to be about; empty where it is malformed."""
    try:
        return from_base64(note.split("\n")[2], DIGEST_SIZE, _WHAT)
    except (IndexError, FormatError):
        return b""


def open_seen(note: str, identity: bytes, member: str, public: bytes) -> Seen:
    """Return what a validator's note says.

    Raises:
        FormatError: malformed, of another ledger, or without a good signature by the key.
    """
    text, signatures = split_note(note)
    name, lines = cosigner_name(origin_of(identity), member), text.split("\n")
    size = number_in(lines[1]) if len(lines) == 4 else None
    if size is None:
        raise malformed(_WHAT, "it does not say after how many entries")
    seen = Seen(identity, size, from_base64(lines[2], DIGEST_SIZE, _WHAT))
    if seen.text() != text:
        raise malformed(_WHAT, "it is of another ledger, or not in its one form")
    if not is_signed(text, signatures, name, public):
        raise malformed(_WHAT, f"{member} did not sign it")
    return seen


def bound_since(sizes: Mapping[str, int], judges: ValidatorSet) -> int | None:
    """Return the smallest size by which validators with a quorum had seen a transaction, or None.

    Args:
        sizes: after how many entries each has seen it.
        judges: the validators whose words count.
    """
    power = dict[str, int]()
    for member, size in sorted(sizes.items(), key=lambda one: one[1]):
        power[member] = size
        if judges.suffices(power):
            return size
    return None
