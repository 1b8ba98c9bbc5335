"""The file as frames; docs/spec/4-ledger.md."""

from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ledger.vectors import VECTORS

from collegium.errors import FormatError
from collegium.ledger.frames import (
    BLOCK,
    CHECKPOINT,
    ENTRY,
    GENESIS,
    LARGEST_FRAME,
    REFUSED,
    Block,
    acknowledged_end,
    application_hash,
    decode_block,
    decode_entry,
    decode_refusal,
    encode_entry,
    encode_frame,
    encode_refusal,
    entry_hash,
    holds_acknowledged,
    read_frames,
    refused_digest,
)

A_BLOCK = Block(b"p" * 32, 3, 2, b"s" * 32, b"a" * 32)
FILE = b"".join(
    encode_frame(kind, body)
    for kind, body in (
        (GENESIS, b"{}"),
        (ENTRY, encode_entry(b"{envelope}", b"[]")),
        (BLOCK, A_BLOCK.body()),
        (CHECKPOINT, b"collegium/ and so on"),
    )
)


@pytest.mark.parametrize("vector", VECTORS["ledger"])
def test_the_worked_files(vector: dict[str, Any]) -> None:
    genesis, entry, block, checkpoint = read_frames(bytes.fromhex(vector["file"]))
    assert genesis.body == vector["genesis"].encode()
    assert entry.body.hex() == vector["entry"]
    assert entry_hash(entry.body).hex() == vector["leaf_hash"]
    assert decode_entry(entry.body)[1].decode() == vector["events"]
    assert checkpoint.body.decode() == vector["checkpoint"]
    read = decode_block(block.body)
    assert (read.first, read.count, read.state_root.hex()) == (0, 1, vector["state_root"])
    assert read.app_hash.hex() == vector["app_hash"]
    log_root = bytes.fromhex(vector["log_root"])
    assert application_hash(read.state_root, 1, log_root) == read.app_hash
    assert read.digest().hex() == vector["block_hash"]


def test_frames_are_read_with_their_places() -> None:
    frames = list(read_frames(FILE))
    assert [frame.kind for frame in frames] == [GENESIS, ENTRY, BLOCK, CHECKPOINT]
    assert [frame.start for frame in frames] == [0, *(frame.end for frame in frames[:-1])]
    assert frames[-1].end == len(FILE)
    assert list(read_frames(FILE, frames[1].start)) == frames[1:]


@pytest.mark.parametrize("size", range(len(FILE)))
def test_half_a_frame_is_not_read(size: int) -> None:
    whole = [frame for frame in read_frames(FILE) if frame.end <= size]
    assert list(read_frames(FILE[:size])) == whole
    ends = [frame.end for frame in whole if frame.kind != ENTRY]
    assert acknowledged_end(FILE[:size]) == max(ends, default=0)


@pytest.mark.parametrize("kind", [0, 6, 255])
def test_an_unknown_frame_is_refused(kind: int) -> None:
    with pytest.raises(FormatError):
        list(read_frames(FILE + bytes([kind]) + bytes(4)))


def test_a_frame_is_at_most_16_mib() -> None:
    header = bytes([ENTRY])
    assert list(read_frames(header + LARGEST_FRAME.to_bytes(4, "big"))) == []
    with pytest.raises(FormatError):
        list(read_frames(header + (LARGEST_FRAME + 1).to_bytes(4, "big")))


def test_a_tail_with_a_whole_block_or_checkpoint_in_it_is_no_torn_write() -> None:
    genesis, entry, block, _ = read_frames(FILE)
    torn = FILE[genesis.end : block.end - 1]
    assert not holds_acknowledged(torn)
    assert not holds_acknowledged(FILE[block.end : -1])
    assert holds_acknowledged(FILE[genesis.end : block.end])
    assert holds_acknowledged(b"\xff" + FILE[entry.end : block.end])
    assert holds_acknowledged(b"\xff" + FILE[block.end :])
    assert not holds_acknowledged(b"collegium/")


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_an_entry_is_read_back(envelope: bytes, events: bytes) -> None:
    body = encode_entry(envelope, events)
    assert decode_entry(body) == (envelope, events)
    for other in (body[:-1], body + b"x", body[1:]):
        with suppress(FormatError):
            assert encode_entry(*decode_entry(other)) == other


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_a_block_is_read_back(first: int, count: int) -> None:
    block = Block(b"p" * 32, first, count, b"s" * 32, b"a" * 32)
    assert decode_block(block.body()) == block
    assert len(block.body()) == 208
    for body in (block.body()[:-1], block.body() + b"x", b""):
        with pytest.raises(FormatError):
            decode_block(body)


def test_every_part_of_a_block_counts_for_its_hash() -> None:
    others = [
        Block(b"q" * 32, 3, 2, b"s" * 32, b"a" * 32), Block(b"p" * 32, 4, 2, b"s" * 32, b"a" * 32),
        Block(b"p" * 32, 3, 3, b"s" * 32, b"a" * 32), Block(b"p" * 32, 3, 2, b"t" * 32, b"a" * 32),
        Block(b"p" * 32, 3, 2, b"s" * 32, b"b" * 32), replace(A_BLOCK, refused=b"r" * 32),
        replace(A_BLOCK, proposer="ada"), replace(A_BLOCK, certificate="ada"),
    ]  # fmt: skip
    assert len({one.digest() for one in (A_BLOCK, *others)}) == 9


NAMES = st.from_regex(r"\A(?:[a-z0-9][a-z0-9_-]{0,23})?\Z")


@given(NAMES, NAMES)
def test_the_names_of_a_block_have_one_form(proposer: str, certificate: str) -> None:
    block = replace(A_BLOCK, proposer=proposer, certificate=certificate)
    assert decode_block(block.body()) == block
    body = block.body()
    for at in (144, 184):
        for wrong in (b"\0x", b"X", b"\xff", b"a\0b", b"-"):
            with pytest.raises(FormatError):
                decode_block(body[:at] + wrong.ljust(24, b"\0") + body[at + 24 :])


@given(st.binary(max_size=40), st.sampled_from(["already", "malformed"]))
def test_a_refusal_is_read_back(envelope: bytes, code: str) -> None:
    body = encode_refusal(code, envelope)
    assert decode_refusal(body) == (code, envelope)
    for other in (body[:-1], body + b" ", body.replace(b'"code"', b'"kode"')):
        with pytest.raises(FormatError):
            decode_refusal(other)


def test_a_refusal_never_looks_like_a_block() -> None:
    hidden = encode_frame(BLOCK, A_BLOCK.body())
    torn = encode_frame(REFUSED, encode_refusal("malformed", hidden))
    assert holds_acknowledged(hidden)
    assert not holds_acknowledged(torn)
    assert acknowledged_end(FILE + torn) == len(FILE)


def test_what_a_block_refuses_is_bound_in_its_order_and_place() -> None:
    one, two = encode_refusal("already", b"one"), encode_refusal("stale", b"two")
    said = [
        [], [(0, one)], [(1, one)], [(0, one), (0, two)], [(0, two), (0, one)], [(0, one), (1, two)]
    ]  # fmt: skip
    assert len({refused_digest(refusals) for refusals in said}) == len(said)
    (vector, _) = VECTORS["ledger"]
    assert refused_digest([(1, vector["refusal"].encode())]).hex() == vector["refused"]
    block = decode_block(bytes.fromhex(vector["block_with_refusal"]))
    assert (block.count, block.refused.hex()) == (0, vector["refused"])
    assert (block.proposer, block.certificate) == ("ada", "example@1")
    assert block.digest().hex() == vector["block_with_refusal_hash"]
