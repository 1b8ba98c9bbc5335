r"""The blob of an encrypted update, and the sum of several before it is opened; docs/spec page 16.

``collegium/encrypted/v1\0``, u64 m, u8 width of the sum's ring in bytes (4 or 8), i16 exponent e,
then, prime by prime, the N x K residues of the ciphertext as little-endian u32, value by value and
within it polynomial by polynomial. m counts as in a masked update: two more than the model has.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collegium.canonical import malformed
from collegium.learning.blobs import MAX_EXPONENT
from collegium.ledger.hashing import tag
from collegium.mechanisms.threshold_he.key_shares import Key
from collegium.mechanisms.threshold_he.ntt import UInt64
from collegium.mechanisms.threshold_he.rlwe import PARAMETERS, decrypt, pieces
from collegium.secrecy.masked import INDICATORS, misfit
from collegium.secrecy.masking import RingVector

_TAG = tag("encrypted")
_HEADER = struct.Struct(f">{len(_TAG)}sQBh")


@dataclass(frozen=True, slots=True, eq=False)
class EncryptedSum:
    """The sum of an attempt's ciphertexts, and what opens it beside a key."""

    ciphertext: list[UInt64]
    matrix: list[UInt64]
    ring: int
    coordinates: int
    added: int

    def opened(self, key: Key) -> RingVector | None:
        """Return the vector in it, or None where the key is another one; that is seen at once."""
        head = min(self.coordinates, PARAMETERS[self.ring].degree)
        first, start = ([rows[:, :1] for rows in part] for part in (self.ciphertext, self.matrix))
        if decrypt(first, start, key, self.ring, head, self.added) is None:
            return None
        return decrypt(self.ciphertext, self.matrix, key, self.ring, self.coordinates, self.added)


def encode_encrypted(ciphertext: list[UInt64], coordinates: int, ring: int, exponent: int) -> bytes:
    """Return the blob of an encrypted update."""
    header = _HEADER.pack(_TAG, coordinates, ring // 8, exponent)
    return header + b"".join(rows.astype("<u4").tobytes() for rows in ciphertext)


def decode_encrypted(
    data: bytes, parameters: int, ring: int, exponent: int
) -> list[NDArray[np.uint32]]:
    """Return the ciphertext in an encrypted update's blob: by prime, uint32 [N, K].

    Raises:
        FormatError: the bytes are no encrypted update, or one of another attempt's shape.
    """
    setting, coordinates = PARAMETERS[ring], parameters + INDICATORS
    shape = setting.degree, pieces(coordinates, setting)
    expected = _HEADER.pack(_TAG, coordinates, ring // 8, exponent)
    size = len(expected) + 4 * len(setting.primes) * shape[0] * shape[1]
    if not data.startswith(expected) or len(data) != size or abs(exponent) > MAX_EXPONENT:
        raise misfit("an encrypted update")
    rows = np.frombuffer(data, "<u4", offset=len(expected)).reshape(-1, *shape)
    if any(row.max() >= prime for row, prime in zip(rows, setting.primes, strict=True)):
        raise malformed("an encrypted update", "it holds more than residues")
    return list(rows)
