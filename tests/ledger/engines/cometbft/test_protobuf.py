"""Fields and varints as the encoding's specification has them, and nothing else is read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collegium.errors import FormatError
from collegium.ledger.engines.cometbft.protobuf import (
    all_in,
    fixed,
    message,
    number,
    number_in,
    octets,
    octets_in,
    read,
    read_varint,
    repeated,
    text,
    text_in,
    varint,
)


def test_examples_of_the_specification() -> None:
    assert number(1, 150) == bytes.fromhex("089601")
    assert text(2, "testing") == bytes.fromhex("120774657374696e67")
    assert message(3, number(1, 150)) == bytes.fromhex("1a03089601")
    assert number(1, -2) == bytes.fromhex("08feffffffffffffffff01")


def test_defaults_are_not_written_and_an_empty_message_is() -> None:
    assert number(1, 0) + fixed(2, 0) + octets(3, b"") + text(4, "") == b""
    assert message(5, b"") == b"\x2a\0"


@given(st.integers(-(2**63), 2**63 - 1), st.binary(max_size=300), st.lists(st.binary(max_size=9)))
def test_what_is_written_is_read(value: int, data: bytes, several: list[bytes]) -> None:
    written = number(1, value) + fixed(2, value) + octets(3, data) + repeated(4, several)
    fields = read(written + text(90, "of a later version"))
    assert (number_in(fields, 1), number_in(fields, 2)) == (value, value)
    assert octets_in(fields, 3) == data
    assert all_in(fields, 4) == tuple(several)
    assert (number_in(fields, 5), octets_in(fields, 6)) == (0, b"")


@pytest.mark.parametrize(
    "data",
    [
        b"\x08", b"\x08" + b"\xff" * 10, b"\x08" + b"\xff" * 9 + b"\x7f", b"\x12\x05abc",
        b"\x09\x01", b"\x0b\x01", b"\x0f",
    ],
)  # fmt: skip
def test_what_ends_too_soon_or_is_of_an_old_type_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        read(data)


@given(st.binary(max_size=60))
def test_whatever_comes_nothing_else_is_raised(data: bytes) -> None:
    try:
        fields = read(data)
    except FormatError:
        return
    for field in fields:
        for get in (number_in, octets_in, text_in):
            try:
                get(fields, field)
            except FormatError:
                continue


def test_the_longest_varint() -> None:
    assert read_varint(varint(2**64 - 1), 0) == (2**64 - 1, 10)
