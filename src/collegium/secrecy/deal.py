"""A dealer's deal: shares of its two secrets, each encrypted to its holder and committed to.

docs/spec page 13, docs/decisions/0021. All of a secret's half of the deal follows from the secret:
the polynomial, the key pair that encrypts, and so every byte. Whoever opens the secret later can
make the half again, and so tell a dealer that cheated a holder from a holder that says it did.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from hashlib import sha256

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from nacl import bindings
from nacl.exceptions import CryptoError

from collegium.canonical import malformed
from collegium.errors import FormatError
from collegium.ledger.hashing import DIGEST_SIZE, lp, tag, tagged_hash
from collegium.ledger.hpke import expand, hkdf
from collegium.ledger.keys import KEY_SIZE
from collegium.secrecy.shamir import ELEMENT_SIZE, PRIME, from_element, split, to_element
from collegium.secrecy.sum_setup import ShareHolders

_TAG = tag("deal")
_STANZA = DIGEST_SIZE + ELEMENT_SIZE
_COEFFICIENT = 48  # bytes reduced modulo the prime: a bias of 2^-129


class SecretKind(Enum):
    """The two secrets of a dealer, of which at most one is ever opened."""

    MASK = "mask"
    """Opens the masks that a dealer shares with the others; for one that dropped out."""

    SELF = "self"
    """Opens the mask that a dealer put on by itself; for one whose update is in the sum."""


@dataclass(frozen=True, slots=True)
class DealtSecret:
    """One secret's part of a deal.

    Attributes:
        ephemeral: X25519 public key to which the holders' keys are added.
        commitments: 32 bytes a holder, in order.
        ciphertexts: 32 bytes a holder, in order.
    """

    ephemeral: bytes
    commitments: tuple[bytes, ...]
    ciphertexts: tuple[bytes, ...]


Deal = dict[SecretKind, DealtSecret]


@dataclass(frozen=True, slots=True)
class Stanza:
    """What a secret's half of a deal has for one holder; 32 bytes each."""

    ephemeral: bytes
    commitment: bytes
    ciphertext: bytes


def deal_secret(
    share_holders: ShareHolders, dealer: str, kind: SecretKind, secret: int
) -> DealtSecret:
    """Return a secret's part of a deal, the same whenever and by whomever it is made.

    Args:
        share_holders: the holders.
        dealer: the member whose secret it is.
        kind: which secret.
        secret: a field element.

    Raises:
        FormatError: a holder's key has small order.
    """
    bound = _bound(share_holders, dealer, kind)
    seed = from_element(secret)
    size = _COEFFICIENT * (share_holders.threshold - 1)
    stream = Cipher(
        algorithms.AES(expand(seed, tag("secagg-polynomial") + bound, 32)), modes.CTR(bytes(16))
    ).encryptor().update(bytes(size))  # fmt: skip
    coefficients = [
        int.from_bytes(stream[at : at + _COEFFICIENT], "little") % PRIME
        for at in range(0, size, _COEFFICIENT)
    ]
    shares = map(from_element, split(secret, coefficients, len(share_holders.holders(dealer))))
    return encrypt_shares(
        share_holders, dealer, kind, ephemeral_key(share_holders, dealer, kind, secret), shares
    )


def encrypt_shares(
    share_holders: ShareHolders,
    dealer: str,
    kind: SecretKind,
    private: bytes,
    shares: Iterable[bytes],
) -> DealtSecret:
    """Return a part of a deal that holds these shares, one for each holder in order.

    Raises:
        FormatError: a holder's key has small order.
    """
    bound = _bound(share_holders, dealer, kind)
    commitments, ciphertexts = [], []
    for holder, share in zip(share_holders.holders(dealer), shares, strict=True):
        commitments.append(_commitment(bound, holder, share))
        ciphertexts.append(
            _xor(share, _pad(private, share_holders.keys[holder].share, bound, holder))
        )
    public = bindings.crypto_scalarmult_base(private)
    return DealtSecret(public, tuple(commitments), tuple(ciphertexts))


def ephemeral_key(share_holders: ShareHolders, dealer: str, kind: SecretKind, secret: int) -> bytes:
    """Return the private X25519 key with which a secret's shares are encrypted."""
    bound = _bound(share_holders, dealer, kind)
    return expand(from_element(secret), tag("secagg-ephemeral") + bound, 32)


def open_share(
    stanza: Stanza,
    share_holders: ShareHolders,
    dealer: str,
    kind: SecretKind,
    holder: str,
    private: bytes,
) -> bytes | None:
    """Return a holder's share, or None where it was not dealt the share that is committed to.

    Args:
        stanza: what the dealer's deal has for the holder.
        share_holders: the holders.
        dealer: the member that dealt.
        kind: which secret.
        holder: the member whose share it is.
        private: the holder's private share key.
    """
    bound = _bound(share_holders, dealer, kind)
    try:
        pad = _pad(private, stanza.ephemeral, bound, holder)
    except FormatError:
        return None
    share = _xor(stanza.ciphertext, pad)
    holds = _commitment(bound, holder, share) == stanza.commitment
    return share if holds and to_element(share) is not None else None


