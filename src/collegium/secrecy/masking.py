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

from collegium.cores import cores, spread

RingVector = NDArray[np.unsignedinteger[Any]]
"""uint32 [m] or uint64 [m]: residues modulo 2^32 or 2^64."""

_BLOCK = 1 << 17
"""Bytes of key stream made at a time: it, what it is made of and its part of a sum stay in L2."""

_ZEROS = bytes(_BLOCK)

_AES_BLOCK = 16


def ring_type(ring: int) -> np.dtype[np.unsignedinteger[Any]]:
    """Return the type of the residues of an attempt's ring, which is 32 or 64."""
    return np.dtype("<u4") if ring == 32 else np.dtype("<u8")


def signed(vector: RingVector) -> NDArray[np.int64]:
    """Return residues as the integers next to zero that they stand for: int64 [m]."""
    return vector.view(np.int32 if vector.itemsize == 4 else np.int64).astype(np.int64)


def add_masks(vector: RingVector, plus: Sequence[bytes], minus: Sequence[bytes]) -> None:
    """Add the masks of some keys to a vector, and subtract those of others, in place.

    A mask is the key stream of AES-256-CTR from counter 0, cut into little-endian integers of the
    vector's width.

    Args:
        vector: contiguous, uint32 [m] or uint64 [m]; changed.
        plus: 32-byte keys of the masks to add, each used for this vector's place alone.
        minus: keys of the masks to subtract.
    """
    _accumulate(vector, (), plus, minus)


def masked_sum(
    vectors: Sequence[RingVector], plus: Sequence[bytes], minus: Sequence[bytes]
) -> RingVector:
    """Return the sum of vectors of one type and of masks, in their ring; see `add_masks`."""
    total = np.zeros_like(vectors[0])
    _accumulate(total, vectors, plus, minus)
    return total


def _accumulate(
    total: RingVector, vectors: Sequence[RingVector], plus: Sequence[bytes], minus: Sequence[bytes]
) -> None:
    """Add vectors and masks to a total, every block of it in one go, on all cores.

    A core has a run of blocks, so that it makes each key stream in one piece from where that
    begins. Sums in a ring come out the same in whatever order.
    """
    step = _BLOCK // total.itemsize
    blocks = -(-total.size // step)
    runs = min(blocks, cores())

    def work(run: int) -> None:
        first, last = (
            blocks * run // runs * step,
            min(blocks * (run + 1) // runs * step, total.size),
        )
        counter = (first * total.itemsize // _AES_BLOCK).to_bytes(_AES_BLOCK, "big")
        streams = [
            (Cipher(algorithms.AES(key), modes.CTR(counter)).encryptor().update_into, add)
            for keys, add in ((plus, np.add), (minus, np.subtract))
            for key in keys
        ]
        block = bytearray(_BLOCK + _AES_BLOCK - 1)
        for start in range(first, last, step):
            part = total[start : min(start + step, last)]
            for vector in vectors:
                np.add(part, vector[start : start + part.size], out=part)
            mask = np.frombuffer(block, total.dtype, part.size)
            zeros = memoryview(_ZEROS)[: part.nbytes]
            for update_into, add in streams:
                update_into(zeros, block)
                add(part, mask, out=part)

    spread(runs, work, runs - 1)
