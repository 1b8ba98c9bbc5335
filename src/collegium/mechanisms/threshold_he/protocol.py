"""Threshold homomorphic encryption: anybody adds encrypted updates, t members open their sum.

Every member encrypts under a key of its own, made for one attempt and dealt to all members in
shares. Ciphertexts and keys add up alike, so the sum is encrypted under the sum of the survivors'
keys, which nobody ever held. Each holder adds its shares of those keys; t such sums open the key of
this one sum, and with it the sum. The design is that of key-homomorphic encryption with a threshold
opening (Li, Lin, Polychroniadou and Tessaro, "LERNA", ASIACRYPT 2023; Bell, Gascón, Ghazi, Kumar,
Pagh, Raykova and Schoppmann, "Willow", CRYPTO 2025, from which the committee of all members and the
ledger in the server's place differ). docs/spec page 16, docs/decisions/0069.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations, islice

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from nacl import bindings

from collegium.errors import FormatError
from collegium.ledger.hashing import lp, tag, tagged_hash, u64
from collegium.ledger.hpke import expand, hkdf
from collegium.mechanisms.threshold_he.encrypted import (
    EncryptedSum,
    decode_encrypted,
    encode_encrypted,
)
from collegium.mechanisms.threshold_he.key_shares import (
    CHECKS,
    Key,
    KeyDeal,
    add_keys,
    combine,
    decode_key_deal,
    decode_points,
    decode_share,
    encode_key_deal,
    encode_share,
    interpolate,
    lies_on,
    share_points,
)
from collegium.mechanisms.threshold_he.ntt import UInt64
from collegium.mechanisms.threshold_he.rlwe import PARAMETERS, encrypt, noise, pieces, uniform
from collegium.secrecy.deal import agree, mask_private
from collegium.secrecy.masked import INDICATORS
from collegium.secrecy.masking import RingVector
from collegium.secrecy.secure_sum import OF_THE_SUM, OwnSecrets, Posted, SumFailure
from collegium.secrecy.shamir import from_element
from collegium.secrecy.sum_setup import FixedDeals, PublicKeys, ShareHolders

MOST_TRIES = 2000
"""Choices of holders to leave out that are tried before too many are taken to have lied."""


@dataclass(frozen=True, slots=True)
class ThresholdHE:
    """Encryption under keys that are dealt to all and only ever opened as a sum."""

    name: str = "threshold_he@1"

    def advertise(self, own: OwnSecrets) -> PublicKeys:
        """Return the keys that a member deals with, and is dealt to with."""
        return PublicKeys(
            bindings.crypto_scalarmult_base(mask_private(own.mask)),
            bindings.crypto_scalarmult_base(own.share),
        )

    def deal(self, own: OwnSecrets, share_holders: ShareHolders, member: str) -> bytes:
        """Return the blob in which a member's key of the attempt is dealt to all holders."""
        parameters = PARAMETERS[share_holders.ring]
        seed = _seed(own, share_holders, member)
        points, polynomials = share_points(
            key_of(own, share_holders, member),
            seed,
            share_holders.threshold,
            len(share_holders.keys),
            parameters,
        )
        bound = _bound(share_holders, member)
        commitments = tuple(
            _commitment(bound, holder, point)
            for holder, point in zip(share_holders.keys, points, strict=True)
        )
        private = mask_private(own.mask)
        ciphertexts = tuple(
            _crypt(point, agree(private, keys.share), bound, holder)
            for (holder, keys), point in zip(share_holders.keys.items(), points, strict=True)
        )
        return encode_key_deal(
            KeyDeal(commitments, combine(polynomials, commitments, parameters), ciphertexts)
        )

    def is_sound(
        self, own: OwnSecrets, share_holders: ShareHolders, dealer: str, member: str, deal: bytes
    ) -> bool:
        """Return whether a member got points that are committed to, on the dealer's polynomials."""
        return point_of(own, share_holders, dealer, member, deal) is not None

    def protect(
        self, own: OwnSecrets, agreement: FixedDeals, member: str, vector: RingVector
    ) -> bytes:
        """Return the blob of a member's encrypted vector."""
        share_holders, transcript = agreement.share_holders, agreement.transcript()
        parameters = PARAMETERS[share_holders.ring]
        count = pieces(vector.size, parameters)
        seed = _seed(own, share_holders, member)
        error = noise(expand(seed, tag("he-noise") + transcript, 32), count * parameters.degree)
        matrix = _matrix(transcript, share_holders.ring, count)
        ciphertext = encrypt(vector, matrix, key_of(own, share_holders, member), error)
        return encode_encrypted(ciphertext, vector.size, share_holders.ring, agreement.exponent)

    def check(self, data: bytes, parameters: int, ring: int, exponent: int) -> None:
        """Accept the blob of an encrypted vector that has the form of its attempt's."""
        decode_encrypted(data, parameters, ring, exponent)

    def shares(
        self, own: OwnSecrets, agreement: FixedDeals, member: str, deals: Mapping[str, bytes],
        survivors: frozenset[str],
    ) -> dict[str, bytes]:  # fmt: skip
        """Return a member's share of the key of the survivors' sum, if it got all its parts."""
        share_holders = agreement.share_holders
        parameters = PARAMETERS[share_holders.ring]
        if not survivors <= deals.keys():
            return {}
        found = []
        for dealer in sorted(survivors):
            point = point_of(own, share_holders, dealer, member, deals[dealer])
            if point is None:
                return {}
            found.append([row[: parameters.degree] for row in point])
        return {OF_THE_SUM: encode_share(add_keys(found, parameters))}

    def total(
        self, agreement: FixedDeals, parameters: int, hidden: Mapping[str, bytes],
        deals: Mapping[str, bytes], posted: Posted,
    ) -> RingVector | SumFailure:  # fmt: skip
        """Return the sum of the encrypted vectors, or that too few right shares are posted."""
        return opened(agreement.share_holders, added(agreement, parameters, hidden), posted)

    def forged(
        self, agreement: FixedDeals, parameters: int, hidden: Mapping[str, bytes],
        deals: Mapping[str, bytes], posted: Posted,
    ) -> list[tuple[str, str]]:  # fmt: skip
        """Return the holders whose shares are none of the key that opens the sum.

        Holders in league can post shares of other polynomials with the same value at 0. So nobody
        is named unless more than half of what is posted beyond t - 2 shares lies on one polynomial:
        no two of them have as many.
        """
        share_holders = agreement.share_holders
        setting, shares = PARAMETERS[share_holders.ring], _shares(share_holders, posted)
        sealed = added(agreement, parameters, hidden)
        names = {number: name for name, number in share_holders.numbers.items()}
        for base in _bases(shares, share_holders.threshold):
            if sealed.opened(interpolate(base, 0, setting)) is None:
                continue
            off = [
                number
                for number, share in shares.items()
                if number not in base and not _equal(interpolate(base, number, setting), share)
            ]
            if 2 * (len(shares) - len(off)) > len(shares) + share_holders.threshold - 2:
                unread = set(posted) - {names[number] for number in shares}
                return [(name, OF_THE_SUM) for name in sorted(unread | {names[n] for n in off})]
        return []

    def cheated(
        self, agreement: FixedDeals, deals: Mapping[str, bytes], posted: Posted,
        survivors: frozenset[str],
    ) -> list[tuple[str, str]]:  # fmt: skip
        """Return nobody: no single key is ever opened, so no deal can be shown to be false."""
        return []