def sound_shares(
    half: DealtSecret,
    share_holders: ShareHolders,
    dealer: str,
    kind: SecretKind,
    posted: Mapping[str, Mapping[str, bytes]],
) -> Iterator[tuple[int, int]]:
    """Yield the number of each holder, in order, that posted the share it was dealt, and that.

    Args:
        half: of the dealer's deal.
        share_holders: the holders.
        dealer: the member that dealt.
        kind: which secret.
        posted: shares by holder and dealer.
    """
    begun = sha256(
        tag("secagg-commitment") + _bound(share_holders, dealer, kind)
    )  # of a tagged hash
    holders = zip(share_holders.holders(dealer), half.commitments, strict=True)
    for number, (holder, commitment) in enumerate(holders, 1):
        share = posted[holder].get(dealer) if holder in posted else None
        if share is None:
            continue
        whole = begun.copy()
        whole.update(lp(holder.encode()) + share)
        value = to_element(share)
        if value is not None and whole.digest() == commitment:
            yield number, value


def secret_holds(
    half: DealtSecret, share_holders: ShareHolders, dealer: str, kind: SecretKind, secret: int
) -> bool:
    """Return whether a combined secret is the one that a deal was made from.

    The ephemeral key follows from the secret, so it commits to it.
    """
    private = ephemeral_key(share_holders, dealer, kind, secret)
    if bindings.crypto_scalarmult_base(private) != half.ephemeral:
        return False
    public = share_holders.keys[dealer].mask
    return (
        kind is SecretKind.SELF or bindings.crypto_scalarmult_base(mask_private(secret)) == public
    )


def mask_private(secret: int) -> bytes:
    """Return the private X25519 key that a mask secret stands for."""
    return expand(from_element(secret), tag("secagg-mask-key"), 32)


def encode_deal(deal: Deal) -> bytes:
    """Return the blob of a deal."""
    parts = [_TAG, len(deal[SecretKind.MASK].commitments).to_bytes(4, "big")]
    for kind in SecretKind:
        half = deal[kind]
        parts.append(half.ephemeral)
        for pair in zip(half.commitments, half.ciphertexts, strict=True):
            parts += pair
    return b"".join(parts)


def decode_deal(data: bytes, share_holders: ShareHolders, dealer: str) -> Deal:
    """Return the deal in a blob.

    Raises:
        FormatError: the bytes are no deal to the dealer's holders.
    """
    deal: Deal = {}
    size = len(share_holders.holders(dealer)) * _STANZA
    for kind, start in _halves(data, share_holders, dealer).items():
        stanzas = range(start + KEY_SIZE, start + KEY_SIZE + size, _STANZA)
        deal[kind] = DealtSecret(
            data[start : start + KEY_SIZE],
            tuple(data[at : at + DIGEST_SIZE] for at in stanzas),
            tuple(data[at + DIGEST_SIZE : at + _STANZA] for at in stanzas),
        )
    return deal


def decode_stanzas(
    data: bytes, share_holders: ShareHolders, dealer: str, holder: str
) -> dict[SecretKind, Stanza]:
    """Return what a deal has for one of its dealer's holders.

    Raises:
        FormatError: the bytes are no deal to the dealer's holders.
    """
    place = KEY_SIZE + share_holders.holders(dealer).index(holder) * _STANZA
    return {
        kind: Stanza(
            data[start : start + KEY_SIZE],
            data[start + place : start + place + DIGEST_SIZE],
            data[start + place + DIGEST_SIZE : start + place + _STANZA],
        )
        for kind, start in _halves(data, share_holders, dealer).items()
    }


def _halves(data: bytes, share_holders: ShareHolders, dealer: str) -> dict[SecretKind, int]:
    """Return where the halves of a deal begin.

    Raises:
        FormatError: the bytes are no deal to the dealer's holders.
    """
    holders = len(share_holders.holders(dealer))
    head = _TAG + holders.to_bytes(4, "big")
    size = KEY_SIZE + holders * _STANZA
    if not data.startswith(head) or len(data) != len(head) + len(SecretKind) * size:
        raise malformed("a deal of shares", f"it has another form than a deal to {holders} holders")
    return {kind: len(head) + number * size for number, kind in enumerate(SecretKind)}


def _bound(share_holders: ShareHolders, dealer: str, kind: SecretKind) -> bytes:
    return share_holders.bound + lp(kind.value.encode()) + lp(dealer.encode())


def _pad(private: bytes, public: bytes, bound: bytes, holder: str) -> bytes:
    """Return the one-time pad between a dealer's ephemeral key and a holder's."""
    shared = agree(private, public)
    return hkdf(shared, tag("secagg-share") + bound + lp(holder.encode()), ELEMENT_SIZE)


def agree(private: bytes, public: bytes) -> bytes:
    """Return the X25519 shared secret of a private and a public key.

    Raises:
        FormatError: the public key has small order.
    """
    try:
        return bindings.crypto_scalarmult(private, public)
    except CryptoError as error:
        raise malformed("an X25519 key", "it has small order") from error


def _commitment(bound: bytes, holder: str, share: bytes) -> bytes:
    return tagged_hash("secagg-commitment", bound, lp(holder.encode()), share)


def _xor(first: bytes, second: bytes) -> bytes:
    return (int.from_bytes(first, "little") ^ int.from_bytes(second, "little")).to_bytes(
        ELEMENT_SIZE, "little"
    )
