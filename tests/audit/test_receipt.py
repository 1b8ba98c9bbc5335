"""The file of a receipt: C2SP tlog-proof, written and read in its one form."""

from base64 import b64encode
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ledger.vectors import VECTORS

from collegium.audit.receipt import (
    LARGEST_RECEIPT,
    Receipt,
    decode_extra,
    decode_receipt,
    encode_extra,
    encode_receipt,
)
from collegium.errors import FormatError

ONE, TWO = (sha256(text).digest() for text in (b"hash1", b"hash2"))
B1, B2 = (b64encode(one).decode() for one in (ONE, TWO))
HEADER = "c2sp.org/tlog-proof@v1\n"

# As published with transparency-dev/formats, proof/tlog_proof_test.go.
PUBLISHED = [
    (Receipt(5, (ONE, TWO), "test checkpoint\n"),
     f"{HEADER}index 5\n{B1}\n{B2}\n\ntest checkpoint\n"),
    (Receipt(10, (ONE,), "checkpoint data\n", b"extra information"),
     f"{HEADER}extra ZXh0cmEgaW5mb3JtYXRpb24=\nindex 10\n{B1}\n\ncheckpoint data\n"),
    (Receipt(0, (), "checkpoint\n"), f"{HEADER}index 0\n\ncheckpoint\n"),
]  # fmt: skip


@pytest.mark.parametrize(("receipt", "text"), PUBLISHED)
def test_the_published_proofs(receipt: Receipt, text: str) -> None:
    assert encode_receipt(receipt) == text
    assert decode_receipt(text.encode()) == receipt


@pytest.mark.parametrize("number", range(2))
def test_the_worked_receipts(number: int) -> None:
    vector, ledger = VECTORS["receipts"][number], VECTORS["ledger"][number]
    receipt = decode_receipt(vector["receipt"].encode())
    assert encode_receipt(receipt) == vector["receipt"]
    genesis, entry = decode_extra(receipt.extra)
    assert (genesis.decode(), entry.hex()) == (ledger["genesis"], ledger["entry"])
    assert receipt.note == vector["cosigned"]


REFUSED = {
    "another header": "wrong-header\nindex 0\n\ncheckpoint\n",
    "a later version": "c2sp.org/tlog-proof@v2\nindex 0\n\ncheckpoint\n",
    "extra that is not base64": f"{HEADER}extra !!notbase64!!\nindex 0\n\ncheckpoint\n",
    "extra twice": f"{HEADER}extra AA==\nextra AA==\nindex 0\n\ncheckpoint\n",
    "extra after the index": f"{HEADER}index 0\nextra AA==\n\ncheckpoint\n",
    "no index": f"{HEADER}\n\ncheckpoint\n",
    "an index that is no number": f"{HEADER}index notanumber\n\ncheckpoint\n",
    "an index below": f"{HEADER}index -5\n\ncheckpoint\n",
    "an index in another form": f"{HEADER}index 05\n\ncheckpoint\n",
    "an index of other digits": f"{HEADER}index ٥\n\ncheckpoint\n",
    "a huge index": f"{HEADER}index {'9' * 5000}\n\ncheckpoint\n",
    "an index without its word": f"{HEADER}5\n\ncheckpoint\n",
    "a hash that is not base64": f"{HEADER}index 0\n!!notbase64!!\n\ncheckpoint\n",
    "a hash of another length": f"{HEADER}index 0\n{b64encode(bytes(64)).decode()}\n\ncheckpoint\n",
    "a hash in another spelling": f"{HEADER}index 0\n{B1[:-2]}{'B'}=\n\ncheckpoint\n",
    "too many hashes": f"{HEADER}index 0\n" + f"{B1}\n" * 65 + "\ncheckpoint\n",
    "no empty line": f"{HEADER}index 0\n{B1}\n",
    "carriage returns": f"{HEADER}index 0\n\ncheckpoint\n".replace("\n", "\r\n"),
    "a mark of byte order": f"\ufeff{HEADER}index 0\n\ncheckpoint\n",
    "the header alone": HEADER,
    "nothing": "",
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED.keys())
def test_other_forms_are_refused(text: str) -> None:
    with pytest.raises(FormatError):
        decode_receipt(text.encode())


def test_what_is_not_text_or_too_large_is_refused() -> None:
    with pytest.raises(FormatError):
        decode_receipt(HEADER.encode() + b"index 0\n\n\xff\n")
    with pytest.raises(FormatError, match="malformed"):
        decode_receipt(bytes(LARGEST_RECEIPT + 1))


@given(
    st.integers(0, 10**18),
    st.lists(st.binary(min_size=32, max_size=32), max_size=64),
    st.none() | st.binary(),
    st.text(st.characters(codec="utf-8")),
)
def test_every_receipt_is_read_back(
    index: int, proof: list[bytes], extra: bytes | None, note: str
) -> None:
    receipt = Receipt(index, tuple(proof), note, extra)
    assert decode_receipt(encode_receipt(receipt).encode()) == receipt


@given(st.binary())
def test_any_bytes_are_a_receipt_or_refused(data: bytes) -> None:
    for one in (data, HEADER.encode() + data, f"{HEADER}index 3\n".encode() + data):
        try:
            receipt = decode_receipt(one)
        except FormatError:
            continue
        assert encode_receipt(receipt).encode() == one


EXTRA = encode_extra(b"genesis", b"entry")


@pytest.mark.parametrize(
    "extra",
    [None, b"", EXTRA[:-1], EXTRA + b"\0", EXTRA[12:], EXTRA + EXTRA, EXTRA[12:] + EXTRA[:12]],
)
def test_extra_data_is_a_genesis_and_an_entry(extra: bytes | None) -> None:
    assert decode_extra(EXTRA) == (b"genesis", b"entry")
    with pytest.raises(FormatError):
        decode_extra(extra)
