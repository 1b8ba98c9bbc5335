"""A key dealt to a circle: shares by polynomials, and a proof that all lie on the same ones.

Shamir's scheme, coordinate by coordinate, modulo each prime. A dealer that gave holders points of
no common polynomial could make an honest holder look like a liar later. So it also publishes random
combinations of its polynomials, each hidden by a polynomial of its own, for factors that follow
from the commitments to all shares (the batch check of Ben-Or, Goldwasser and Wigderson's sharing,
made non-interactive after Fiat and Shamir). docs/spec page 16.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from collegium.canonical import malformed
from collegium.ledger.hashing import DIGEST_SIZE, tag, tagged_hash, u64
from collegium.ledger.hpke import expand
from collegium.mechanisms.threshold_he.ntt import UInt64
from collegium.mechanisms.threshold_he.rlwe import Parameters, uniform

CHECKS = 6
"""Combinations for each prime: points of no common polynomial pass with odds below 2^-150."""

_TAG = tag("key-deal")
_SHARE_TAG = tag("key-share")

Key = list[UInt64]
"""A key or a share of one, modulo each prime: uint64 [N]."""


@dataclass(frozen=True, slots=True, eq=False)
class KeyDeal:
    """A dealt key.

    Attributes:
        commitments: 32 bytes a holder, in order.
        combined: by prime, uint64 [checks, t]: combinations of the polynomials' coefficients.
        ciphertexts: a holder's encrypted points, in order.
    """

    commitments: tuple[bytes, ...]
    combined: list[UInt64]
    ciphertexts: tuple[bytes, ...]


def share_points(
    key: Key, seed: bytes, threshold: int, holders: int, parameters: Parameters
) -> tuple[list[bytes], list[UInt64]]:
    """Return each holder's points, encoded, and the polynomials, uint64 [t, N + checks] by prime.

    A point has the key's coordinates and then those of the checks' own polynomials.

    Args:
        key: what is dealt; it is the polynomials' value at 0.
        seed: 32 bytes from which the other coefficients follow.
        threshold: t, how many points give the key.
        holders: how many there are; the first is at 1.
        parameters: of the key.
    """
    width = parameters.degree + CHECKS
    polynomials, points = [], [list[bytes]() for _ in range(holders)]
    for prime, secret in zip(parameters.primes, key, strict=True):
        stream = expand(seed, tag("he-polynomials") + u64(prime), 32)
        drawn = uniform(stream, threshold * width, prime).reshape(threshold, width)
        drawn[0, : parameters.degree] = secret
        polynomials.append(drawn)
        p = np.uint64(prime)
        for number in range(holders):
            value = drawn[-1]
            for coefficients in drawn[-2::-1]:
                value = (value * np.uint64(number + 1) + coefficients) % p
            points[number].append(value.astype("<u4").tobytes())
    return [b"".join(parts) for parts in points], polynomials


def combine(
    polynomials: Sequence[UInt64], commitments: Sequence[bytes], parameters: Parameters
) -> list[UInt64]:
    """Return the combinations of polynomials, or of points as polynomials of one coefficient.

    Args:
        polynomials: by prime, uint64 [t, N + checks].
        commitments: to every holder's points, from which the factors follow.
        parameters: of the key.

    Returns:
        By prime, uint64 [checks, t].
    """
    challenge = tagged_hash("he-challenge", *commitments)
    found = []
    for prime, rows in zip(parameters.primes, polynomials, strict=True):
        p, degree = np.uint64(prime), parameters.degree
        factors = _factors(challenge, prime, degree)
        sums = [
            [(row[:degree] * line % p).sum() + row[degree + check] for row in rows]
            for check, line in enumerate(factors)
        ]
        found.append(np.array(sums, np.uint64) % p)
    return found


@lru_cache(maxsize=64)  # members of one process ask for the same
def _factors(challenge: bytes, prime: int, degree: int) -> UInt64:
    stream = expand(challenge, tag("he-factors") + u64(prime), 32)
    return uniform(stream, CHECKS * degree, prime).reshape(CHECKS, degree)


def lies_on(deal: KeyDeal, number: int, point: Sequence[UInt64], parameters: Parameters) -> bool:
    """Return whether a holder's points lie on the polynomials behind a deal's combinations.

    Args:
        deal: the dealer's.
        number: the holder's, counted from 1.
        point: by prime, uint64 [N + checks].
        parameters: of the key.
    """
    mine = combine([row[None, :] for row in point], deal.commitments, parameters)
    for prime, own, combined in zip(parameters.primes, mine, deal.combined, strict=True):
        p = np.uint64(prime)
        value = combined[:, -1]
        for index in range(combined.shape[1] - 2, -1, -1):
            value = (value * np.uint64(number) + combined[:, index]) % p
        if not np.array_equal(value, own[:, 0]):
            return False
    return True


def interpolate(points: dict[int, Key], at: int, parameters: Parameters) -> Key:
    """Return the value of the polynomials through points, modulo each prime.

    Args:
        points: by holder's number, as many as the threshold.
        at: where; the key is at 0.
        parameters: of the key.
    """
    found = []
    for index, prime in enumerate(parameters.primes):
        total, p = np.zeros(len(next(iter(points.values()))[index]), np.uint64), np.uint64(prime)
        for number, point in points.items():
            above, below = 1, 1
            for other in points:
                if other != number:
                    above = above * (at - other) % prime
                    below = below * (number - other) % prime
            total += point[index] * np.uint64(above * pow(below, -1, prime) % prime) % p
        found.append(total % p)
    return found


def add_keys(keys: Sequence[Key], parameters: Parameters) -> Key:
    """Return the sum of keys, or of shares of them at one point."""
    found = []
    for index, prime in enumerate(parameters.primes):
        total = np.zeros_like(keys[0][index])
        for key in keys:
            total += key[index]
        found.append(total % np.uint64(prime))
    return found


def decode_points(data: bytes, parameters: Parameters, width: int) -> Key | None:
    """Return residues modulo each prime, uint64 [width], or None where the bytes hold none."""
    if len(data) != 4 * width * len(parameters.primes):
        return None
    rows = np.frombuffer(data, "<u4").astype(np.uint64).reshape(-1, width)
    if any(row.max() >= prime for row, prime in zip(rows, parameters.primes, strict=True)):
        return None
    return list(rows)


def encode_share(share: Key) -> bytes:
    """Return the blob of a share of a sum's key."""
    return _SHARE_TAG + b"".join(row.astype("<u4").tobytes() for row in share)


