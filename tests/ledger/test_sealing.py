"""A sealed update is for its recipients and its place, alike for all of them, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256, sha512

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.ledger.vectors import VECTORS

from collegium.errors import FormatError
from collegium.ledger import sealing
from collegium.ledger.keys import SigningKey, signing_key
from collegium.ledger.sealing import Context, recipients_of, seal, unseal

KEYS = [signing_key(sha256(b"key %d" % number).digest()) for number in range(4)]
STRANGER = signing_key(sha256(b"nobody").digest())
PUBLIC = [key.public for key in KEYS]
UPDATE = b"an update, which means something" * 20
SEED = sha256(b"a seed").digest()
CONTEXT = Context(
    sha256(b"genesis").digest(), "heart", 3, 2, "va", sha256(UPDATE).digest()
)  # fmt: skip
HEAD = 20 + 4
STANZA = 32 + 32 + 48


def holding(*keys: SigningKey) -> Callable[[bytes], SigningKey | None]:
    return {key.public: key for key in keys}.get


@pytest.fixture
def sealed() -> bytes:
    return seal(UPDATE, CONTEXT, SEED, PUBLIC)


def test_every_recipient_reads_it_and_nobody_else(sealed: bytes) -> None:
    for key in KEYS:
        assert unseal(sealed, CONTEXT, holding(key)) == UPDATE
    assert unseal(sealed, CONTEXT, holding(STRANGER)) is None
    assert unseal(sealed, CONTEXT, holding()) is None
    assert UPDATE[:8] not in sealed


def test_a_reader_with_an_old_key_beside_its_new_one_reads_both(sealed: bytes) -> None:
    assert unseal(sealed, CONTEXT, holding(STRANGER, KEYS[2])) == UPDATE


def test_it_is_the_same_whenever_it_is_made_again(sealed: bytes) -> None:
    assert seal(UPDATE, CONTEXT, SEED, PUBLIC[::-1]) == sealed
    assert seal(UPDATE, CONTEXT, SEED, frozenset(PUBLIC)) == sealed


def test_it_names_its_recipients_in_their_order(sealed: bytes) -> None:
    assert recipients_of(sealed) == tuple(sorted(PUBLIC))


def test_its_size_is_that_of_the_update_and_a_stanza_for_each(sealed: bytes) -> None:
    assert len(sealed) == HEAD + 4 * STANZA + len(UPDATE) + 16


def test_another_seed_or_context_changes_everything_after_the_keys(sealed: bytes) -> None:
    other_seed = seal(UPDATE, CONTEXT, sha256(b"another").digest(), PUBLIC)
    other_place = seal(UPDATE, replace(CONTEXT, attempt=3), SEED, PUBLIC)
    for other in (other_seed, other_place):
        for stanza in range(4):
            start = HEAD + stanza * STANZA + 64
            assert other[start : start + 48] != sealed[start : start + 48]
    assert other_seed[-len(UPDATE) - 16 :] != sealed[-len(UPDATE) - 16 :]
    assert other_place[-16:] != sealed[-16:]


@pytest.mark.parametrize(
    "place",
    [
        {"genesis": sha256(b"successor").digest()}, {"study": "lung"}, {"round": 4}, {"attempt": 1},
        {"author": "budapest"}, {"digest": sha256(b"another update").digest()},
    ],
    ids=lambda place: next(iter(place)),
)  # fmt: skip
def test_it_does_not_open_in_another_place(sealed: bytes, place: dict[str, object]) -> None:
    with pytest.raises(FormatError, match="malformed"):
        unseal(sealed, replace(CONTEXT, **place), holding(KEYS[0]))


def test_an_update_that_was_not_announced_is_refused_though_it_opens() -> None:
    forged = seal(b"another update", CONTEXT, SEED, PUBLIC)
    with pytest.raises(FormatError) as caught:
        unseal(forged, CONTEXT, holding(KEYS[0]))
    assert caught.value.why == "it holds another update than was announced"


@given(st.data())
def test_any_changed_byte_is_refused_by_everybody(data: st.DataObject) -> None:
    """The first reader might still open it where another one's stanza was changed: it does not."""
    sealed = seal(UPDATE, CONTEXT, SEED, PUBLIC)
    position = data.draw(st.integers(0, len(sealed) - 1))
    flip = data.draw(st.integers(1, 255))
    changed = bytearray(sealed)
    changed[position] ^= flip
    for key in KEYS:
        try:
            assert unseal(bytes(changed), CONTEXT, holding(key)) is None
        except FormatError:
            continue


@given(st.integers(0, HEAD + 4 * STANZA + len(UPDATE) + 15))
def test_whatever_is_cut_is_refused(size: int) -> None:
    sealed = seal(UPDATE, CONTEXT, SEED, PUBLIC)
    with pytest.raises(FormatError):
        unseal(sealed[:size], CONTEXT, holding(KEYS[0]))


