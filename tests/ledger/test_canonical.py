"""One value has one byte string; docs/spec/1-values.md."""

import json
from typing import Annotated, Any
from unittest.mock import patch

import msgspec
import pytest
from examples import second_verifier
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.ledger.vectors import VECTORS

from collegium import canonical
from collegium.canonical import LARGEST_INTEGER, from_text, to_text
from collegium.errors import FormatError
from collegium.ledger.contract.transactions import AnyTransaction
from collegium.ledger.hashing import lp, tag, tagged_hash, u64

TRANSACTIONS = [vector["payload"] for vector in VECTORS["transaction"]]
BEYOND = [b"9" * 16, b"[" * 40, b"1", b"", b'"x":' + b"[" * 40 + b"]" * 40 + b","]
TRANSACTION: msgspec.json.Decoder[AnyTransaction] = msgspec.json.Decoder(AnyTransaction)
ANY = msgspec.json.Decoder(int | str | bool | list[Any] | dict[str, Any])
KNOWN = msgspec.json.Decoder(int | str | bool | list[int] | dict[str, int])

integers = st.integers(-LARGEST_INTEGER, LARGEST_INTEGER)
keys = st.text(st.characters(max_codepoint=127), max_size=6)
values = st.recursive(
    st.booleans() | integers | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize("vector", VECTORS["values"]["canonical_json"])
def test_the_worked_values_have_their_bytes(vector: dict[str, Any]) -> None:
    data = bytes.fromhex(vector["bytes"])
    assert canonical.encode(vector["value"]) == data
    assert canonical.decode(data, ANY, "a value") == vector["value"]
    assert second_verifier.parse(data) == vector["value"]


@pytest.mark.parametrize("text", VECTORS["values"]["refused_json"])
def test_other_spellings_and_kinds_are_refused(text: str) -> None:
    with pytest.raises(FormatError):
        canonical.decode(text.encode(), ANY if text[0] == "[" else KNOWN, "a value")
    with pytest.raises((ValueError, TypeError)):
        second_verifier.parse(text.encode())


@given(values)
def test_what_is_encoded_is_read_back_and_is_the_standards_form(value: Any) -> None:
    data = canonical.encode(value)
    assert canonical.decode(data, ANY, "a value") == value
    standard = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    assert data == standard.encode()


@given(values, st.sampled_from([{"indent": 1}, {"ensure_ascii": True}, {"sort_keys": False}]))
def test_another_spelling_of_a_value_is_refused(value: Any, style: dict[str, Any]) -> None:
    usual = {"ensure_ascii": False, "sort_keys": True, "separators": (",", ":")}
    other = json.dumps(value, **{**usual, **style}).encode()
    if other != canonical.encode(value):
        with pytest.raises(FormatError):
            canonical.decode(other, ANY, "a value")


@pytest.mark.parametrize(
    "text", ["9007199254740992", "-9007199254740992", '[1,{"a":9007199254740992}]', "9" * 400]
)
def test_integers_that_other_readers_would_round_are_refused(text: str) -> None:
    with pytest.raises(FormatError):
        canonical.decode(text.encode(), ANY, "a value")


@pytest.mark.parametrize("text", ["9007199254740991", '["9007199254740992"]', '"' + "1" * 43 + '"'])
def test_the_largest_integer_and_digits_in_strings_are_not(text: str) -> None:
    canonical.decode(text.encode(), ANY, "a value")


def test_the_second_verifier_refuses_keys_that_sort_differently_elsewhere() -> None:
    """Our own types have no field whose keys are free, so there is nothing to refuse."""
    with pytest.raises(ValueError, match="key"):
        second_verifier.parse('{"é":1}'.encode())


def test_nesting_is_bounded_and_brackets_in_strings_do_not_count() -> None:
    canonical.decode(b"[" * 32 + b"]" * 32, ANY, "a value")
    canonical.decode(b'["' + b"[" * 100 + b'\\""]', ANY, "a value")
    for depth in (33, 100_000):
        with pytest.raises(FormatError):
            canonical.decode(b"[" * depth + b"]" * depth, ANY, "a value")
        with pytest.raises(FormatError):
            canonical.decode(b"[" * depth, ANY, "a value")


class Free(msgspec.Struct, forbid_unknown_fields=True):
    """A type that leaves an integer open."""

    number: int


class Lenient(msgspec.Struct):
    """A type that reads over what it does not know."""

    number: Annotated[int, msgspec.Meta(ge=0, le=9)]


class Nested(msgspec.Struct, forbid_unknown_fields=True):
    """A type without an end."""

    inner: "Nested | str"


@pytest.mark.parametrize(
    "kind",
    [Free, Lenient, Nested, int, Any, list[Any], dict[str, str], tuple[int, ...]],
)
def test_only_a_type_that_bounds_itself_is_spared_the_search_for_what_is_beyond(kind: Any) -> None:
    assert not canonical.bounds_itself(msgspec.json.Decoder(kind))
    for decoder in (ANY, KNOWN):
        assert not canonical.bounds_itself(decoder)


def test_transactions_bound_themselves() -> None:
    assert canonical.bounds_itself(TRANSACTION)


@given(st.sampled_from(TRANSACTIONS), st.integers(0, 400), st.sampled_from(BEYOND))
def test_a_transaction_with_something_beyond_is_refused_either_way(
    payload: str, place: int, beyond: bytes
) -> None:
    """Decoding with the search and without it agrees, whatever is put where."""
    data = payload.encode()
    changed = data[:place] + beyond + data[place:]
    spared = read(changed)
    with patch.object(canonical, "bounds_itself", return_value=False):
        assert read(changed) == spared


def read(payload: bytes) -> Any:
    """What a transaction's bytes are decoded to, or that they are refused."""
    try:
        return canonical.decode(payload, TRANSACTION, "a transaction")
    except FormatError:
        return FormatError


def test_length_is_bounded() -> None:
    canonical.decode(b'"' + b"a" * (2**24 - 2) + b'"', ANY, "a value")
    with pytest.raises(FormatError):
        canonical.decode(b'"' + b"a" * (2**24 - 1) + b'"', ANY, "a value")


@given(st.binary(max_size=70))
def test_bytes_have_one_text(raw: bytes) -> None:
    text = to_text(raw)
    assert from_text(text, len(raw)) == raw == second_verifier.raw(text, len(raw))


@pytest.mark.parametrize("text", ["AA=", "AA==", "AB", "A", "A A", "A+", "A/", "ÄA", "AAA", "AA\n"])
def test_another_text_for_a_byte_is_refused(text: str) -> None:
    assert from_text("AA", 1) == b"\0"
    with pytest.raises(FormatError):
        from_text(text, 1)
    with pytest.raises(ValueError, match=r"base64|spelling|padding|ascii|ASCII"):
        second_verifier.raw(text, 1)


@given(st.text(max_size=50), st.integers(0, 40))
@settings(max_examples=300)
def test_any_text_is_read_or_refused(text: str, length: int) -> None:
    try:
        raw = from_text(text, length)
    except FormatError:
        return
    assert (to_text(raw), len(raw)) == (text, length)


def test_our_hashes_start_with_a_tag_and_delimit_their_parts() -> None:
    vector = VECTORS["values"]["tagged"]
    assert tag(vector["what"]).hex() == vector["tag"]
    assert [u64(7).hex(), lp(b"x").hex()] == vector["parts"]
    found = {hash_("example", u64(7), lp(b"x")).hex() for hash_ in HASHES}
    assert found == {vector["hash"]}


HASHES = (tagged_hash, second_verifier.tagged)
