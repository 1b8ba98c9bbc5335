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
from collegium.ledger.engines.log.log_copy import ValidatorSet
from collegium.ledger.hashing import DIGEST_SIZE
from collegium.ledger.keys import SigningKey, signature_holds
from collegium.ledger.note import (
    from_base64,
    note_key_hash,
    origin_of,
    signature_line,
    signatures_by,
    split_note,
    to_base64,
)

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
    text, name = seen.text(), cosigner_name(origin_of(seen.identity), member)
    return (
        f"{text}\n{signature_line(name, note_key_hash(name, key.public) + key.sign(text.encode()))}"
    )


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
    number = lines[1] if len(lines) == 4 else ""
    if not (number.isascii() and number.isdigit() and len(number) < 20):
        raise malformed(_WHAT, "it does not say after how many entries")
    seen = Seen(identity, int(number), from_base64(lines[2], DIGEST_SIZE, _WHAT))
    if seen.text() != text:
        raise malformed(_WHAT, "it is of another ledger, or not in its one form")
    found = list(signatures_by(name, note_key_hash(name, public), signatures))
    if not found or not all(signature_holds(public, text.encode(), one) for one in found):
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
