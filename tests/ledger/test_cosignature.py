"""Cosignatures of checkpoints, C2SP tlog-cosignature v1; docs/spec/5-checkpoint.md."""

from base64 import b64decode, b64encode
from contextlib import suppress
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from tests.ledger.vectors import PUBLISHED

from collegium.errors import FormatError
from collegium.ledger.cosignature import cosign, cosignatures, cosigner_name
from collegium.ledger.keys import signing_key
from collegium.ledger.note import (
    COSIGNATURE,
    Checkpoint,
    open_checkpoint,
    origin_of,
    parse_verifier_key,
    sign_checkpoint,
    verifier_key,
)

LOG, ADA, BO = (signing_key(bytes((number,)) * 32) for number in (1, 2, 3))
CHECKPOINT = Checkpoint(origin_of(bytes(32)), 7, b"r" * 32, b"b" * 32)
NOTE = sign_checkpoint(CHECKPOINT, LOG)
NAME_ADA, NAME_BO = (cosigner_name(CHECKPOINT.origin, member) for member in ("ada", "bo"))
KEYS = {NAME_ADA: ADA.public, NAME_BO: BO.public}
LINE = cosign(CHECKPOINT, NAME_ADA, ADA, 1700000000)


def test_a_line_made_by_hand_from_the_standard() -> None:
    private = Ed25519PrivateKey.from_private_bytes(b"\2" * 32)
    zeros = "0" * 64
    text = (
        f"collegium/{zeros}\n7\n"
        "cnJycnJycnJycnJycnJycnJycnJycnJycnJycnJycnI=\n"
        "YmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmI=\n"
    )
    signature = private.sign(b"cosignature/v1\ntime 1700000000\n" + text.encode())
    public = private.public_key().public_bytes_raw()
    name = f"collegium/{zeros}/ada"
    key_hash = sha256(name.encode() + b"\n\x04" + public).digest()[:4]
    blob = key_hash + bytes.fromhex("000000006553f100") + signature
    assert f"\N{EM DASH} {name} {b64encode(blob).decode()}\n" == LINE


def test_the_published_note_that_four_witnesses_cosigned() -> None:
    vector = PUBLISHED["cosigned_note"]
    keys = dict(parse_verifier_key(text, COSIGNATURE) for text in vector["witnesses"])
    times = cosignatures(vector["note"], keys)
    assert times == dict.fromkeys(keys, vector["time"])
    assert len(times) == 4
    larger = vector["note"].replace("1432088532", "1432088533")
    with pytest.raises(FormatError):
        cosignatures(larger, keys)


def test_who_cosigned_and_when() -> None:
    bo = cosign(CHECKPOINT, NAME_BO, BO, 1700000001)
    assert cosignatures(NOTE, KEYS) == {}
    assert cosignatures(NOTE + LINE, KEYS) == {NAME_ADA: 1700000000}
    both = {NAME_ADA: 1700000000, NAME_BO: 1700000001}
    assert cosignatures(NOTE + bo + LINE, KEYS) == both
    assert cosignatures(NOTE + bo + LINE, {NAME_BO: BO.public}) == {NAME_BO: 1700000001}


def test_the_last_of_several_times_counts() -> None:
    lines = [cosign(CHECKPOINT, NAME_ADA, ADA, seconds) for seconds in (5, 9, 7)]
    assert cosignatures(NOTE + "".join(lines), KEYS) == {NAME_ADA: 9}


def test_a_cosigned_note_is_still_the_logs_checkpoint() -> None:
    opened = open_checkpoint(NOTE + LINE, CHECKPOINT.origin, LOG.public)
    assert opened == CHECKPOINT


def test_lines_by_unknown_keys_are_passed_over() -> None:
    rotated = cosign(CHECKPOINT, NAME_ADA, BO, 1)  # the known name, another key
    stranger = cosign(CHECKPOINT, "witness.example/w1", ADA, 1)
    assert cosignatures(NOTE + rotated + stranger, KEYS) == {}


