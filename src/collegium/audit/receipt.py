"""Receipts as files: C2SP tlog-proof with genesis and entry inside; docs/spec/11-receipts.md."""

from __future__ import annotations

from dataclasses import dataclass

from collegium.canonical import malformed
from collegium.errors import FormatError
from collegium.ledger.frames import ENTRY, GENESIS, encode_frame, read_frames
from collegium.ledger.hashing import DIGEST_SIZE
from collegium.ledger.note import from_base64, to_base64

HEADER = "c2sp.org/tlog-proof@v1"
LARGEST_RECEIPT = 32 * 2**20
DEEPEST_PROOF = 64
SUFFIX = ".tlog-proof"


@dataclass(frozen=True, slots=True)
class Receipt:
    """A tlog-proof: an entry's index, the hashes up to the root, the note, and extra data.

    The extra data proves nothing by itself: it is held against the leaf and the origin.
    """

    index: int
    proof: tuple[bytes, ...]
    note: str
    extra: bytes | None = None


def encode_receipt(receipt: Receipt) -> str:
    """Return the text of a receipt's file."""
    lines = [HEADER]
    if receipt.extra is not None:
        lines.append(f"extra {to_base64(receipt.extra)}")
    lines.append(f"index {receipt.index}")
    lines += [to_base64(one) for one in receipt.proof]
    return "".join(f"{line}\n" for line in lines) + "\n" + receipt.note


def decode_receipt(data: bytes) -> Receipt:
    """Decode a receipt's file. The note inside is not looked at.

    Raises:
        FormatError: it is not a tlog-proof in its one form.
    """
    if len(data) > LARGEST_RECEIPT:
        raise _malformed(f"it is longer than {LARGEST_RECEIPT} bytes")
    try:
        head, blank, note = data.decode().partition("\n\n")
    except UnicodeDecodeError as error:
        raise _malformed(str(error)) from error
    lines = head.split("\n")
    if lines[0] != HEADER:
        raise _malformed(f"its first line is not {HEADER}")
    if not blank:
        raise _malformed("no empty line stands before its checkpoint")
    extra = None
    at = 1
    if lines[at:] and lines[at].startswith("extra "):
        extra = from_base64(lines[at].removeprefix("extra "), None, "a receipt")
        at += 1
    line = lines[at] if at < len(lines) else ""
    number = line.removeprefix("index ")
    if number == line or not _decimal(number):
        raise _malformed("it has no index line, or one that is not a number in its one form")
    hashes = lines[at + 1 :]
    if len(hashes) > DEEPEST_PROOF:
        raise _malformed(f"its proof has more than {DEEPEST_PROOF} hashes")
    proof = tuple(from_base64(line, DIGEST_SIZE, "a receipt") for line in hashes)
    return Receipt(int(number), proof, note, extra)


def _decimal(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 20 and str(int(text)) == text


def encode_extra(genesis: bytes, entry: bytes) -> bytes:
    """Return the extra data: the frames of the genesis and the entry, as in ledger.log."""
    return encode_frame(GENESIS, genesis) + encode_frame(ENTRY, entry)


def decode_extra(extra: bytes | None) -> tuple[bytes, bytes]:
    """Return genesis and entry.

    Raises:
        FormatError: the data is something else, as in a receipt of another program.
    """
    frames = list(read_frames(extra or b""))
    if [frame.kind for frame in frames] != [GENESIS, ENTRY] or frames[-1].end != len(extra or b""):
        raise _malformed("its extra data is not a genesis and an entry, so nobody can say of what")
    return frames[0].body, frames[1].body


def _malformed(why: str) -> FormatError:
    return malformed("a receipt", why)
