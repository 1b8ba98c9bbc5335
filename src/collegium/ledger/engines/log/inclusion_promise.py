"""What the sequencer signs when it says that a transaction is in the log: at which place.

docs/spec/10-log-engine.md. A member that was promised a place and finds another transaction there,
under a checkpoint that the log's key signed as well, has proof; without the promise it would
have its word alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from collegium.canonical import malformed
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
    text, name = promise.text(), _name(promise.identity)
    signature = note_key_hash(name, key.public) + key.sign(text.encode())
    return f"{text}\n{signature_line(name, signature)}"


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
    if not (lines[1].isascii() and lines[1].isdigit() and len(lines[1]) < 20):
        raise malformed(_WHAT, "its index is not a number")
    promise = InclusionPromise(identity, int(lines[1]), from_base64(lines[2], DIGEST_SIZE, _WHAT))
    if promise.text() != text:
        raise malformed(_WHAT, "it is not in its one form")
    found = list(signatures_by(name, note_key_hash(name, public), signatures))
    if not found or not all(signature_holds(public, text.encode(), one) for one in found):
        raise malformed(_WHAT, "the log's key did not sign it")
    return promise


def _name(identity: bytes) -> str:
    return f"{origin_of(identity)}/promise"
