"""Secret randomness: streams of bits that nobody without the seed can tell from chance.

The noise and the samples of differential privacy protect nobody who can be guessed at, so they
come from a cipher: AES-256 in counter mode (NIST SP 800-38A) over zeros, under a key that is
derived for one site, study, round and purpose alone.
"""

from __future__ import annotations

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from numpy.typing import NDArray


class SecretStream:
    """A stream of random numbers from a 32-byte seed; equal seeds give equal streams."""

    def __init__(self, seed: bytes) -> None:
        self._cipher = Cipher(algorithms.AES256(seed), modes.CTR(b"\0" * 16)).encryptor()

    def words(self, count: int) -> NDArray[np.uint64]:
        """Return uniform 64-bit words, uint64 [count]."""
        return np.frombuffer(self._cipher.update(bytes(8 * count)), "<u8").astype(np.uint64)

    def chances(self, count: int, rate: float) -> NDArray[np.bool_]:
        """Return independent draws, each true with a chance of `rate` in 0 to 1: bool [count]."""
        if rate >= 1.0:
            return np.ones(count, np.bool_)
        drawn: NDArray[np.bool_] = self.words(count) < np.uint64(int(rate * 2.0**64))
        return drawn

    def normals(self, count: int) -> NDArray[np.float64]:
        """Return standard normal numbers, float64 [count] (Box and Muller 1958)."""
        pairs = -(-count // 2)
        words = self.words(2 * pairs)
        uniform = ((words >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
        radius = np.sqrt(-2.0 * np.log(uniform[:pairs]))
        angle = uniform[pairs:] * (2.0 * np.pi)
        found = np.empty(2 * pairs)
        np.multiply(radius, np.cos(angle), out=found[:pairs])
        np.multiply(radius, np.sin(angle), out=found[pairs:])
        return found[:count]

    def geometric(self, epsilon: float, count: int) -> NDArray[np.int64]:
        """Return two-sided geometric noise, P(k) proportional to exp(-epsilon |k|): int64 [count].

        The difference of two geometric numbers (Ghosh, Roughgarden and Sundararajan, "Universally
        Utility-Maximizing Privacy Mechanisms", STOC 2009).
        """
        uniform = ((self.words(2 * count) >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
        steps = np.floor(np.log(uniform) / -epsilon)
        noise: NDArray[np.int64] = (steps[:count] - steps[count:]).astype(np.int64)
        return noise