@pytest.mark.parametrize("more", [b"\0", bytes(STANZA), bytes(100)])
def test_what_is_added_is_refused(sealed: bytes, more: bytes) -> None:
    within = sealed[: HEAD + 4 * STANZA] + more + sealed[HEAD + 4 * STANZA :]
    for data in (sealed + more, more + sealed, within):
        with pytest.raises(FormatError):
            unseal(data, CONTEXT, holding(KEYS[0]))


@given(st.binary(max_size=400))
def test_any_bytes_lead_to_a_refusal_and_nothing_else(data: bytes) -> None:
    for found in (data, b"collegium/sealed/v1\0" + data):
        with pytest.raises(FormatError):
            unseal(found, CONTEXT, holding(*KEYS))


def test_a_count_beyond_the_bytes_is_refused() -> None:
    for count in (0, 1, 5, 2**32 - 1):
        with pytest.raises(FormatError):
            recipients_of(b"collegium/sealed/v1\0" + count.to_bytes(4, "big") + bytes(100))


def test_recipients_out_of_order_or_twice_are_refused(sealed: bytes) -> None:
    stanzas = [sealed[at : at + STANZA] for at in range(HEAD, HEAD + 4 * STANZA, STANZA)]
    body = sealed[HEAD + 4 * STANZA :]
    for order in ((1, 0, 2, 3), (0, 1, 2, 2), (0, 0, 2, 3)):
        data = sealed[:HEAD] + b"".join(stanzas[index] for index in order) + body
        with pytest.raises(FormatError):
            recipients_of(data)


def test_an_author_cannot_seal_well_to_some_and_badly_to_others() -> None:
    """Whoever could open it sees that another one could not, and takes it for nobody's."""
    good = seal(UPDATE, CONTEXT, SEED, PUBLIC)
    other = seal(UPDATE, CONTEXT, sha256(b"another seed").digest(), PUBLIC)
    start = HEAD + 2 * STANZA
    two_faced = good[:start] + other[start : start + STANZA] + good[start + STANZA :]
    for key in KEYS:
        with pytest.raises(FormatError):
            unseal(two_faced, CONTEXT, holding(key))


def test_two_updates_of_one_context_do_not_open_for_each_other() -> None:
    """Each recipient's stanza of one blob with the body of the other."""
    second = b"a second update" * 9
    theirs = replace(CONTEXT, digest=sha256(second).digest())
    first, other = seal(UPDATE, CONTEXT, SEED, PUBLIC), seal(second, theirs, SEED, PUBLIC)
    mixed = first[: HEAD + 4 * STANZA] + other[HEAD + 4 * STANZA :]
    for context in (CONTEXT, theirs):
        with pytest.raises(FormatError):
            unseal(mixed, context, holding(KEYS[1]))


def test_nobody_and_the_unsound_are_no_recipients() -> None:
    for recipients in ([], [bytes(32)], [b"\xff" * 32], [PUBLIC[0], b"short"]):
        with pytest.raises(FormatError):
            seal(UPDATE, CONTEXT, SEED, recipients)


def test_what_the_cipher_cannot_take_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "LARGEST", len(UPDATE))
    seal(UPDATE, CONTEXT, SEED, PUBLIC)
    with pytest.raises(FormatError, match="malformed"):
        seal(UPDATE + b"!", CONTEXT, SEED, PUBLIC)


def test_a_stranger_opens_it_with_a_library_and_the_page_alone(sealed: bytes) -> None:
    hpke = pytest.importorskip("cryptography.hazmat.primitives.hpke")
    suite = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
    context = b"".join([
        b"collegium/sealed/v1\0", sha256(b"genesis").digest(), b"\0\0\0\5heart", bytes(7), b"\3",
        bytes(7), b"\2", b"\0\0\0\2va", sha256(UPDATE).digest(),
    ])  # fmt: skip
    for number, public in enumerate(PUBLIC):
        scalar = bytearray(sha512(sha256(b"key %d" % number).digest()).digest()[:32])
        private = X25519PrivateKey.from_private_bytes(bytes(scalar))
        stanza = HEAD + STANZA * sorted(PUBLIC).index(public)
        seed = suite.decrypt(sealed[stanza + 32 : stanza + STANZA], private, info=context)
        key = HKDFExpand(SHA256(), 32, b"collegium/sealed-body/v1\0").derive(seed)
        body = sealed[HEAD + 4 * STANZA :]
        assert AESGCM(key).decrypt(bytes(12), body, context) == UPDATE


def test_the_worked_example_opens_with_each_of_its_keys() -> None:
    for one in VECTORS["sealed"]:
        context = Context(
            bytes.fromhex(one["genesis"]), one["study"], one["round"], one["attempt"],
            one["author"], bytes.fromhex(one["digest"]),
        )  # fmt: skip
        assert context.encode().hex() == one["context"]
        update, sealed = bytes.fromhex(one["update"]), bytes.fromhex(one["sealed"])
        keys = [signing_key(bytes.fromhex(seed)) for seed in one["recipient_seeds"]]
        for key in keys:
            assert unseal(sealed, context, holding(key)) == update
        assert sha256(sealed).hexdigest() == one["sealed_digest"]
        again = seal(update, context, bytes.fromhex(one["seed"]), [key.public for key in keys])
        assert again == sealed
