"""Additively homomorphic encryption of integer vectors from ring learning with errors.

A ciphertext of m under the key s is a s + 2^b e + m modulo q, for public uniform a and small noise
e (Brakerski and Vaikuntanathan, CRYPTO 2011, with the message in the low bits). Ciphertexts with
the same a add up, and so do their keys: the sum is a ciphertext of the sum of the messages under
the sum of the keys. docs/spec page 16; security in docs/decisions/0069.

Residues modulo q are kept modulo each of its primes, and polynomials as their values (`ntt`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from numpy.typing import NDArray

from collegium.mechanisms.threshold_he.ntt import UInt64, to_polynomials, to_values
from collegium.secrecy.masking import RingVector, ring_type

Int64 = NDArray[np.int64]

NOISE = 42
"""Largest noise of a coefficient: the difference of two sums of so many bits."""

_BITS = np.uint64(2**NOISE - 1)


@dataclass(frozen=True, slots=True)
class Parameters:
    """The degree N of the polynomials and the primes whose product is the modulus q."""

    degree: int
    primes: tuple[int, ...]


PARAMETERS = {
    32: Parameters(2048, (47382529, 47349761)),
    64: Parameters(4096, (134176769, 134111233, 134012929)),
}
"""By the ring of the sum, whose bits b are those of the message.

By core-SVP (tools/lattice_bits.py) they have 113 and 151 bits; the first serves ledgers of
contract 1 alone (docs/decisions/0150). Both leave room for the noise of 64 members.
"""


def pieces(coordinates: int, parameters: Parameters) -> int:
    """Return K, how many polynomials hold a vector."""
    return -(-coordinates // parameters.degree)


def uniform(key: bytes, count: int, prime: int) -> UInt64:
    """Return uniform residues: the key stream in 16-byte integers, little-endian, modulo the prime.

    The key is used for nothing else. The bias is below 2^-100.
    """
    words = _words(key, 2 * count)
    p = np.uint64(prime)
    high = words[1::2] % p * np.uint64(2**64 % prime)
    return (high + words[::2] % p) % p


def noise(key: bytes, count: int) -> Int64:
    """Return noise: the bits set among 42 of a word of the key stream, less those of the next word.

    A word is 8 bytes, little-endian, of which the low 42 bits count. This centred binomial
    distribution has variance 21.
    """
    words = _popcount(_words(key, 2 * count) & _BITS)
    return words[::2] - words[1::2]


def encrypt(
    vector: RingVector, matrix: list[UInt64], key: list[UInt64], error: Int64
) -> list[UInt64]:
    """Return a ciphertext modulo each prime, uint64 [N, K].

    Args:
        vector: uint32 or uint64 [m], read as signed.
        matrix: a, modulo each prime, uint64 [N, K].
        key: s, modulo each prime, uint64 [N].
        error: int64 [N K], its noise.
    """
    bits = 8 * vector.itemsize
    parameters = PARAMETERS[bits]
    signed = np.zeros(error.size, np.int64)
    signed[: vector.size] = vector.view(np.int32 if bits == 32 else np.int64)
    found = []
    for prime, a, s in zip(parameters.primes, matrix, key, strict=True):
        plain = (signed % prime + 2**bits % prime * error) % prime
        columns = plain.astype(np.uint64).reshape(-1, parameters.degree).T
        values = to_values(np.ascontiguousarray(columns), prime)
        values += a * s[:, None]
        values %= np.uint64(prime)
        found.append(values)
    return found


def decrypt(
    ciphertext: list[UInt64], matrix: list[UInt64], key: list[UInt64], ring: int, coordinates: int,
    added: int,
) -> RingVector | None:  # fmt: skip
    """Return the vector in a sum of ciphertexts, or None where the key does not open it.

    A wrong key leaves uniform residues, which pass for small noise in every coefficient with a
    probability below 2^-5N.

    Args:
        ciphertext: modulo each prime, uint64 [N, K].
        matrix: a, of the same shapes.
        key: the sum of the keys, modulo each prime, uint64 [N].
        ring: 32 or 64.
        coordinates: m, how long the vector is; what lies behind it must be zero.
        added: how many ciphertexts were added.
    """
    primes = PARAMETERS[ring].primes
    residues = []
    for prime, c, a, s in zip(primes, ciphertext, matrix, key, strict=True):
        p = np.uint64(prime)
        left = (c + a * (p - s[:, None])) % p
        residues.append(to_polynomials(left, prime).T.reshape(-1))
    whole, rough = _integers(residues, primes)
    kind = ring_type(ring)
    low = whole.astype(kind)
    signed = low.view(np.int32 if ring == 32 else np.int64).astype(np.float64)
    errors = np.rint((rough - signed) / 2.0**ring)
    if np.abs(errors).max() > NOISE * added or low[coordinates:].any():
        return None
    return low[:coordinates]


def _integers(
    residues: list[UInt64], primes: tuple[int, ...]
) -> tuple[UInt64, NDArray[np.float64]]:
    """Return the integers nearest to zero with these residues: modulo 2^64, and to 53 bits."""
    digits: list[UInt64] = []
    for number, (found, prime) in enumerate(zip(residues, primes, strict=True)):
        p, left = np.uint64(prime), found
        for digit, other in zip(digits, primes, strict=False):
            left = (left + p * np.uint64(8) - digit % p) % p
            left = left * np.uint64(pow(other, -1, prime)) % p
        digits.append(left if number else found)
    whole, rough = np.zeros_like(digits[0]), np.zeros(digits[0].size)
    scale = 1
    for digit, prime in zip(digits, primes, strict=True):
        whole += digit * np.uint64(scale % 2**64)
        rough += digit * float(scale)
        scale *= prime
    above = rough > scale / 2
    whole[above] -= np.uint64(scale % 2**64)
    rough[above] -= float(scale)
    return whole, rough


def _words(key: bytes, count: int) -> UInt64:
    stream = Cipher(algorithms.AES(key), modes.CTR(bytes(16))).encryptor().update(bytes(8 * count))
    return np.frombuffer(stream, "<u8").astype(np.uint64)


def _popcount(words: UInt64) -> Int64:
    """Return how many bits are set in each word, which is overwritten.

    Warren, Hacker's Delight, section 5-1.
    """
    part = words >> np.uint64(1)
    part &= np.uint64(0x5555555555555555)
    words -= part
    np.bitwise_and(words, np.uint64(0x3333333333333333), out=part)
    words >>= np.uint64(2)
    words &= np.uint64(0x3333333333333333)
    words += part
    np.right_shift(words, np.uint64(4), out=part)
    words += part
    words &= np.uint64(0x0F0F0F0F0F0F0F0F)
    words *= np.uint64(0x0101010101010101)
    words >>= np.uint64(56)
    return words.view(np.int64)
