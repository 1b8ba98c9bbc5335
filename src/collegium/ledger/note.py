"""C2SP signed notes and tlog checkpoints; docs/spec/5-checkpoint.md.

A checkpoint says how long the log is and what its root is. Whoever keeps one can later tell
whether a history still leads there.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256

from collegium.canonical import malformed
from collegium.ledger.hashing import DIGEST_SIZE
from collegium.ledger.keys import KEY_SIZE, SigningKey, signature_holds

ED25519 = b"\x01"
COSIGNATURE = b"\x04"
LONGEST_NOTE = 256 * 1024
"""Characters: room for the cosignatures of a thousand members."""
_DASH = "\N{EM DASH} "


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A log's size and root under its origin; `extension` is our last block's hash."""

    origin: str
    size: int
    root: bytes
    extension: bytes

    def text(self) -> str:
        """Return the note text that is signed."""
        lines = (self.origin, str(self.size), to_base64(self.root), to_base64(self.extension))
        return "".join(f"{line}\n" for line in lines)


def origin_of(genesis: bytes) -> str:
    """Return the origin line of a ledger: its genesis digest, named."""
    return f"collegium/{genesis.hex()}"


def note_key_hash(name: str, public: bytes, kind: bytes = ED25519) -> bytes:
    """Return the four bytes that tell which key made a note's signature line.

    `kind` is the signature's type byte: a log's (`ED25519`) or a `COSIGNATURE`.
    """
    return sha256(name.encode() + b"\n" + kind + public).digest()[:4]


def verifier_key(name: str, public: bytes, kind: bytes = ED25519) -> str:
    """Return the key in the text form of signed-note: name+hash+base64."""
    return f"{name}+{note_key_hash(name, public, kind).hex()}+{to_base64(kind + public)}"


def parse_verifier_key(text: str, kind: bytes = ED25519) -> tuple[str, bytes]:
    """Return name and public key of a verifier key.

    Raises:
        FormatError: it is not a verifier key of that kind in its one form.
    """
    name, _, rest = text.partition("+")
    _, _, encoded = rest.partition("+")
    public = from_base64(encoded, 1 + KEY_SIZE, "a verifier key")[1:]
    if not text.isascii() or not name or verifier_key(name, public, kind) != text:
        raise malformed("a verifier key", "its name, hash and key do not belong together")
    return name, public


def sign_checkpoint(checkpoint: Checkpoint, key: SigningKey) -> str:
    """Return the signed note; the key's name is the origin, as for every C2SP log."""
    return signed_note(checkpoint.text(), checkpoint.origin, key)


def signed_note(text: str, name: str, key: SigningKey) -> str:
    """Return a text as a note that a key of that name has signed."""
    signature = note_key_hash(name, key.public) + key.sign(text.encode())
    return f"{text}\n{signature_line(name, signature)}"


def signature_line(name: str, signature: bytes) -> str:
    """Return a note's signature line; `signature` starts with the key hash."""
    return f"{_DASH}{name} {to_base64(signature)}\n"


def split_note(note: str) -> tuple[str, str]:
    """Return a note's text and its signature lines, unread.

    Raises:
        FormatError: it is longer than any of ours, or is not a text, a blank line and lines.
    """
    text, blank, signatures = note.rpartition("\n\n")
    if len(note) > LONGEST_NOTE or not blank or not signatures.endswith("\n"):
        raise malformed("a checkpoint", "it is not a signed note")
    return f"{text}\n", signatures


def with_lines(note: str, lines: Iterable[str]) -> str:
    """Return the log's note with cosignature lines in place of those that it may have."""
    text, signatures = split_note(note)
    own = signatures.splitlines(keepends=True)[0]
    return f"{text}\n{own}{''.join(lines)}"


def signatures_by(name: str, key_hash: bytes, signatures: str) -> Iterator[bytes]:
    """Yield what one key signed, without the key hash; the lines of others are passed over.

    Raises:
        FormatError: a line is not a signature line, or one under that name is not base64.
    """
    what = "a checkpoint"
    for line in signatures[:-1].split("\n"):
        signer, _, encoded = line.removeprefix(_DASH).partition(" ")
        if not line.startswith(_DASH) or not signer or not encoded:
            raise malformed(what, "a signature line is malformed")
        if signer != name:
            continue
        raw = from_base64(encoded, None, what)
        if raw[:4] == key_hash:  # else another key of that name, such as one for cosignatures
            yield raw[4:]


def is_signed(text: str, signatures: str, name: str, public: bytes) -> bool:
    """Return whether a key of that name has signed a note's text, and no line of it is bad.

    Raises:
        FormatError: a signature line is malformed.
    """
    found = list(signatures_by(name, note_key_hash(name, public), signatures))
    return bool(found) and all(signature_holds(public, text.encode(), one) for one in found)


def number_in(line: str) -> int | None:
    """Return the number that a note's line is, or None; one with 20 digits or more is none."""
    return int(line) if line.isascii() and line.isdigit() and len(line) < 20 else None


def open_checkpoint(note: str, origin: str, public: bytes) -> Checkpoint:
    """Return the checkpoint of a note that the log's key signed; other signatures are ignored.

    Raises:
        FormatError: malformed, of another log, or without a good signature by the key.
    """
    what = "a checkpoint"
    text, signatures = split_note(note)
    lines = text.split("\n")
    if len(lines) != 5 or lines[0] != origin:
        raise malformed(what, f"it is not a checkpoint of {origin}")
    size = number_in(lines[1])
    if size is None:
        raise malformed(what, "its size is not a number")
    checkpoint = Checkpoint(
        origin,
        size,
        from_base64(lines[2], DIGEST_SIZE, what),
        from_base64(lines[3], DIGEST_SIZE, what),
    )
    if checkpoint.text() != text:
        raise malformed(what, "it is not in its one form")
    signed = False
    for signature in signatures_by(origin, note_key_hash(origin, public), signatures):
        if not signature_holds(public, text.encode(), signature):
            raise malformed(what, "the log's signature does not hold")
        signed = True
    if not signed:
        raise malformed(what, "the log's key did not sign it")
    return checkpoint


def to_base64(raw: bytes) -> str:
    """Return standard base64 with padding, the form of bytes inside notes."""
    return b64encode(raw).decode("ascii")


def from_base64(text: str, length: int | None, what: str) -> bytes:
    """Return the bytes behind standard base64 in its one spelling; any number where None.

    Raises:
        FormatError: another length, alphabet or a second spelling of the same bytes.
    """
    try:
        raw = b64decode(text, validate=True)
    except (ValueError, UnicodeError) as error:
        raise malformed(what, f"{text[:60]!r} is not base64") from error
    if length not in (None, len(raw)) or to_base64(raw) != text:
        raise malformed(what, f"{text[:60]!r} is not canonical base64, or of another length")
    return raw
