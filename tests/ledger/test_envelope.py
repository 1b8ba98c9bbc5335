"""A transaction has one form, and what DSSE says is signed; docs/spec/2-transaction.md."""

from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ledger.vectors import PUBLISHED, VECTORS

from collegium.errors import FormatError
from collegium.ledger.envelope import (
    LARGEST_ENVELOPE,
    Envelope,
    decode_envelope,
    encode_envelope,
    pre_authentication_encoding,
    sign_envelope,
)
from collegium.ledger.keys import key_id, signature_holds, signing_key

KEY = signing_key(bytes(32))
DATA = sign_envelope(b'{"kind":"x"}', KEY)
KEY_HEX = key_id(KEY.public).hex().encode()


def test_the_standards_own_example() -> None:
    dsse = PUBLISHED["dsse"]
    found = pre_authentication_encoding(dsse["payload"].encode(), dsse["payload_type"])
    assert found == dsse["pae"].encode()


@pytest.mark.parametrize("vector", VECTORS["transaction"])
def test_the_worked_transactions(vector: dict[str, Any]) -> None:
    envelope = decode_envelope(vector["envelope"].encode())
    assert envelope.payload == vector["payload"].encode()
    assert envelope.signed_bytes == vector["pae"].encode()
    assert envelope.key_id.hex() == vector["key_id"]
    assert envelope.signature.hex() == vector["signature"]
    assert envelope.transaction_id.hex() == vector["id"]
    assert key_id(bytes.fromhex(vector["public"])) == envelope.key_id
    assert signature_holds(
        bytes.fromhex(vector["public"]), envelope.signed_bytes, envelope.signature
    )


@given(st.binary(max_size=300))
def test_what_is_signed_is_read_back(payload: bytes) -> None:
    envelope = decode_envelope(sign_envelope(payload, KEY))
    assert envelope.payload == payload
    assert signature_holds(KEY.public, envelope.signed_bytes, envelope.signature)


def test_the_id_depends_on_the_payload_and_the_key_and_not_on_the_signature() -> None:
    first = Envelope(b"a", bytes(32), bytes(64))
    assert first.transaction_id == Envelope(b"a", bytes(32), b"\1" * 64).transaction_id
    assert first.transaction_id != Envelope(b"b", bytes(32), bytes(64)).transaction_id
    assert first.transaction_id != Envelope(b"a", b"\1" * 32, bytes(64)).transaction_id


OTHER_FORMS = {
    "white space": DATA.replace(b'","', b'", "'),
    "a final newline": DATA + b"\n",
    "another order of keys": b'{"payloadType":"application/vnd.collegium.tx+json","payload":'
    + DATA[11:],
    "another type": DATA.replace(b"collegium.tx", b"collegium.ty"),
    "no signature": DATA[: DATA.index(b"[")] + b"[]}",
    "two signatures": DATA[:-2] + b"," + DATA[DATA.index(b'{"keyid"') :],
    "an upper-case key id": DATA.replace(KEY_HEX, KEY_HEX.upper()),
    "a short key id": DATA.replace(KEY_HEX, KEY_HEX[:-2]),
    "a short signature": DATA.replace(DATA[-92:-4], b64encode(bytes(63))),
    "a long signature": DATA.replace(DATA[-92:-4], b64encode(bytes(65))),
    "base64 without padding": DATA.replace(b'=="}]}', b'"}]}'),
    "base64 with unused bits": DATA[:-7] + bytes([DATA[-7] + 1]) + DATA[-6:],
    "base64url": DATA.replace(b"+", b"-", 1) if b"+" in DATA[100:] else DATA.replace(b"/", b"_", 1),
    "an unknown field": DATA[:-1] + b',"x":1}',
    "nothing": b"",
}  # fmt: skip


@pytest.mark.parametrize("data", OTHER_FORMS.values(), ids=OTHER_FORMS.keys())
def test_every_other_form_is_refused(data: bytes) -> None:
    assert data != DATA
    with pytest.raises(FormatError):
        decode_envelope(data)


def test_an_envelope_is_at_most_16_kib() -> None:
    room = (LARGEST_ENVELOPE - len(sign_envelope(b"", KEY))) // 4 * 3
    assert len(sign_envelope(b"x" * room, KEY)) <= LARGEST_ENVELOPE
    decode_envelope(sign_envelope(b"x" * room, KEY))
    with pytest.raises(FormatError) as caught:
        decode_envelope(sign_envelope(b"x" * (room + 3), KEY))
    assert caught.value.code == "format.too-long"


@given(st.integers(0, len(DATA) - 1), st.integers(0, 255))
def test_a_changed_byte_is_refused_or_is_another_envelope(index: int, byte: int) -> None:
    changed = DATA[:index] + bytes([byte]) + DATA[index + 1 :]
    try:
        envelope = decode_envelope(changed)
    except FormatError:
        return
    assert encode_envelope(envelope) == changed
