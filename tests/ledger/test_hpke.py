"""RFC 9180 as far as we use it: against its published vector and against another implementation."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from nacl import bindings

from collegium.ledger.hpke import expand, unwrap, wrap

hpke = pytest.importorskip(
    "cryptography.hazmat.primitives.hpke", reason="this version of cryptography has no HPKE"
)
SUITE = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)

SECRET = bytes(range(32))
PUBLIC = bindings.crypto_scalarmult_base(SECRET)


def agree(peer: bytes) -> bytes:
    return bindings.crypto_scalarmult(SECRET, peer)


@pytest.mark.parametrize("plain", [b"", b"a seed of thirty-two bytes, about", bytes(1000)])
@pytest.mark.parametrize("info", [b"", b"where it belongs"])
def test_another_implementation_opens_what_we_wrap(plain: bytes, info: bytes) -> None:
    wrapped = wrap(plain, PUBLIC, info, b"material")
    assert SUITE.decrypt(wrapped, X25519PrivateKey.from_private_bytes(SECRET), info=info) == plain


@pytest.mark.parametrize("plain", [b"", b"a seed of thirty-two bytes, about", bytes(1000)])
@pytest.mark.parametrize("info", [b"", b"where it belongs"])
def test_we_unwrap_what_another_implementation_encrypts(plain: bytes, info: bytes) -> None:
    public = X25519PublicKey.from_public_bytes(PUBLIC)
    assert public.public_bytes(Encoding.Raw, PublicFormat.Raw) == PUBLIC
    wrapped = SUITE.encrypt(plain, public, info=info)
    assert unwrap(wrapped, PUBLIC, agree, info) == plain


def test_the_ephemeral_key_is_derived_as_the_rfc_derives_key_pairs() -> None:
    """RFC 9180, appendix A.1.1: `ikmE` and the public key that comes of it."""
    material = bytes.fromhex("7268600d403fce431561aef583ee1613527cff655c1343f29812e66706df3234")
    expected = bytes.fromhex("37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431")
    assert wrap(b"", PUBLIC, b"", material)[:32] == expected


def test_the_same_arguments_give_the_same_bytes_and_others_do_not() -> None:
    usual = wrap(b"plain", PUBLIC, b"info", b"material")
    assert usual == wrap(b"plain", PUBLIC, b"info", b"material")
    assert usual != wrap(b"plain", PUBLIC, b"info", b"another")


def test_what_was_changed_or_is_for_others_does_not_open() -> None:
    wrapped = wrap(b"plain", PUBLIC, b"info", b"material")
    assert unwrap(wrapped, PUBLIC, agree, b"info") == b"plain"
    assert unwrap(wrapped, PUBLIC, agree, b"another place") is None
    for position in range(len(wrapped)):
        changed = bytearray(wrapped)
        changed[position] ^= 0x80
        assert unwrap(bytes(changed), PUBLIC, agree, b"info") is None, position
    for size in range(len(wrapped)):
        assert unwrap(wrapped[:size], PUBLIC, agree, b"info") is None


def test_keys_of_small_order_are_refused() -> None:
    with pytest.raises(ValueError, match="small order"):
        wrap(b"plain", bytes(32), b"", b"material")
    wrapped = bytes(32) + wrap(b"plain", PUBLIC, b"", b"material")[32:]

    def refusing(peer: bytes) -> bytes:
        try:
            return agree(peer)
        except RuntimeError as error:
            raise ValueError from error

    assert unwrap(wrapped, PUBLIC, refusing, b"") is None


def test_expand_is_that_of_rfc_5869() -> None:
    """Its test case 1."""
    key = bytes.fromhex("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5")
    expected = (
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
    )
    assert expand(key, bytes.fromhex("f0f1f2f3f4f5f6f7f8f9"), 42).hex() == expected
