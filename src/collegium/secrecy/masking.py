"""Masks: key streams of AES-256 in counter mode, added in the ring of an attempt's sum.

Addition of unsigned integers wraps around, which is the ring's own arithmetic, so a mask that is
added once and subtracted once is gone to the last bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from numpy.typing import NDArray

RingVector = NDArray[np.unsignedinteger[Any]]
"""uint32 [m] or uint64 [m]: residues modulo 2^32 or 2^64."""

_BLOCK = 1 << 18
"""Bytes of key stream made at a time, so that a block stays near the processor."""

_ZEROS = bytes(_BLOCK)


def ring_type(ring: int) -> np.dtype[np.unsignedinteger[Any]]:
    """Return the type of the residues of an attempt's ring, which is 32 or 64."""
    return np.dtype("<u4") if ring == 32 else np.dtype("<u8")


def add_masks(vector: RingVector, plus: Sequence[bytes], minus: Sequence[bytes]) -> None:
    """Add the masks of some keys to a vector, and subtract those of others, in place.

    A mask is the key stream of AES-256-CTR from counter 0, cut into little-endian integers of the
    vector's width.

    Args:
        vector: contiguous, uint32 [m] or uint64 [m]; changed.
        plus: 32-byte keys of the masks to add, each used for this vector's place alone.
        minus: keys of the masks to subtract.
    """
    streams = [
        (Cipher(algorithms.AES(key), modes.CTR(bytes(16))).encryptor().update_into, adds)
        for keys, adds in ((plus, True), (minus, False))
        for key in keys
    ]
    block = bytearray(_BLOCK + 15)
    step = _BLOCK // vector.itemsize
    for first in range(0, vector.size, step):
        part = vector[first : first + step]
        mask = np.frombuffer(block, vector.dtype, part.size)
        zeros = memoryview(_ZEROS)[: part.nbytes]
        for update_into, adds in streams:
            update_into(zeros, block)
            if adds:
                np.add(part, mask, out=part)
            else:
                np.subtract(part, mask, out=part)


def add_up(vectors: Sequence[RingVector]) -> RingVector:
    """Return the sum of vectors of one type, in their ring."""
    total = np.zeros_like(vectors[0])
    step = _BLOCK // total.itemsize
    for first in range(0, total.size, step):
        part = total[first : first + step]
        for vector in vectors:
            part += vector[first : first + step]
    return total
