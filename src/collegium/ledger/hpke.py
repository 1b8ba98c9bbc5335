"""Hybrid public key encryption, RFC 9180, as far as sealed updates use it; docs/spec page 9.

Base mode, single shot: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM. Libraries draw the
ephemeral key at random; here it is derived from what the sender gives, because a sealed blob must
come out the same when it is made again.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from nacl import bindings
from nacl.exceptions import CryptoError

ENC_SIZE = 32
TAG_SIZE = 16

_KEM = b"KEM\x00\x20"
_SUITE = b"HPKE\x00\x20\x00\x01\x00\x02"


def expand(key: bytes, info: bytes, size: int) -> bytes:
    """Return HKDF-Expand with SHA-256 (RFC 5869)."""
    output = block = b""
    counter = 0
    while len(output) < size:
        counter += 1
        block = hmac.digest(key, block + info + bytes((counter,)), sha256)
        output += block
    return output[:size]


def hkdf(secret: bytes, info: bytes, size: int = 32) -> bytes:
    """Return HKDF-SHA-256 output with an empty salt (RFC 5869)."""
    return expand(hmac.digest(bytes(32), secret, sha256), info, size)


def wrap(plain: bytes, recipient: bytes, info: bytes, material: bytes) -> bytes:
    """Return encapsulated key and ciphertext of a message.

    Args:
        plain: the message.
        recipient: public X25519 key.
        info: what the message belongs to.
        material: secret bytes from which the ephemeral key is derived; for one message only.

    Raises:
        ValueError: the recipient's key has small order.
    """
    ephemeral = _labeled_expand(
        _KEM, _labeled_extract(_KEM, b"", b"dkp_prk", material), b"sk", b"", 32
    )
    enc = bindings.crypto_scalarmult_base(ephemeral)
    try:
        shared = bindings.crypto_scalarmult(ephemeral, recipient)
    except CryptoError as error:
        raise ValueError("a recipient's key has small order") from error
    key, nonce = _schedule(shared, enc + recipient, info)
    return enc + AESGCM(key).encrypt(nonce, plain, b"")


def unwrap(
    wrapped: bytes, recipient: bytes, agree: Callable[[bytes], bytes], info: bytes
) -> bytes | None:
    """Return the message, or None where it was not wrapped so for this recipient.

    Args:
        wrapped: encapsulated key and ciphertext.
        recipient: public X25519 key.
        agree: returns the shared secret of the recipient's private key and a public one; may raise
            ValueError.
        info: what the message should belong to.
    """
    enc, ciphertext = wrapped[:ENC_SIZE], wrapped[ENC_SIZE:]
    try:
        key, nonce = _schedule(agree(enc), enc + recipient, info)
        return AESGCM(key).decrypt(nonce, ciphertext, b"")
    except (ValueError, InvalidTag):
        return None


def _schedule(shared: bytes, kem_context: bytes, info: bytes) -> tuple[bytes, bytes]:
    """Return key and nonce (RFC 9180, sections 4.1 and 5.1, mode 0)."""
    prk = _labeled_extract(_KEM, b"", b"eae_prk", shared)
    secret = _labeled_expand(_KEM, prk, b"shared_secret", kem_context, 32)
    context = (
        b"\0"
        + _labeled_extract(_SUITE, b"", b"psk_id_hash", b"")
        + _labeled_extract(_SUITE, b"", b"info_hash", info)
    )
    prk = _labeled_extract(_SUITE, secret, b"secret", b"")
    key = _labeled_expand(_SUITE, prk, b"key", context, 32)
    return key, _labeled_expand(_SUITE, prk, b"base_nonce", context, 12)


def _labeled_extract(suite: bytes, salt: bytes, label: bytes, material: bytes) -> bytes:
    return hmac.digest(salt, b"HPKE-v1" + suite + label + material, sha256)


def _labeled_expand(suite: bytes, key: bytes, label: bytes, info: bytes, size: int) -> bytes:
    return expand(key, size.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info, size)
