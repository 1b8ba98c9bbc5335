"""Protocol Buffers, version 3, as far as messages of CometBFT need them.

https://protobuf.dev/programming-guides/encoding/: a message is fields, each a number, a wire type
and a value. What has its default value is not written. A decoded message is its values by number,
in order; who reads one asks for the numbers that it knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from collegium.canonical import malformed

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""Wire types."""

LONGEST_VARINT = 10

Fields = Mapping[int, Sequence[int | bytes]]
"""A decoded message: its values by number; a varint and a fixed one are integers of 64 bits."""

_MASK = 2**64 - 1


def varint(value: int) -> bytes:
    """Return an integer of 64 bits as a varint; a negative one is its two's complement."""
    value &= _MASK
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """Return the varint at a place, and where it ends.

    Raises:
        FormatError: it does not end, or is longer than 64 bits.
    """
    value, shift = 0, 0
    for place in range(at, min(at + LONGEST_VARINT, len(data))):
        value |= (data[place] & 0x7F) << shift
        if data[place] < 0x80:
            if value > _MASK:
                break
            return value, place + 1
        shift += 7
    raise malformed("a message", "a varint in it does not end")


def number(field: int, value: int) -> bytes:
    """Return an integer, an enumeration's value or a truth value as a field."""
    return varint(field << 3 | VARINT) + varint(value) if value else b""


def fixed(field: int, value: int) -> bytes:
    """Return an integer as a field of type sfixed64."""
    if not value:
        return b""
    return varint(field << 3 | FIXED64) + (value & _MASK).to_bytes(8, "little")


def octets(field: int, value: bytes) -> bytes:
    """Return bytes as a field."""
    return message(field, value) if value else b""


def text(field: int, value: str) -> bytes:
    """Return a text as a field."""
    return octets(field, value.encode())


def message(field: int, value: bytes) -> bytes:
    """Return a message as a field, also one that is empty: unlike bytes, it is then there."""
    return varint(field << 3 | BYTES) + varint(len(value)) + value


def repeated(field: int, values: Iterable[bytes]) -> bytes:
    """Return several messages, or bytes, as one field."""
    return b"".join(message(field, value) for value in values)


def delimited(value: bytes) -> bytes:
    """Return a message with its length before it, as it travels in a stream."""
    return varint(len(value)) + value


def read(data: bytes) -> dict[int, list[int | bytes]]:
    """Return a message's values by number.

    Raises:
        FormatError: it is none.
    """
    found: dict[int, list[int | bytes]] = {}
    at = 0
    while at < len(data):
        key, at = read_varint(data, at)
        wire, field = key & 7, key >> 3
        value: int | bytes
        if wire == VARINT:
            value, at = read_varint(data, at)
        else:
            if wire == BYTES:
                length, at = read_varint(data, at)
            elif wire in (FIXED64, FIXED32):
                length = 8 if wire == FIXED64 else 4
            else:
                raise malformed("a message", f"it has a field of wire type {wire}")
            value = data[at : at + length]
            if len(value) != length:
                raise malformed("a message", "it ends within a field")
            at += length
            if wire != BYTES:
                value = int.from_bytes(value, "little")
        found.setdefault(field, []).append(value)
    return found


def number_in(fields: Fields, field: int) -> int:
    """Return an integer of 64 bits with its sign, 0 where it is not there.

    Raises:
        FormatError: it is something else.
    """
    value = fields.get(field, (0,))[-1]
    if not isinstance(value, int):
        raise malformed("a message", f"its field {field} is no number")
    return value - 2**64 if value >= 2**63 else value


def octets_in(fields: Fields, field: int) -> bytes:
    """Return bytes, or a message; empty where it is not there.

    Raises:
        FormatError: it is something else.
    """
    values = all_in(fields, field)
    return values[-1] if values else b""


def all_in(fields: Fields, field: int) -> tuple[bytes, ...]:
    """Return the bytes or messages of a field, in order.

    Raises:
        FormatError: they are something else.
    """
    values = fields.get(field, ())
    if not all(isinstance(value, bytes) for value in values):
        raise malformed("a message", f"its field {field} is no bytes")
    return tuple(value for value in values if isinstance(value, bytes))


def text_in(fields: Fields, field: int) -> str:
    """Return a text, empty where it is not there.

    Raises:
        FormatError: it is something else.
    """
    try:
        return octets_in(fields, field).decode()
    except UnicodeDecodeError as error:
        raise malformed("a message", f"its field {field} is no text") from error
