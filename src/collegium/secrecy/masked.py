r"""The blob of a masked update, and what is in one before it is masked; docs/spec page 13.

``collegium/masked/v1\0``, u64 m, u8 width in bytes (4 or 8), i16 exponent e, then m little-endian
residues. m is two more than the model has coordinates: the last two count, over the sum, how many
updates are saturated and how many have a small peak, which steer the next round's exponent.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collegium.errors import FormatError
from collegium.learning.blobs import LIMIT, MAX_EXPONENT, shifted
from collegium.learning.encoding import Units
from collegium.ledger.contract.encoding import indicated
from collegium.ledger.genesis import CONTRACT_VERSION
from collegium.ledger.hashing import tag
from collegium.secrecy.masking import RingVector, ring_type, signed

INDICATORS = 2
"""Coordinates beyond the model's: saturated updates, and updates with a small peak."""

_TAG = tag("masked")
_HEADER = struct.Struct(f">{len(_TAG)}sQBh")


@dataclass(frozen=True, slots=True, eq=False)
class MaskedTotal:
    """What an attempt's masked updates add up to.

    Attributes:
        values: int64 [d], the sum of weight x update.
        saturated: how many of the updates are saturated (architecture 3.5).
        small: how many have a small peak.
    """

    values: NDArray[np.int64]
    saturated: int
    small: int


def residues(
    units: Units,
    weight: int,
    ring: int,
    room: int = 0,
    contract: int = CONTRACT_VERSION,
    divisor: int = 1,
) -> RingVector:
    """Return an update as it enters the sum: weighted, with its indicators, in the ring.

    Args:
        units: integers [d] in units of the encoding, within ±32767 * 2**room.
        weight: the site's registered weight.
        ring: 32 or 64.
        room: bits beyond 16 that it may take.
        contract: version of the rules, which says what the indicators mean.
        divisor: of all weights of the attempt.
    """
    told = shifted(units)
    saturated = told.at_the_end if told.shift == room else 0
    vector = np.empty(units.size + INDICATORS, ring_type(ring))
    integers = vector.view(np.int32 if ring == 32 else np.int64)
    products = integers[:-INDICATORS]
    np.multiply(units, weight // divisor, out=products, casting="unsafe", dtype=integers.dtype)
    integers[-2:] = indicated(contract, room, told.peak, saturated, units.size)
    return vector


def with_limbs(vector: RingVector, limbs: NDArray[np.uint16]) -> RingVector:
    """Return a vector with the limbs of a blinding factor before its indicators."""
    middle = limbs.astype(vector.dtype)
    return np.concatenate([vector[:-INDICATORS], middle, vector[-INDICATORS:]])


def without_limbs(vector: RingVector, parameters: int) -> tuple[RingVector, RingVector]:
    """Return a vector without the limbs before its indicators, and the limbs.

    Args:
        vector: of d coordinates, the limbs, and the indicators.
        parameters: d.
    """
    rest = np.concatenate([vector[:parameters], vector[-INDICATORS:]])
    return rest, vector[parameters:-INDICATORS]


def total_of(
    vector: RingVector, weights: int, updates: int, room: int = 0, divisor: int = 1
) -> MaskedTotal | None:
    """Return what a sum in the ring stands for, or None where no honest updates give it.

    Args:
        vector: the sum of the residues, uint32 or uint64 [d + 2].
        weights: the sum of the weights.
        updates: how many updates are in it.
        room: bits beyond 16 that each may take.
        divisor: of all weights of the attempt.
    """
    values = signed(vector)
    sums, saturated, small = values[:-INDICATORS], int(values[-2]), int(values[-1])
    bound = (LIMIT << room) * (weights // divisor)
    if sums.min() < -bound or sums.max() > bound:
        return None
    if not (0 <= saturated <= updates and 0 <= small <= updates):
        return None
    return MaskedTotal(sums * divisor, saturated, small)


def encode_masked(vector: RingVector, exponent: int) -> bytes:
    """Return the blob of a masked update."""
    return _HEADER.pack(_TAG, vector.size, vector.itemsize, exponent) + vector.tobytes()


def decode_masked(data: bytes, parameters: int, ring: int, exponent: int) -> RingVector:
    """Return the residues in a masked update's blob, read-only.

    Args:
        data: the blob.
        parameters: d, how many coordinates the model has.
        ring: 32 or 64, of the attempt.
        exponent: e of the attempt.

    Raises:
        FormatError: the bytes are no masked update, or one of another attempt's shape.
    """
    kind = ring_type(ring)
    expected = _HEADER.pack(_TAG, parameters + INDICATORS, kind.itemsize, exponent)
    size = len(expected) + (parameters + INDICATORS) * kind.itemsize
    if not data.startswith(expected) or len(data) != size or abs(exponent) > MAX_EXPONENT:
        raise misfit("a masked update")
    found: RingVector = np.frombuffer(data, kind, parameters + INDICATORS, _HEADER.size)
    return found


def misfit(what: str) -> FormatError:
    """Return the error of an update's blob that has another attempt's shape, or none."""
    return FormatError(
        "blob.misfit", f"{what} does not fit its round",
        "its header or its length is another one", "the participant is excluded",
    )  # fmt: skip
