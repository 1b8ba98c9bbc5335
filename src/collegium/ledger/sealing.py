"""Sealed updates: encrypted so that a round's validators can read them; docs/spec page 9.

A random-looking seed is wrapped for each recipient, and everything else in the blob follows from
the seed. So the blob is the same whenever its author makes it again, and whoever opens it can
check that every other recipient opens it to the same update.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from hashlib import sha256

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from collegium.canonical import malformed
from collegium.ledger.hashing import lp, tag, u64
from collegium.ledger.hpke import ENC_SIZE, TAG_SIZE, expand, unwrap, wrap
from collegium.ledger.keys import KEY_SIZE, SigningKey, exchange_key

SEED_SIZE = 32
LARGEST = 2**31 - 1
"""Bytes of the largest update that is sealed: one message of the library's AES-GCM."""

KeyOf = Callable[[bytes], SigningKey | None]
"""Returns the signing key behind a public one, where the member holds it; old ones count."""

_TAG = tag("sealed")
_WRAPPED_SIZE = ENC_SIZE + SEED_SIZE + TAG_SIZE
_STANZA_SIZE = KEY_SIZE + _WRAPPED_SIZE
_NONCE = bytes(12)  # a body's key is for one body


class Context(msgspec.Struct, frozen=True):
    """What a sealed update belongs to, and cannot be moved from.

    `digest` is that of the update itself; digests are raw.
    """

    genesis: bytes
    study: str
    round: int
    attempt: int
    author: str
    digest: bytes

    def encode(self) -> bytes:
        """Return the bytes that bind the encryption to it."""
        return b"".join((
            _TAG, self.genesis, lp(self.study.encode()), u64(self.round), u64(self.attempt),
            lp(self.author.encode()), self.digest,
        ))  # fmt: skip


def seal(update: bytes, context: Context, seed: bytes, recipients: Collection[bytes]) -> bytes:
    """Return an update sealed to recipients; the same arguments give the same bytes.

    Args:
        update: the update's blob, of the context's digest.
        context: what it belongs to.
        seed: 32 secret bytes that were and will be used for no other update.
        recipients: public Ed25519 keys, sound ones.

    Raises:
        FormatError: nobody is to read it, or it is too large.
    """
    if not recipients:
        raise malformed("a sealed update", "it has no recipients")
    if len(update) > LARGEST:
        raise malformed("a sealed update", f"an update of {len(update)} bytes is too large")
    bound = context.encode()
    body = AESGCM(_body_key(seed)).encrypt(_NONCE, update, bound)
    return _head(recipients, bound, seed) + body


def recipients_of(sealed: bytes) -> tuple[bytes, ...]:
    """Return the public keys to which an update is sealed, as the blob names them.

    Raises:
        FormatError: the bytes are no sealed update.
    """
    start = len(_TAG) + 4
    count = int.from_bytes(sealed[len(_TAG) : start], "big")
    if not sealed.startswith(_TAG) or len(sealed) < start + count * _STANZA_SIZE + TAG_SIZE:
        raise malformed("a sealed update", "it has another tag, or ends too early")
    ends = range(start, start + count * _STANZA_SIZE, _STANZA_SIZE)
    keys = tuple(sealed[at : at + KEY_SIZE] for at in ends)
    if not keys or list(keys) != sorted(set(keys)):
        raise malformed("a sealed update", "its recipients are none, or not in their order")
    return keys


def unseal(sealed: bytes, context: Context, key_of: KeyOf) -> bytes | None:
    """Return the update behind a sealed one, or None where it is sealed to others.

    Args:
        sealed: the blob.
        context: what it should belong to.
        key_of: the reader's keys.

    Raises:
        FormatError: it does not open, opens to another update than was announced, or does not
            open so for all of its recipients.
    """
    keys = recipients_of(sealed)
    held = ((index, key_of(key)) for index, key in enumerate(keys))
    index, reader = next((one for one in held if one[1] is not None), (0, None))
    if reader is None:
        return None
    bound = context.encode()
    at = len(_TAG) + 4 + index * _STANZA_SIZE + KEY_SIZE
    ours = exchange_key(keys[index])
    seed = unwrap(sealed[at : at + _WRAPPED_SIZE], ours, reader.agree, bound)
    if seed is None:
        raise malformed("a sealed update", "it was not sealed to this reader for this place")
    head_size = len(_TAG) + 4 + len(keys) * _STANZA_SIZE
    if _head(keys, bound, seed) != sealed[:head_size]:
        raise malformed("a sealed update", "it does not open alike for all of its recipients")
    try:
        update = AESGCM(_body_key(seed)).decrypt(_NONCE, memoryview(sealed)[head_size:], bound)
    except InvalidTag:
        raise malformed("a sealed update", "its body was changed") from None
    if sha256(update).digest() != context.digest:
        raise malformed("a sealed update", "it holds another update than was announced")
    return update


def _head(keys: Collection[bytes], bound: bytes, seed: bytes) -> bytes:
    """Return everything before the body.

    Raises:
        FormatError: a key is not sound.
    """
    stanzas = []
    for key in sorted(keys):
        material = expand(seed, tag("sealed-ephemeral") + key, SEED_SIZE)
        try:
            stanzas.append(key + wrap(seed, exchange_key(key), bound, material))
        except ValueError as error:
            raise malformed("a sealed update", "a recipient's key is not sound") from error
    return b"".join((_TAG, len(stanzas).to_bytes(4, "big"), *stanzas))


def _body_key(seed: bytes) -> bytes:
    return expand(seed, tag("sealed-body"), 32)
