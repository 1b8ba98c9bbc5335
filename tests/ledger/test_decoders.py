"""Whatever bytes come, a decoder returns a value or says that they are not in its format."""

from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.ledger.vectors import VECTORS

from collegium import canonical
from collegium.canonical import to_text
from collegium.errors import FormatError
from collegium.ledger.contract.apply import apply, initial_state
from collegium.ledger.contract.events import decode_events
from collegium.ledger.contract.evidence import decode_transaction
from collegium.ledger.contract.rejected import Rejected
from collegium.ledger.envelope import decode_envelope, sign_envelope
from collegium.ledger.frames import (
    acknowledged_end,
    decode_block,
    decode_entry,
    holds_acknowledged,
    read_frames,
)
from collegium.ledger.genesis import decode_genesis, genesis_digest
from collegium.ledger.keys import signing_key
from collegium.ledger.merkle import Frontier
from collegium.ledger.note import open_checkpoint, parse_verifier_key
from collegium.ledger.snapshot import decode_snapshot, encode_snapshot

WORKED = VECTORS["ledger"][1]
GENESIS = decode_genesis(WORKED["genesis"].encode())
IDENTITY = genesis_digest(WORKED["genesis"].encode())
ADA = signing_key(sha256(b"vectors ada").digest())
ENTRY = bytes.fromhex(WORKED["entry"])
ENVELOPE, EVENTS = decode_entry(ENTRY)
PAYLOAD = decode_envelope(ENVELOPE).payload


def note(data: bytes) -> None:
    open_checkpoint(data.decode("utf-8", "replace"), *parse_verifier_key(WORKED["verifier_key"]))


def verifier_key(data: bytes) -> None:
    parse_verifier_key(data.decode("utf-8", "replace"))


def frames(data: bytes) -> None:
    list(read_frames(data))
    acknowledged_end(data)
    holds_acknowledged(data)


def signed(payload: bytes) -> None:
    """The contract's entrance with a good signature, so that the payload is what is judged."""
    state = initial_state(GENESIS)
    before = state.root()
    try:
        apply(state, IDENTITY, sign_envelope(payload, ADA))
    except Rejected:
        assert state.root() == before
        raise


def unsigned(data: bytes) -> None:
    apply(initial_state(GENESIS), IDENTITY, data)


def bundled(data: bytes) -> None:
    """Evidence whose envelopes are any bytes."""
    text = to_text(data)
    fields = {"kind": "evidence.conflict", "format": 1, "genesis": to_text(IDENTITY)}
    signed(canonical.encode({**fields, "first": text, "second": text}))


SNAPSHOT = encode_snapshot(initial_state(GENESIS), Frontier(), 0, IDENTITY)

DECODERS: dict[str, tuple[Callable[[bytes], Any], bytes]] = {
    "genesis": (decode_genesis, WORKED["genesis"].encode()),
    "envelope": (decode_envelope, ENVELOPE),
    "transaction": (decode_transaction, PAYLOAD),
    "events": (decode_events, EVENTS),
    "entry": (decode_entry, ENTRY),
    "block": (decode_block, bytes.fromhex(WORKED["block"])),
    "frames": (frames, bytes.fromhex(WORKED["file"])),
    "note": (note, WORKED["checkpoint"].encode()),
    "verifier key": (verifier_key, WORKED["verifier_key"].encode()),
    "unsigned": (unsigned, ENVELOPE),
    "signed": (signed, PAYLOAD),
    "evidence": (bundled, ENVELOPE),
    "snapshot": (decode_snapshot, SNAPSHOT),
}


@st.composite
def mutations(draw: st.DrawFn, data: bytes) -> bytes:
    """Bytes near a sound example: some changed, cut out or put in."""
    changed = bytearray(data)
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(changed)))
        end = min(len(changed), start + draw(st.integers(0, 4)))
        changed[start:end] = draw(
            st.binary(max_size=4)
            | st.sampled_from([b'"', b"null", b"{", b"1.5", b"\xff", b"\\u00"])
        )
    return bytes(changed)


@pytest.mark.parametrize("name", DECODERS)
def test_the_example_is_sound(name: str) -> None:
    decoder, example = DECODERS[name]
    if name == "evidence":
        with pytest.raises(Rejected):
            decoder(example)
    else:
        decoder(example)


@pytest.mark.parametrize("name", DECODERS)
@given(data=st.data())
@settings(deadline=None, max_examples=120)
def test_bytes_are_decoded_or_refused(name: str, data: st.DataObject) -> None:
    decoder, example = DECODERS[name]
    drawn = data.draw(st.binary(max_size=60) | mutations(example))
    with suppress(FormatError, Rejected):
        decoder(drawn)