def point_of(
    own: OwnSecrets, share_holders: ShareHolders, dealer: str, member: str, deal: bytes
) -> Key | None:
    """Return a member's points of a deal, or None where it got none that hold.

    By prime, uint64 [N + checks].
    """
    parameters = PARAMETERS[share_holders.ring]
    number = share_holders.numbers[member]
    try:
        dealt = decode_key_deal(deal, len(share_holders.keys), share_holders.threshold, parameters)
        shared = agree(own.share, share_holders.keys[dealer].mask)
    except FormatError:
        return None
    bound = _bound(share_holders, dealer)
    data = _crypt(dealt.ciphertexts[number - 1], shared, bound, member)
    if _commitment(bound, member, data) != dealt.commitments[number - 1]:
        return None
    point = decode_points(data, parameters, parameters.degree + CHECKS)
    if point is None or not lies_on(dealt, number, point, parameters):
        return None
    return point


def opened(
    share_holders: ShareHolders, total: EncryptedSum, posted: Posted
) -> RingVector | SumFailure:
    """Return the vector in a sum, or that too few right shares are posted."""
    for base in _bases(_shares(share_holders, posted), share_holders.threshold):
        vector = total.opened(interpolate(base, 0, PARAMETERS[share_holders.ring]))
        if vector is not None:
            return vector
    return SumFailure("shares", OF_THE_SUM)


