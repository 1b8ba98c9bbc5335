"""Ciphertexts add up exactly, a wrong key opens nothing, and the parameters are what they claim."""

from __future__ import annotations

from hashlib import sha256
from math import log2, prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collegium.mechanisms.threshold_he.rlwe import (
    NOISE,
    PARAMETERS,
    decrypt,
    encrypt,
    noise,
    pieces,
    uniform,
)
from collegium.secrecy.masking import RingVector, ring_type

QUANTUM_128 = {2048: 51, 4096: 101}
"""The Homomorphic Encryption Standard's largest log2(q), table 2, ternary secrets."""


def key_of(name: str, ring: int, count: int = 1) -> list[np.ndarray]:
    parameters = PARAMETERS[ring]
    seeds = [sha256(f"{name} {prime}".encode()).digest() for prime in parameters.primes]
    rows = [
        uniform(seed, parameters.degree * count, prime)
        for seed, prime in zip(seeds, parameters.primes, strict=True)
    ]
    return [row.reshape(parameters.degree, count) for row in rows] if count > 1 else rows


def matrix_of(ring: int, count: int) -> list[np.ndarray]:
    return [row.reshape(PARAMETERS[ring].degree, count) for row in key_of("a", ring, count)]


def ciphertext_of(vector: RingVector, name: str, ring: int) -> list[np.ndarray]:
    count = pieces(vector.size, PARAMETERS[ring])
    error = noise(sha256(name.encode()).digest(), count * PARAMETERS[ring].degree)
    return encrypt(vector, matrix_of(ring, count), key_of(name, ring), error)


def added(parts: list[list[np.ndarray]], ring: int) -> list[np.ndarray]:
    primes = PARAMETERS[ring].primes
    return [sum(part[1:], part[0]) % np.uint64(p) for *part, p in zip(*parts, primes, strict=True)]


@pytest.mark.parametrize("ring", [32, 64])
def test_parameters_are_within_the_standard_and_hold_64_members(ring: int) -> None:
    parameters = PARAMETERS[ring]
    for prime in parameters.primes:
        assert all(prime % other for other in range(2, int(prime**0.5) + 1))
        assert prime % (2 * parameters.degree) == 1
        assert prime < 2**27  # what the lazy transform has room for
    bits = log2(prod(parameters.primes))
    assert bits < QUANTUM_128[parameters.degree]
    assert bits > ring + 1 + log2(64 * NOISE) + 3.5  # a wrong key's residues stand out


@given(
    count=st.integers(1, 6), size=st.sampled_from([1, 5, 2050]), ring=st.sampled_from([32, 64]),
    seed=st.integers(0, 2**16),
)  # fmt: skip
@settings(max_examples=15)
def test_sums_are_exact(count: int, size: int, ring: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    kind, largest = ring_type(ring), 2 ** (ring - 1) // count - 1
    vectors = [
        generator.integers(-largest, largest, size, endpoint=True).astype(f"i{ring // 8}")
        for _ in range(count)
    ]
    vectors[0][0] = -largest
    parts = [
        ciphertext_of(vector.view(kind), f"m{number}", ring)
        for number, vector in enumerate(vectors)
    ]
    keys = added([key_of(f"m{number}", ring) for number in range(count)], ring)
    pieces_of = matrix_of(ring, pieces(size, PARAMETERS[ring]))
    found = decrypt(added(parts, ring), pieces_of, keys, ring, size, count)
    assert found is not None
    assert (found == sum(vectors[1:], vectors[0]).view(kind)).all()


def test_a_wrong_key_opens_nothing() -> None:
    vector = np.arange(7, dtype=np.uint32)
    ciphertext, key = ciphertext_of(vector, "ada", 32), key_of("ada", 32)
    assert decrypt(ciphertext, matrix_of(32, 1), key, 32, 7, 1) is not None
    for place in (0, 2047):
        other = [row.copy() for row in key]
        other[1][place] = (other[1][place] + np.uint64(1)) % np.uint64(PARAMETERS[32].primes[1])
        assert decrypt(ciphertext, matrix_of(32, 1), other, 32, 7, 1) is None


def test_what_lies_behind_the_vector_must_be_zero() -> None:
    ciphertext = ciphertext_of(np.arange(1, 8, dtype=np.uint32), "ada", 32)
    assert decrypt(ciphertext, matrix_of(32, 1), key_of("ada", 32), 32, 6, 1) is None


def test_a_ciphertext_looks_uniform() -> None:
    for prime, rows in zip(
        PARAMETERS[32].primes, ciphertext_of(np.zeros(1, np.uint32), "bo", 32), strict=True
    ):
        deviation = prime / 12**0.5 / rows.size**0.5
        assert abs(rows.astype(np.float64).mean() - prime / 2) < 5 * deviation
        assert rows.max() < prime


def test_noise_is_centred_with_the_variance_that_it_claims() -> None:
    drawn = noise(bytes(32), 200_000)
    assert abs(drawn.mean()) < 5 * 21**0.5 / 200_000**0.5
    assert abs(drawn.var() / 21 - 1) < 0.02
    assert np.abs(drawn).max() <= NOISE


def test_residues_and_noise_are_what_the_format_says() -> None:
    stream = bytes.fromhex(  # AES-256 in counter mode under 32 zero bytes
        "dc95c078a2408989ad48a21492842087530f8afbc74536b9a963b4f1c4cb738b"
    )
    prime = PARAMETERS[32].primes[0]
    expected = [int.from_bytes(stream[at : at + 16], "little") % prime for at in (0, 16)]
    assert uniform(bytes(32), 2, prime).tolist() == expected
    low = 2**42 - 1
    words = [int.from_bytes(stream[at : at + 8], "little") & low for at in range(0, 32, 8)]
    bits = [word.bit_count() for word in words]
    assert noise(bytes(32), 2).tolist() == [bits[0] - bits[1], bits[2] - bits[3]]
