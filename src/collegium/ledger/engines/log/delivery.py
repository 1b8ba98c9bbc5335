"""What travels between members and the sequencer: blocks as ledger.log has them, and notes.

docs/spec/10-log-engine.md. Everything is made of the frames of ledger.log, so a member's file and
what it sends or gets are the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from collegium.canonical import malformed
from collegium.ledger.frames import (
    BLOCK,
    CHECKPOINT,
    ENTRY,
    Block,
    Frame,
    block_at,
    decode_block,
    encode_frame,
    read_frames,
)

Promised = tuple[bytes, str]
"""A transaction, and the log's signed word on its place (`inclusion_promise`), or nothing."""


@dataclass(frozen=True, slots=True)
class Blocks:
    """Consecutive blocks, each with its bytes, and the log's note where they end at its head."""

    blocks: tuple[bytes, ...]
    headers: tuple[Block, ...]
    note: str | None


def encode_delivery(blocks: bytes, note: str | None) -> bytes:
    """Return blocks, and the log's note behind them where there is one."""
    return blocks if note is None else blocks + encode_frame(CHECKPOINT, note.encode())


def decode_delivery(data: bytes) -> Blocks:
    """Take blocks apart, as far as their frames go: nothing is replayed or believed here.

    Raises:
        FormatError: they are not whole blocks, each of entries and a block frame.
    """
    frames = list(_whole(data))
    note = None
    if frames and frames[-1].kind == CHECKPOINT:
        note = _text(frames.pop())
    blocks, headers, start, entries = [], [], 0, 0
    for frame in frames:
        if frame.kind == ENTRY:
            entries += 1
        elif frame.kind == BLOCK and entries:
            header = decode_block(frame.body)
            if header.count != entries:
                why = f"it counts {header.count} entries and has {entries}"
                raise malformed(block_at(header.first), why)
            blocks.append(data[start : frame.end])
            headers.append(header)
            start, entries = frame.end, 0
        else:
            raise malformed("a block", "a frame stands where none of its kind may")
    if entries:
        raise malformed("a block", "its block frame is missing")
    return Blocks(tuple(blocks), tuple(headers), note)


@dataclass(frozen=True, slots=True)
class MemberPosition:
    """What a member tells a sequencer that it has not talked to since that one's start.

    Attributes:
        final: its newest final note, empty before the first.
        tail: the block that it holds beyond what is final, or nothing.
        note: the log's note for that block with the member's own cosignature line, or empty.
    """

    final: str = ""
    tail: bytes = b""
    note: str = ""


def encode_position(standing: MemberPosition) -> bytes:
    """Return a standing's bytes."""
    before, after = (
        encode_frame(CHECKPOINT, note.encode()) for note in (standing.final, standing.note)
    )
    return before + standing.tail + after


def decode_position(data: bytes) -> MemberPosition:
    """Take a standing apart.

    Raises:
        FormatError: it is not two notes with a block or nothing between them.
    """
    frames = list(_whole(data))
    if len(frames) < 2 or not frames[0].kind == frames[-1].kind == CHECKPOINT:
        raise malformed("a standing", "it does not stand between two notes")
    tail = data[frames[0].end : frames[-1].start]
    if len(decode_delivery(tail).blocks) > 1:
        raise malformed("a standing", "it has more than one block")
    return MemberPosition(_text(frames[0]), tail, _text(frames[-1]))


def encode_envelopes(envelopes: Sequence[bytes]) -> bytes:
    """Return transactions behind each other, each after its u32 length."""
    return b"".join(len(one).to_bytes(4, "big") + one for one in envelopes)


def decode_envelopes(data: bytes) -> list[bytes]:
    """Take transactions apart; they are not looked at.

    Raises:
        FormatError: the lengths do not fill the bytes exactly.
    """
    found, position = [], 0
    while position < len(data):
        start = position + 4
        end = start + int.from_bytes(data[position:start], "big")
        if start > len(data) or end > len(data):
            raise malformed("a list of transactions", "its lengths do not fit its bytes")
        found.append(data[start:end])
        position = end
    return found


def encode_promised(promised: Iterable[Promised]) -> bytes:
    """Return transactions and the log's words on their places as an even list of envelopes."""
    return encode_envelopes([one for pair in promised for one in (pair[0], pair[1].encode())])


def decode_promised(data: bytes) -> list[Promised]:
    """Take transactions and words apart; they are not looked at.

    Raises:
        FormatError: they are no pairs, or a word is not UTF-8.
    """
    found = decode_envelopes(data)
    try:
        words = [one.decode() for one in found[1::2]]
        return list(zip(found[::2], words, strict=True))
    except ValueError as error:  # a UnicodeDecodeError is one
        raise malformed("a list of promises", str(error)) from error


def _whole(data: bytes) -> Iterator[Frame]:
    end = 0
    for frame in read_frames(data):
        yield frame
        end = frame.end
    if end != len(data):
        raise malformed("a delivery", "it ends within a frame")


def _text(frame: Frame) -> str:
    try:
        return frame.body.decode()
    except UnicodeDecodeError as error:
        raise malformed("a checkpoint", "it is not UTF-8") from error
