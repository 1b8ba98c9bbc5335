"""What the sequencer signs when it says that a transaction is in the log: at which place.

docs/spec/10-log-engine.md. A member that was promised a place and finds another transaction there,
under a checkpoint that the log's key signed as well, has proof; without the promise it would
have its word alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from collegium.canonical import malformed
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

_WHAT = "a promise"


@dataclass(frozen=True, slots=True)
class InclusionPromise:
    """A transaction's id and its index in the log of a ledger."""

    identity: bytes
    index: int
    transaction: bytes

    def text(self) -> str:
        """Return the note text that is signed."""
        lines = (_name(self.identity), str(self.index), to_base64(self.transaction))
        return "".join(f"{line}\n" for line in lines)


def sign_inclusion_promise(promise: InclusionPromise, key: SigningKey) -> str:
    """Return the signed note; its name keeps it apart from every checkpoint of the same key."""
    return signed_note(promise.text(), _name(promise.identity), key)


def open_inclusion_promise(note: str, identity: bytes, public: bytes) -> InclusionPromise:
    """Return the promise of a note.

    Args:
        note: what the sequencer sent.
        identity: the ledger's genesis digest.
        public: the log's key.

    Raises:
        FormatError: malformed, of another ledger, or without a good signature by the key.
    """
    text, signatures = split_note(note)
    name, lines = _name(identity), text.split("\n")
    if len(lines) != 4 or lines[0] != name:
        raise malformed(_WHAT, f"it is not one of {name}")
    index = number_in(lines[1])
    if index is None:
        raise malformed(_WHAT, "its index is not a number")
    promise = InclusionPromise(identity, index, from_base64(lines[2], DIGEST_SIZE, _WHAT))
    if promise.text() != text:
        raise malformed(_WHAT, "it is not in its one form")
    if not is_signed(text, signatures, name, public):
        raise malformed(_WHAT, "the log's key did not sign it")
    return promise


def _name(identity: bytes) -> str:
    return f"{origin_of(identity)}/promise"
