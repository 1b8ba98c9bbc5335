"""Ed25519 keys, with one verification rule; docs/spec/2-transaction.md.

Libraries differ on edge cases, and a difference there splits consensus. The rule: S below the
group order, A and R canonical encodings of points that are not of small order, and the
cofactorless equation. libsodium applies it; tests hold it to the published edge cases.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

from nacl import bindings
from nacl._sodium import ffi, lib  # type: ignore[import-not-found]
from nacl.exceptions import CryptoError

_sign, _sign_open, _NOWHERE = lib.crypto_sign, lib.crypto_sign_open, ffi.NULL

KEY_SIZE = 32
SIGNATURE_SIZE = 64


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private Ed25519 key and its public half; the repr shows the public half only."""

    public: bytes
    _secret: bytes

    def __repr__(self) -> str:
        return f"SigningKey(public={self.public.hex()})"

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature."""
        signed = ffi.new("unsigned char[]", SIGNATURE_SIZE + len(message))
        _sign(signed, _NOWHERE, message, len(message), self._secret)
        return bytes(ffi.buffer(signed, SIGNATURE_SIZE))

    def agree(self, peer: bytes) -> bytes:
        """Return the X25519 shared secret of this key, converted, and a peer's X25519 key.

        Raises:
            ValueError: the peer's key has small order.
        """
        secret = bindings.crypto_sign_ed25519_sk_to_curve25519(self._secret)
        try:
            return bindings.crypto_scalarmult(secret, peer)
        except CryptoError as error:
            raise ValueError("the peer's key has small order") from error


def signing_key(seed: bytes) -> SigningKey:
    """Return the key pair of a 32-byte seed (RFC 8032)."""
    public, secret = bindings.crypto_sign_seed_keypair(seed)
    return SigningKey(public, secret)


@lru_cache(maxsize=4096)
def key_id(public: bytes) -> bytes:
    """Return SHA-256 of the raw public key."""
    return sha256(public).digest()


def exchange_key(public: bytes) -> bytes:
    """Return the X25519 public key that belongs to a public Ed25519 key (docs/decisions/0013).

    Raises:
        ValueError: it is not a sound point.
    """
    try:
        return bindings.crypto_sign_ed25519_pk_to_curve25519(public)
    except (CryptoError, ValueError) as error:
        raise ValueError("the key is not a sound Ed25519 point") from error


def signature_holds(public: bytes, message: bytes, signature: bytes) -> bool:
    """Return whether a signature verifies under the rule of this module."""
    if len(signature) != SIGNATURE_SIZE or len(public) != KEY_SIZE:
        return False
    signed = signature + message
    # `bindings.crypto_sign_open` makes this call between two copies of the message.
    answer: int = _sign_open(_NOWHERE, _NOWHERE, signed, len(signed), public)
    return answer == 0


def usable_key(public: bytes) -> bool:
    """Return whether a public key could ever verify anything: right size, sound point."""
    return len(public) == KEY_SIZE and bool(bindings.crypto_core_ed25519_is_valid_point(public))


def sound_exchange_key(public: bytes) -> bool:
    """Return whether a public X25519 key agrees on something with others: it has no small order."""
    try:
        bindings.crypto_scalarmult(b"\1" * KEY_SIZE, public)
    except CryptoError:
        return False
    return True
