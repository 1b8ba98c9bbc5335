"""Cosignatures of checkpoints (C2SP tlog-cosignature v1, Ed25519); docs/spec/5-checkpoint.md.

A member that cosigns says: at that time this was the longest consistent log that I had seen, and
replaying it gave me the block that the extension line names.
"""

from __future__ import annotations

from collections.abc import Mapping

from collegium.canonical import malformed
from collegium.ledger.hashing import u64
from collegium.ledger.keys import SIGNATURE_SIZE, SigningKey, signature_holds
from collegium.ledger.note import (
    COSIGNATURE,
    Checkpoint,
    note_key_hash,
    signature_line,
    signatures_by,
    split_note,
)

TIME_SIZE = 8
LATEST_TIME = 2**63 - 1


def cosigner_name(origin: str, member: str) -> str:
    """Return the name under which a member cosigns the log of that origin."""
    return f"{origin}/{member}"


def cosign(checkpoint: Checkpoint, name: str, key: SigningKey, seconds: int) -> str:
    """Return one signature line to stand below a checkpoint's note.

    Args:
        checkpoint: what is cosigned.
        name: the cosigner's, as `cosigner_name` makes it.
        key: the member's current ledger key.
        seconds: the time of signing, since 1970-01-01 00:00 UTC.
    """
    signature = key.sign(_message(seconds, checkpoint.text()))
    key_hash = note_key_hash(name, key.public, COSIGNATURE)
    return signature_line(name, key_hash + u64(seconds) + signature)


def cosignatures(note: str, keys: Mapping[str, bytes]) -> dict[str, int]:
    """Return who cosigned a note, and when (seconds since 1970); the last time where several.

    The log's own signature is not looked at: `open_checkpoint` is for that. Lines of unknown
    names, or of a known name by another key, are passed over.

    Args:
        note: a checkpoint with its signature lines.
        keys: public keys by cosigner's name.

    Raises:
        FormatError: it is not a note, or a line under a known key does not hold.
    """
    text, signatures = split_note(note)
    found: dict[str, int] = {}
    for name, public in keys.items():
        key_hash = note_key_hash(name, public, COSIGNATURE)
        for blob in signatures_by(name, key_hash, signatures):
            seconds = int.from_bytes(blob[:TIME_SIZE], "big")
            if (
                len(blob) != TIME_SIZE + SIGNATURE_SIZE
                or seconds > LATEST_TIME
                or not signature_holds(public, _message(seconds, text), blob[TIME_SIZE:])
            ):
                raise malformed("a checkpoint", f"the cosignature by {name} does not hold")
            found[name] = max(seconds, found.get(name, 0))
    return found


def _message(seconds: int, text: str) -> bytes:
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()