def test_a_plain_note_signature_by_the_members_key_is_no_cosignature() -> None:
    text = sign_checkpoint(Checkpoint(NAME_ADA, 7, b"r" * 32, b"b" * 32), ADA)
    assert cosignatures(text, KEYS) == {}


def blob_of(line: str) -> bytes:
    return b64decode(line.split(" ")[2])


def line_of(blob: bytes) -> str:
    return f"\N{EM DASH} {NAME_ADA} {b64encode(blob).decode()}\n"


@pytest.mark.parametrize("index", range(4, 76))
def test_every_byte_of_a_known_keys_line_counts(index: int) -> None:
    blob = bytearray(blob_of(LINE))
    blob[index] ^= 1
    with pytest.raises(FormatError, match=r"format\.malformed"):
        cosignatures(NOTE + line_of(bytes(blob)), KEYS)


def test_a_bad_line_spoils_the_note_even_beside_a_good_one() -> None:
    bad = line_of(blob_of(LINE)[:-1] + b"\0")
    for note in (NOTE + LINE + bad, NOTE + bad + LINE):
        with pytest.raises(FormatError):
            cosignatures(note, KEYS)


@pytest.mark.parametrize(
    "other",
    [
        Checkpoint(origin_of(b"\1" * 32), 7, b"r" * 32, b"b" * 32),
        Checkpoint(CHECKPOINT.origin, 8, b"r" * 32, b"b" * 32),
        Checkpoint(CHECKPOINT.origin, 7, b"s" * 32, b"b" * 32),
        Checkpoint(CHECKPOINT.origin, 7, b"r" * 32, b"c" * 32),
    ],
    ids=["origin", "size", "root", "block"],
)
def test_a_cosignature_holds_for_one_text_only(other: Checkpoint) -> None:
    with pytest.raises(FormatError):
        cosignatures(sign_checkpoint(other, LOG) + LINE, KEYS)


REFUSED = {
    "shorter": line_of(blob_of(LINE)[:-1]),
    "longer": line_of(blob_of(LINE) + b"\0"),
    "only a key hash": line_of(blob_of(LINE)[:4]),
    "not base64": f"\N{EM DASH} {NAME_ADA} ----\n",
    "another spelling of the base64": LINE.replace("\n", "=\n"),
    "no dash": LINE[2:],
    "no final newline": LINE[:-1],
    "a carriage return": LINE.replace("\n", "\r\n"),
}


@pytest.mark.parametrize("line", REFUSED.values(), ids=REFUSED.keys())
def test_other_forms_are_refused(line: str) -> None:
    with pytest.raises(FormatError):
        cosignatures(NOTE + line, KEYS)


def test_a_time_beyond_the_standards_is_refused() -> None:
    late = cosign(CHECKPOINT, NAME_ADA, ADA, 2**63)
    with pytest.raises(FormatError):
        cosignatures(NOTE + late, KEYS)
    last = cosign(CHECKPOINT, NAME_ADA, ADA, 2**63 - 1)
    assert cosignatures(NOTE + last, KEYS) == {NAME_ADA: 2**63 - 1}


def test_a_cosigners_verifier_key_has_its_own_type() -> None:
    text = verifier_key(NAME_ADA, ADA.public, COSIGNATURE)
    assert parse_verifier_key(text, COSIGNATURE) == (NAME_ADA, ADA.public)
    assert b64decode(text.split("+", 2)[2])[:1] == b"\4"
    with pytest.raises(FormatError):
        parse_verifier_key(text)
    with pytest.raises(FormatError):
        parse_verifier_key(verifier_key(NAME_ADA, ADA.public), COSIGNATURE)


@given(st.text() | st.text("\n— +/=A0collegium"))
def test_any_text_is_read_or_refused(text: str) -> None:
    for note in (text, NOTE + text):
        with suppress(FormatError):
            assert cosignatures(note, KEYS) == {}
