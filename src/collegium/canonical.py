"""Canonical JSON: one byte string for one value; docs/spec/1-values.md.

RFC 8785 restricted to what needs no number formatting: no floats, integers within
±(2^53 - 1), ASCII keys, so that sorting by UTF-8 is the standard's order. Decoding re-encodes
and compares, so whatever was decoded has exactly one form.
"""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64
from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar

import msgspec

from collegium.errors import FormatError

T = TypeVar("T")

LARGEST_INTEGER = 2**53 - 1
DEEPEST_NESTING = 32
LONGEST_DOCUMENT = 16 * 2**20

_ENCODER = msgspec.json.Encoder(order="sorted")
encode: Callable[[Any], bytes] = _ENCODER.encode
"""Return the canonical bytes of a value made of structs, dicts, lists, str, int and bool."""


def decode(data: bytes, decoder: msgspec.json.Decoder[T], what: str) -> T:
    """Decode canonical JSON into the decoder's type, refusing every other form of it.

    Args:
        data: the bytes, at most `LONGEST_DOCUMENT` long and `DEEPEST_NESTING` deep.
        decoder: a msgspec decoder of frozen, strict structs.
        what: the thing's name for the error message.

    Raises:
        FormatError: the bytes are not the canonical form of a value of that type.
    """
    if len(data) > LONGEST_DOCUMENT:
        raise malformed(what, "it is larger than the format allows")
    skeleton = b"" if bounds_itself(decoder) else data.translate(_TO_SKELETON)
    if skeleton and skeleton.count(b"{") > DEEPEST_NESTING and _deep(data):
        raise malformed(what, "it is more deeply nested than the format allows")
    try:
        value = decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeError, RecursionError, ValueError) as error:
        raise malformed(what, str(error)) from error
    try:
        again = encode(value)
    except (UnicodeError, RecursionError, OverflowError) as error:
        raise malformed(what, str(error)) from error
    if again != data:
        raise malformed(what, "the bytes are not the canonical form of what they say")
    if _SIXTEEN_DIGITS in skeleton and _largest(msgspec.json.decode(data)) > LARGEST_INTEGER:
        raise malformed(what, "an integer is beyond 2^53 - 1")
    return value


def malformed(what: str, why: str) -> FormatError:
    """Return the error for bytes that are not a well-formed `what`."""
    return FormatError(
        "format.malformed",
        f"{what} is malformed",
        why,
        "obtain the original bytes; docs/spec/ describes the format",
    )


@lru_cache(maxsize=64)
def bounds_itself(decoder: msgspec.json.Decoder[Any]) -> bool:
    """Whether a decoder's type alone keeps nesting and integers within the format's bounds."""
    return _bounded(msgspec.inspect.type_info(decoder.type), DEEPEST_NESTING)


def _bounded(kind: msgspec.inspect.Type, levels: int) -> bool:
    """Whether no value of a type nests deeper than so many levels or holds too large an integer."""
    match kind:
        case msgspec.inspect.IntType(ge=int(least), le=int(most)):
            return least >= -LARGEST_INTEGER and most <= LARGEST_INTEGER
        case msgspec.inspect.StructType(fields=fields, forbid_unknown_fields=True):
            inner = [field.type for field in fields]
            return levels > 0 and all(_bounded(field, levels - 1) for field in inner)
        case msgspec.inspect.UnionType(types=types):
            return all(_bounded(one, levels) for one in types)
        case msgspec.inspect.VarTupleType(item_type=item):
            return levels > 0 and _bounded(item, levels - 1)
        case msgspec.inspect.LiteralType(values=values):
            return _largest(list(values)) <= LARGEST_INTEGER
        case _:
            leaves = (msgspec.inspect.StrType, msgspec.inspect.BoolType)
            return isinstance(kind, leaves)


_TO_SKELETON = bytes.maketrans(b"123456789[", b"000000000{")
_SIXTEEN_DIGITS = b"0" * 16


def _largest(value: Any) -> int:
    """Return the largest magnitude among a JSON value's integers."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return max(map(_largest, value), default=0)
    return abs(value) if isinstance(value, int) else 0


def _deep(data: bytes) -> bool:
    """Whether JSON could nest deeper than allowed, judged by its brackets outside of decoding."""
    depth = 0
    quoted = escaped = False
    for byte in data:
        if quoted:
            if escaped:
                escaped = False
            elif byte == 0x5C:
                escaped = True
            elif byte == 0x22:
                quoted = False
        elif byte == 0x22:
            quoted = True
        elif byte in b"[{":
            depth += 1
            if depth > DEEPEST_NESTING:
                return True
        elif byte in b"]}":
            depth -= 1
    return False


def to_text(raw: bytes) -> str:
    """Return base64url without padding, the form of bytes inside canonical JSON."""
    return b2a_base64(raw, newline=False).translate(_TO_URL_SAFE, b"=").decode("ascii")


_TO_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_FROM_URL_SAFE = bytes.maketrans(b"-_+/=", b"+/!!!")  # "!" is in neither alphabet


def from_text(text: str, length: int, what: str = "a value") -> bytes:
    """Return the bytes behind base64url text, which must be canonical and of that length.

    Raises:
        FormatError: another length, alphabet or a second spelling of the same bytes.
    """
    try:
        standard = text.encode("ascii").translate(_FROM_URL_SAFE) + b"=" * (-len(text) % 4)
        raw = a2b_base64(standard)
    except (ValueError, UnicodeError) as error:
        raise malformed(what, f"{text[:60]!r} is not base64url") from error
    if len(raw) != length or b2a_base64(raw, newline=False) != standard:
        raise malformed(what, f"{text[:60]!r} is not {length} bytes in canonical base64url")
    return raw
