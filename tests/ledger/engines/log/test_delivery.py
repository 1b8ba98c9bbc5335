"""What travels is whole blocks and notes, or it is refused; nothing raises anything else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collegium.errors import FormatError
from collegium.ledger.engines.log.delivery import (
    MemberPosition,
    decode_delivery,
    decode_envelopes,
    decode_position,
    encode_delivery,
    encode_envelopes,
    encode_position,
)
from collegium.ledger.frames import BLOCK, CHECKPOINT, ENTRY, GENESIS, Block, encode_frame


def block(count: int, said: int | None = None) -> bytes:
    header = Block(bytes(32), 0, count if said is None else said, bytes(32), bytes(32))
    entries = b"".join(encode_frame(ENTRY, b"entry %d" % number) for number in range(count))
    return entries + encode_frame(BLOCK, header.body())


def test_a_delivery_comes_back() -> None:
    delivery = decode_delivery(encode_delivery(block(1) + block(3), "note\n"))
    assert delivery.blocks == (block(1), block(3))
    assert [header.count for header in delivery.headers] == [1, 3]
    assert delivery.note == "note\n"
    assert decode_delivery(b"").blocks == ()


@pytest.mark.parametrize(
    "data",
    [
        block(1)[:-1],
        encode_frame(ENTRY, b"without a block"),
        block(0),
        block(2, said=3),
        encode_frame(GENESIS, b"{}") + block(1),
        encode_frame(CHECKPOINT, b"note") + block(1),
        encode_frame(CHECKPOINT, b"\xff"),
        encode_frame(BLOCK, b"short"),
        b"\x09\0\0\0\0",
        b"\x02\xff\xff\xff\xff",
    ],
)
def test_what_is_not_whole_blocks_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        decode_delivery(data)


@given(st.binary(max_size=200))
def test_any_bytes_are_taken_apart_or_refused(data: bytes) -> None:
    for decode in (decode_delivery, decode_position, decode_envelopes):
        try:
            decode(data)
        except FormatError:
            continue


@given(st.lists(st.binary(max_size=40), max_size=5))
def test_transactions_come_back(envelopes: list[bytes]) -> None:
    assert decode_envelopes(encode_envelopes(envelopes)) == envelopes


@pytest.mark.parametrize(
    "standing",
    [MemberPosition(), MemberPosition("final\n"), MemberPosition("final\n", block(2), "note\n")],
)
def test_a_standing_comes_back(standing: MemberPosition) -> None:
    assert decode_position(encode_position(standing)) == standing


def test_a_standing_has_one_block_at_most() -> None:
    with pytest.raises(FormatError):
        decode_position(encode_position(MemberPosition("", block(1) + block(1), "note\n")))
