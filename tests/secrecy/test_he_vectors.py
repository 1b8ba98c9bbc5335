"""The worked bytes of page 16, made again by a stranger with other code."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import numpy as np
from tests.ledger.vectors import VECTORS
from tests.secrecy.test_vectors import expand, hkdf, lp, public, shared, stream, tag

CASE: dict[str, Any] = VECTORS["threshold_he"][0]
N, PRIMES, CHECKS = 2048, (47382529, 47349761), 6
Row = list[int]


def u64(value: int) -> bytes:
    return value.to_bytes(8, "big")


def tagged(what: str, *parts: bytes) -> bytes:
    return sha256(tag(what) + b"".join(parts)).digest()


def uniform(key: bytes, count: int, prime: int) -> Row:
    drawn = stream(key, 16 * count)
    return [
        int.from_bytes(drawn[at : at + 16], "little") % prime for at in range(0, 16 * count, 16)
    ]


def noise(key: bytes, count: int) -> Row:
    drawn, low = stream(key, 16 * count), 2**42 - 1
    words = [int.from_bytes(drawn[at : at + 8], "little") & low for at in range(0, 16 * count, 8)]
    return [words[at].bit_count() - words[at + 1].bit_count() for at in range(0, 2 * count, 2)]


def values_of(polynomial: Row, prime: int) -> Row:
    """Horner's rule at all points at once."""
    root = next(
        w
        for w in (pow(base, (prime - 1) // (2 * N), prime) for base in range(2, 1000))
        if pow(w, N, prime) == prime - 1
    )
    powers = [pow(root, 2 * int(f"{i:011b}"[::-1], 2) + 1, prime) for i in range(N)]
    points, found = np.array(powers, np.int64), np.zeros(N, np.int64)
    for coefficient in reversed(polynomial):
        found = (found * points + coefficient) % prime
    return [int(value) for value in found]


def packed(rows: list[Row]) -> bytes:
    return b"".join(value.to_bytes(4, "little") for row in rows for value in row)


class Stranger:
    """One member's arithmetic, as the page tells it."""

    def __init__(self, name: str) -> None:
        self.name, self.secrets = name, CASE["members"][name]
        share_holders = [bytes.fromhex(CASE["place"]), u64(CASE["threshold"]), u64(32)]
        for other, about in CASE["members"].items():
            share_holders += [
                lp(other), bytes.fromhex(about["mask_key"]), bytes.fromhex(about["share_key"])
            ]  # fmt: skip
        self.bound = tagged("he-circle", *share_holders) + lp(name)
        self.seed = expand(bytes.fromhex(self.secrets["self_secret"]), tag("he-seed") + self.bound)
        self.key = [uniform(expand(self.seed, tag("he-key") + u64(p)), N, p) for p in PRIMES]
        self.rows = []
        for secret, prime in zip(self.key, PRIMES, strict=True):
            count, width = CASE["threshold"], N + CHECKS
            key = expand(self.seed, tag("he-polynomials") + u64(prime))
            drawn = uniform(key, count * width, prime)
            rows = [drawn[at : at + width] for at in range(0, count * width, width)]
            rows[0][:N] = secret
            self.rows.append(rows)

    def point(self, holder: int) -> list[Row]:
        return [
            [
                sum(value * holder**power for power, value in enumerate(column)) % prime
                for column in zip(*rows, strict=True)
            ]
            for rows, prime in zip(self.rows, PRIMES, strict=True)
        ]

    def deal(self) -> bytes:
        private = expand(bytes.fromhex(self.secrets["mask_secret"]), tag("secagg-mask-key"))
        assert public(private).hex() == self.secrets["mask_key"]
        commitments, ciphertexts = [], []
        for number, (holder, about) in enumerate(CASE["members"].items(), 1):
            raw = packed(self.point(number))
            commitments.append(tagged("he-commitment", self.bound, lp(holder), raw))
            agreed = shared(private, bytes.fromhex(about["share_key"]))
            pad = stream(hkdf(agreed, tag("he-share") + self.bound + lp(holder)), len(raw))
            ciphertexts.append(bytes(one ^ two for one, two in zip(raw, pad, strict=True)))
        challenge = tagged("he-challenge", *commitments)
        combined = []
        for rows, prime in zip(self.rows, PRIMES, strict=True):
            drawn = uniform(expand(challenge, tag("he-factors") + u64(prime)), CHECKS * N, prime)
            for check in range(CHECKS):
                factors = drawn[check * N : (check + 1) * N]
                combined.append([
                    (sum(f * v for f, v in zip(factors, row, strict=False)) + row[N + check])
                    % prime
                    for row in rows
                ])  # fmt: skip
        count = len(commitments).to_bytes(4, "big")
        head = tag("key-deal") + count + b"".join(commitments)
        return head + packed(combined) + b"".join(ciphertexts)

    def encrypted(self) -> bytes:
        transcript, update = bytes.fromhex(CASE["transcript"]), CASE["updates"][self.name]
        peak = max(map(abs, update))
        plain = [CASE["weight"] * value for value in update]
        plain += [int(peak == 32767), int(peak < 8192)]
        error = noise(expand(self.seed, tag("he-noise") + transcript), N)
        rows = []
        for secret, prime in zip(self.key, PRIMES, strict=True):
            public_a = uniform(expand(transcript, tag("he-matrix") + u64(prime)), N, prime)
            sent = plain + [0] * (N - len(plain))
            values = values_of(
                [(m + 2**32 * e) % prime for m, e in zip(sent, error, strict=True)], prime
            )
            rows.append([
                (a * s + v) % prime for a, s, v in zip(public_a, secret, values, strict=True)
            ])  # fmt: skip
        header = len(plain).to_bytes(8, "big") + b"\4" + (12).to_bytes(2, "big")
        return tag("encrypted") + header + packed(rows)


STRANGERS = {name: Stranger(name) for name in CASE["members"]}


def test_deals_are_made_again() -> None:
    for name, stranger in STRANGERS.items():
        deal = stranger.deal()
        about = CASE["members"][name]
        assert deal.startswith(bytes.fromhex(about["deal_begins"]))
        assert sha256(deal).hexdigest() == about["deal"]


def test_encrypted_updates_are_made_again() -> None:
    for name, about in CASE["encrypted"].items():
        blob = STRANGERS[name].encrypted()
        assert blob.startswith(bytes.fromhex(about["begins"]))
        assert sha256(blob).hexdigest() == about["digest"]


def test_shares_of_the_sums_key_are_made_again_and_open_the_sum() -> None:
    numbers = {name: number for number, name in enumerate(CASE["members"], 1)}
    shares = {}
    for holder in CASE["shares"]:
        points = [STRANGERS[name].point(numbers[holder]) for name in CASE["updates"]]
        shares[holder] = [
            [
                sum(values) % prime
                for values in zip(*(point[index][:N] for point in points), strict=True)
            ]
            for index, prime in enumerate(PRIMES)
        ]
        blob = tag("key-share") + packed(shares[holder])
        assert blob.startswith(bytes.fromhex(CASE["shares"][holder]["begins"]))
        assert sha256(blob).hexdigest() == CASE["shares"][holder]["digest"]
    one, two = numbers["ada"], numbers["cy"]
    for index, prime in enumerate(PRIMES):
        weight = two * pow(two - one, -1, prime) % prime, -one * pow(two - one, -1, prime) % prime
        found = [
            (weight[0] * first + weight[1] * second) % prime
            for first, second in zip(shares["ada"][index], shares["cy"][index], strict=True)
        ]
        keys = [STRANGERS[name].key[index] for name in CASE["updates"]]
        assert found == [sum(values) % prime for values in zip(*keys, strict=True)]
    expected = np.array(
        [sum(column) for column in zip(*CASE["updates"].values(), strict=True)], np.int64
    )
    assert (CASE["weight"] * expected % 2**32).tolist() == CASE["total"][:-2]