def decode_share(data: bytes, parameters: Parameters) -> Key | None:
    """Return the share in a blob, or None where the bytes are none."""
    if not data.startswith(_SHARE_TAG):
        return None
    return decode_points(data[len(_SHARE_TAG) :], parameters, parameters.degree)


def encode_key_deal(deal: KeyDeal) -> bytes:
    """Return the blob of a dealt key."""
    return b"".join(
        (
            _TAG, len(deal.commitments).to_bytes(4, "big"), *deal.commitments,
            *(rows.astype("<u4").tobytes() for rows in deal.combined), *deal.ciphertexts,
        )
    )  # fmt: skip


def decode_key_deal(data: bytes, holders: int, threshold: int, parameters: Parameters) -> KeyDeal:
    """Return the dealt key in a blob.

    Raises:
        FormatError: the bytes are no deal to so many holders.
    """
    head = _TAG + holders.to_bytes(4, "big")
    primes = len(parameters.primes)
    combined = 4 * primes * CHECKS * threshold
    points = 4 * primes * (parameters.degree + CHECKS)
    proof = len(head) + holders * DIGEST_SIZE
    body = proof + combined
    if not data.startswith(head) or len(data) != body + holders * points:
        raise malformed("a dealt key", f"it has another form than a deal to {holders} holders")
    rows = decode_points(data[proof:body], parameters, CHECKS * threshold)
    if rows is None:
        raise malformed("a dealt key", "its combinations are no residues")
    return KeyDeal(
        tuple(data[at : at + DIGEST_SIZE] for at in range(len(head), proof, DIGEST_SIZE)),
        [row.reshape(CHECKS, threshold) for row in rows],
        tuple(data[at : at + points] for at in range(body, len(data), points)),
    )
