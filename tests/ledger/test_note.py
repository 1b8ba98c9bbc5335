"""Checkpoints as C2SP signed notes; docs/spec/5-checkpoint.md."""

from base64 import b64encode
from typing import Any

import pytest
from examples import second_verifier
from hypothesis import given
from hypothesis import strategies as st
from tests.ledger.vectors import PUBLISHED, VECTORS

from collegium.canonical import to_text
from collegium.errors import FormatError
from collegium.ledger.keys import signature_holds, signing_key
from collegium.ledger.note import (
    Checkpoint,
    note_key_hash,
    open_checkpoint,
    origin_of,
    parse_verifier_key,
    sign_checkpoint,
    verifier_key,
)

KEY = signing_key(b"\1" * 32)
OTHER = signing_key(b"\2" * 32)
GENESIS = bytes(32)
CHECKPOINT = Checkpoint(origin_of(GENESIS), 7, b"r" * 32, b"b" * 32)
NOTE = sign_checkpoint(CHECKPOINT, KEY)
TEXT, LINE = NOTE.split("\n\n")


def opened(note: str) -> Checkpoint:
    return open_checkpoint(note, CHECKPOINT.origin, KEY.public)


def by_the_second(note: str) -> Any:
    """What the second verifier reads in a note, or None where it refuses it."""
    history = second_verifier.History({"log": to_text(KEY.public)}, GENESIS, GENESIS)
    try:
        return second_verifier.open_checkpoint(history, note)
    except Exception:
        return None


def test_the_published_note() -> None:
    vector = PUBLISHED["signed_note"]
    name, public = parse_verifier_key(vector["verifier_key"])
    assert verifier_key(name, public) == vector["verifier_key"]
    text, _, line = vector["note"].partition("\n\n")
    dash, signer, encoded = line.split()
    raw = second_verifier.standard(encoded)
    assert (dash, signer) == ("\N{EM DASH}", name)
    assert raw[:4] == note_key_hash(name, public)
    assert signature_holds(public, f"{text}\n".encode(), raw[4:])


@pytest.mark.parametrize("vector", VECTORS["ledger"])
def test_the_worked_checkpoints(vector: dict[str, Any]) -> None:
    origin, public = parse_verifier_key(vector["verifier_key"])
    checkpoint = open_checkpoint(vector["checkpoint"], origin, public)
    assert (checkpoint.size, checkpoint.root.hex()) == (1, vector["log_root"])
    assert checkpoint.extension.hex() == vector["block_hash"]


def test_what_is_signed_is_read_back() -> None:
    assert opened(NOTE) == CHECKPOINT
    assert by_the_second(NOTE) == (7, b"r" * 32, b"b" * 32)
    assert NOTE.split("\n")[:2] == [f"collegium/{'00' * 32}", "7"]


@pytest.mark.parametrize("index", range(len(NOTE)))
def test_every_character_counts(index: int) -> None:
    changed = NOTE[:index] + chr(ord(NOTE[index]) ^ 1) + NOTE[index + 1 :]
    with pytest.raises(FormatError):
        opened(changed)
    assert by_the_second(changed) is None


STRANGER = sign_checkpoint(CHECKPOINT, OTHER).split("\n\n")[1]  # the same name, another key
WITNESS = LINE.replace(CHECKPOINT.origin, "witness.example")


@pytest.mark.parametrize("line", [STRANGER, WITNESS])
@pytest.mark.parametrize("first", [True, False])
def test_signatures_by_others_are_ignored(line: str, *, first: bool) -> None:
    note = f"{TEXT}\n\n" + (line + LINE if first else LINE + line)
    assert opened(note) == CHECKPOINT
    assert by_the_second(note) is not None


def test_a_signature_of_another_kind_under_the_same_name_is_ignored() -> None:
    cosigned = f"{TEXT}\n\n\N{EM DASH} {CHECKPOINT.origin} {'AAAA' * 26}\n{LINE}"
    assert opened(cosigned) == CHECKPOINT
    assert by_the_second(cosigned) is not None


REFUSED = {
    "no signature": f"{TEXT}\n\n",
    "no blank line": NOTE.replace("\n\n", "\n"),
    "another's signature": f"{TEXT}\n\n{STRANGER}",
    "no final newline": NOTE[:-1],
    "another log": NOTE.replace("collegium/0", "collegium/1"),
    "a hyphen for the dash": NOTE.replace("\N{EM DASH}", "-"),
    "a line that is none": NOTE + "and so on\n",
    "a false signature before a good one": NOTE.replace(
        LINE, LINE.replace(LINE[-6:-3], "AAA") + LINE
    ),
    "an empty note": "",
}


@pytest.mark.parametrize("note", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_checkpoint_of_the_log_is_refused(note: str) -> None:
    with pytest.raises(FormatError):
        opened(note)
    assert by_the_second(note) is None


@pytest.mark.parametrize(
    ("before", "after"),
    [("\n7\n", "\n07\n"), ("\n7\n", "\n-7\n"), ("\n7\n", "\n٧\n"), ("\n7\n", "\n\n"),
     ("\n7\n", "\n" + "9" * 20 + "\n"), ("\n7\n", "\n7\n7\n"), ("\n7\n", "\n")],
)  # fmt: skip
def test_a_signed_text_in_another_form_is_refused(before: str, after: str) -> None:
    text = CHECKPOINT.text().replace(before, after)
    signature = note_key_hash(CHECKPOINT.origin, KEY.public) + KEY.sign(text.encode())
    encoded = b64encode(signature).decode()
    note = f"{text}\n\N{EM DASH} {CHECKPOINT.origin} {encoded}\n"
    with pytest.raises(FormatError):
        opened(note)
    assert by_the_second(note) is None


def test_a_verifier_key_has_one_form() -> None:
    text = verifier_key("log.example", KEY.public)
    assert parse_verifier_key(text) == ("log.example", KEY.public)
    for other in (
        text[:-1],
        text[1:],
        text + "=",
        text.replace("+A", "+B"),
        "é" + text,
        "+" + text,
    ):
        with pytest.raises(FormatError):
            parse_verifier_key(other)


@given(st.text() | st.text("\n— +/=A0collegium"))
def test_any_text_is_read_or_refused(text: str) -> None:
    with pytest.raises(FormatError):
        opened(text)
    with pytest.raises(FormatError):
        parse_verifier_key(text)