def added(agreement: FixedDeals, parameters: int, hidden: Mapping[str, bytes]) -> EncryptedSum:
    """Return the sum of an attempt's encrypted updates.

    Raises:
        FormatError: one is malformed.
    """
    ring, total = agreement.share_holders.ring, list[UInt64]()
    for data in hidden.values():
        rows = decode_encrypted(data, parameters, ring, agreement.exponent)
        if not total:
            total = [np.zeros(row.shape, np.uint64) for row in rows]
        for sum_of, row in zip(total, rows, strict=True):
            sum_of += row
    primes = PARAMETERS[ring].primes
    ciphertext = [rows % np.uint64(prime) for rows, prime in zip(total, primes, strict=True)]
    matrix = _matrix(agreement.transcript(), ring, ciphertext[0].shape[1])
    return EncryptedSum(ciphertext, matrix, ring, parameters + INDICATORS, len(hidden))


def _shares(share_holders: ShareHolders, posted: Posted) -> dict[int, Key]:
    """Return the well-formed shares by their holders' numbers, in order."""
    setting, found = PARAMETERS[share_holders.ring], {}
    for name, number in share_holders.numbers.items():
        data = posted.get(name, {}).get(OF_THE_SUM)
        share = None if data is None else decode_share(data, setting)
        if share is not None:
            found[number] = share
    return found


def _bases(shares: Mapping[int, Key], threshold: int) -> Iterator[dict[int, Key]]:
    """Yield choices of t shares: the first of all, of all but one, of all but two, and so on."""
    seen = set[tuple[int, ...]]()
    for left_out in range(len(shares) - threshold + 1):
        for without in combinations(shares, left_out):
            base = tuple(islice((one for one in shares if one not in without), threshold))
            if base in seen:
                continue
            seen.add(base)
            yield {number: shares[number] for number in base}
            if len(seen) == MOST_TRIES:
                return


def _equal(one: Key, other: Key) -> bool:
    return all(np.array_equal(first, second) for first, second in zip(one, other, strict=True))


def _circle_digest(share_holders: ShareHolders) -> bytes:
    parts = [share_holders.bound, u64(share_holders.threshold), u64(share_holders.ring)]
    for member, keys in share_holders.keys.items():
        parts += [lp(member.encode()), keys.mask, keys.share]
    return tagged_hash("he-circle", *parts)


def _bound(share_holders: ShareHolders, dealer: str) -> bytes:
    """Return what binds a key and its shares to a dealer and to all who hold them."""
    return _circle_digest(share_holders) + lp(dealer.encode())


def _seed(own: OwnSecrets, share_holders: ShareHolders, member: str) -> bytes:
    return expand(from_element(own.own), tag("he-seed") + _bound(share_holders, member), 32)


def key_of(own: OwnSecrets, share_holders: ShareHolders, member: str) -> Key:
    """Return a member's key of the attempt: uniform, and the same whenever it is asked for."""
    parameters, seed = PARAMETERS[share_holders.ring], _seed(own, share_holders, member)
    return [
        uniform(expand(seed, tag("he-key") + u64(prime), 32), parameters.degree, prime)
        for prime in parameters.primes
    ]


def _matrix(transcript: bytes, ring: int, count: int) -> list[UInt64]:
    """Return a, by prime uint64 [N, K]: public, and another one for each agreement."""
    parameters = PARAMETERS[ring]
    return [
        uniform(
            expand(transcript, tag("he-matrix") + u64(prime), 32), parameters.degree * count, prime
        ).reshape(parameters.degree, count)
        for prime in parameters.primes
    ]


def _commitment(bound: bytes, holder: str, point: bytes) -> bytes:
    return tagged_hash("he-commitment", bound, lp(holder.encode()), point)


def _crypt(data: bytes, shared: bytes, bound: bytes, holder: str) -> bytes:
    """Encrypt or decrypt a holder's points: AES-256-CTR under a key for them alone."""
    key = hkdf(shared, tag("he-share") + bound + lp(holder.encode()), 32)
    return Cipher(algorithms.AES(key), modes.CTR(bytes(16))).encryptor().update(data)


THRESHOLD_HE = ThresholdHE()
