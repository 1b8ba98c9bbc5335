r"""The two binary blobs of a round: an update and a model, each with exactly one form.

All integers are big-endian unless said otherwise; ``lp(x)`` is a u32 length, then x.

* update: ``collegium/update/v1\0``, u64 d, u8 width in bytes (2), i16 exponent e, then d
  little-endian int16 in ±32767. Coordinate i stands for ``values[i] / 2**e``.
* update with larger coordinates: ``collegium/update/v2\0``, u64 d, u8 shift s, u8 exact t, i16
  exponent e, then d little-endian int16. Coordinate i stands for ``values[i] * 2**s / 2**e``, one
  of the last t for ``values[i] / 2**e``: sites count there, and counts must be exact.
* model: ``collegium/model/v1\0``, u32 tensor count; a tensor is lp(name), u8 dimensions, one u32
  a dimension, sorted by name; all tensors' little-endian float32; then the server optimizer's
  state: lp(versioned name), u64 step, u32 slot count, and for each slot, sorted by name, lp(name)
  and d little-endian float64.

What bytes a stranger sends decides nothing but this: a value, or `FormatError`.
"""

from __future__ import annotations

import hashlib
import math
import re
import struct
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from collegium.errors import FormatError

UPDATE_TAG = b"collegium/update/v1\0"
SHIFTED_TAG = b"collegium/update/v2\0"
MODEL_TAG = b"collegium/model/v1\0"

AUXILIARY = "~"
"""With this begin the names of tensors that are no part of a model; they sort behind its own."""

LIMIT = 32767
"""The largest magnitude of an encoded coordinate; -32768 has no positive twin and is refused."""

MOST_EXACT = 8
"""The most coordinates at an update's end that are not shifted with the others."""

MOST_SHIFT = 8
"""Bits beyond 16 that a coordinate can reach, at most; a round has room for so many or fewer."""

MAX_EXPONENT = 64
"""Exponents stay within ±64, so that scaling by 2**e neither overflows nor underflows."""

_UPDATE_HEADER = struct.Struct(f">{len(UPDATE_TAG)}sQBh")
_SHIFTED_HEADER = struct.Struct(f">{len(SHIFTED_TAG)}sQBBh")
_NAME = re.compile(rb"[!-~]{1,255}")
_MAX_U32 = 2**32 - 1
_MAX_U64 = 2**64 - 1


class TensorSpec(msgspec.Struct, frozen=True):
    """A tensor's name (printable ASCII without spaces) and shape (each dimension at least 1)."""

    name: str
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)


@dataclass(frozen=True, slots=True, eq=False)
class ModelState:
    """A model as the ledger knows it: parameters, and the server optimizer's memory.

    Attributes:
        tensors: sorted by name, names unique.
        parameters: float32 [d], the tensors one after another, each in C order.
        optimizer: the server optimizer's versioned name, such as ``adam@1``.
        step: number of server steps taken.
        slots: the optimizer's vectors by name, sorted, each float64 [d].
    """

    tensors: tuple[TensorSpec, ...]
    parameters: NDArray[np.float32]
    optimizer: str
    step: int
    slots: tuple[tuple[str, NDArray[np.float64]], ...]


def digest(data: bytes) -> bytes:
    """Return a blob's name: the SHA-256 of its bytes."""
    return hashlib.sha256(data).digest()


@dataclass(frozen=True, slots=True, eq=False)
class Shifted:
    """An update as its blob has it: 16 bits a coordinate, and what they are multiples of.

    Attributes:
        values: int16 [d] in ±32767, read-only.
        shift: s; coordinates are multiples of 2**s units, 0 where all fit as they are.
        exact: t; the last t coordinates are single units all the same.
    """

    values: NDArray[np.int16]
    shift: int = 0
    exact: int = 0

    @property
    def units(self) -> NDArray[np.signedinteger]:
        """The coordinates in units of the encoding, int32 [d]; int16 where all fit."""
        if not self.shift:
            return self.values
        found = self.values.astype(np.int32)
        found[: found.size - self.exact] <<= self.shift
        return found

    @property
    def peak(self) -> int:
        """The largest magnitude, in units of the encoding."""
        shifted_ = self.values[: self.values.size - self.exact]
        return max(-int(shifted_.min()), int(shifted_.max())) << self.shift

    @property
    def at_the_end(self) -> int:
        """How many coordinates have the magnitude 32767, the last before a coarser shift."""
        shifted_ = self.values[: self.values.size - self.exact]
        if shifted_.min() > -LIMIT and shifted_.max() < LIMIT:
            return 0
        return int(np.count_nonzero(shifted_ == LIMIT) + np.count_nonzero(shifted_ == -LIMIT))

    def before(self, end: int) -> NDArray[np.int16]:
        """Return the coordinates before some at the end, multiples of 2**s: int16 [d - end].

        Who leaves more of them unshifted than that is rounded down.
        """
        if self.exact <= end:
            return self.values[: self.values.size - end]
        return (self.units[: self.values.size - end] >> self.shift).astype(np.int16)


def shift_of(peak: int) -> int:
    """Return the least s for which a magnitude is below 2**(15 + s)."""
    return max(0, peak.bit_length() - 15)


def shifted(units: NDArray[np.signedinteger]) -> Shifted:
    """Return an update as its blob has it.

    Args:
        units: integers [d]; all but the last few multiples of 2**s, which holds the largest.

    Raises:
        FormatError: no coordinates, or such that 16 bits do not tell them.
    """
    if units.ndim != 1 or units.size < 1:
        raise _refusal("blob.value", "an update has one dimension and at least one coordinate")
    shift = shift_of(max(-int(units.min()), int(units.max())))
    if shift > MOST_SHIFT:
        raise _refusal("blob.value", f"a coordinate does not fit 16 bits shifted by {MOST_SHIFT}")
    if not shift:
        return Shifted(units.astype(np.int16, copy=False))
    odd = np.flatnonzero(units & ((1 << shift) - 1))
    exact = units.size - int(odd[0]) if odd.size else 0
    if exact > MOST_EXACT or (exact and int(np.abs(units[-exact:]).max()) > LIMIT):
        raise _refusal("blob.value", f"a coordinate is no multiple of {1 << shift}")
    values = (units >> shift).astype(np.int16)
    if exact:
        values[-exact:] = units[-exact:]
    return Shifted(values, shift, exact)


def encode_update(units: NDArray[np.signedinteger], exponent: int) -> bytes:
    """Return the blob of an encoded update.

    Args:
        units: integers [d], as for `shifted`.
        exponent: e of the scale 2**e.

    Raises:
        FormatError: no coordinates, such as 16 bits do not tell, or an exponent out of range.
    """
    update = shifted(units)
    _check_update(update.values, exponent)
    values = update.values.astype("<i2").tobytes()
    if not update.shift:
        return _UPDATE_HEADER.pack(UPDATE_TAG, units.size, 2, exponent) + values
    told = units.size, update.shift, update.exact
    return _SHIFTED_HEADER.pack(SHIFTED_TAG, *told, exponent) + values


def decode_update(data: bytes) -> tuple[Shifted, int]:
    """Return what an update blob says, and its exponent.

    Raises:
        FormatError: the bytes are not an update blob.
    """
    is_shifted = data.startswith(SHIFTED_TAG)
    header, shift, exact = _SHIFTED_HEADER if is_shifted else _UPDATE_HEADER, 0, 0
    if len(data) < header.size:
        raise _refusal("blob.length", "the update ends within its header")
    if is_shifted:
        tag, size, shift, exact, exponent = header.unpack_from(data)
    else:
        tag, size, width, exponent = header.unpack_from(data)
        if tag != UPDATE_TAG:
            raise _refusal("blob.tag", "the bytes do not start with an update's tag")
        if width != 2:
            raise _refusal("blob.value", f"integers of {width} bytes where an update has 2")
    if len(data) != header.size + 2 * size:
        raise _refusal("blob.length", f"{len(data)} bytes do not hold {size} coordinates")
    found = np.frombuffer(data, "<i2", size, header.size)
    values = found.astype(np.int16, copy=False)
    values.flags.writeable = False
    _check_update(values, exponent)
    update = Shifted(values, shift, exact)
    if is_shifted:
        _check_shifted(update)
    return update, exponent


def encode_model(model: ModelState) -> bytes:
    """Return the blob of a model.

    Raises:
        FormatError: the state breaks what `ModelState` promises, or holds a value that is not
            finite.
    """
    _check_model(model)
    parts = [MODEL_TAG, _encoded_tensors(model.tensors)]
    parts.append(model.parameters.astype("<f4").tobytes())
    parts.append(_lp(model.optimizer))
    parts.append(struct.pack(">QI", model.step, len(model.slots)))
    for name, slot in model.slots:
        parts.append(_lp(name))
        parts.append(slot.astype("<f8").tobytes())
    return b"".join(parts)


@lru_cache(maxsize=64)
def _encoded_tensors(tensors: tuple[TensorSpec, ...]) -> bytes:
    parts = [struct.pack(">I", len(tensors))]
    for tensor in tensors:
        dimensions = len(tensor.shape)
        parts.append(_lp(tensor.name))
        parts.append(struct.pack(f">B{dimensions}I", dimensions, *tensor.shape))
    return b"".join(parts)


def decode_model(data: bytes) -> ModelState:
    """Return the model in a blob; its arrays are read-only.

    Raises:
        FormatError: the bytes are not a model blob.
    """
    reader = _Reader(data)
    if reader.take(len(MODEL_TAG)) != MODEL_TAG:
        raise _refusal("blob.tag", "the bytes do not start with a model's tag")
    tensors = tuple(
        TensorSpec(reader.name(), tuple(reader.u32() for _ in range(reader.take(1)[0])))
        for _ in range(reader.u32())
    )
    size = sum(tensor.size for tensor in tensors)
    parameters = np.frombuffer(reader.take(4 * size), "<f4").astype(np.float32)
    parameters.flags.writeable = False
    optimizer = reader.name()
    step = int.from_bytes(reader.take(8))
    slots = []
    for _ in range(reader.u32()):
        name = reader.name()
        slot = np.frombuffer(reader.take(8 * size), "<f8").astype(np.float64)
        slot.flags.writeable = False
        slots.append((name, slot))
    if reader.offset != len(data):
        raise _refusal("blob.length", f"{len(data) - reader.offset} bytes follow the model")
    model = ModelState(tensors, parameters, optimizer, step, tuple(slots))
    _check_model(model)
    return model


@dataclass(slots=True)
class _Reader:
    """A position in bytes that refuses to read past their end."""

    data: bytes
    offset: int = 0

    def take(self, count: int) -> bytes:
        if count > len(self.data) - self.offset:
            raise _refusal("blob.length", f"the blob ends after {len(self.data)} bytes, too early")
        self.offset += count
        return self.data[self.offset - count : self.offset]

    def u32(self) -> int:
        return int.from_bytes(self.take(4))

    def name(self) -> str:
        name = self.take(self.u32())
        if not _NAME.fullmatch(name):
            raise _refusal("blob.name", "a name is not 1 to 255 printable ASCII characters")
        return name.decode("ascii")


def _lp(name: str) -> bytes:
    return struct.pack(">I", len(name)) + name.encode("ascii")


def _check_update(values: NDArray[np.int16], exponent: int) -> None:
    if values.ndim != 1 or values.size < 1:
        raise _refusal("blob.value", "an update has one dimension and at least one coordinate")
    if values.min() < -LIMIT:
        raise _refusal("blob.value", "a coordinate is -32768; the range is ±32767")
    if not -MAX_EXPONENT <= exponent <= MAX_EXPONENT:
        raise _refusal("blob.value", f"the exponent {exponent} is outside ±{MAX_EXPONENT}")


def _check_shifted(update: Shifted) -> None:
    """Refuse what has another form: a smaller shift, or fewer unshifted coordinates."""
    values, shift, exact = update.values, update.shift, update.exact
    if not 1 <= shift <= MOST_SHIFT or exact > min(MOST_EXACT, values.size - 1):
        raise _refusal("blob.value", f"shifted by {shift}, without the last {exact} coordinates")
    shifted_ = values[: values.size - exact]
    if max(-int(shifted_.min()), int(shifted_.max())) <= LIMIT >> 1:
        raise _refusal("blob.value", f"its coordinates do not need a shift of {shift}")
    if exact and not int(values[-exact]) & ((1 << shift) - 1):
        raise _refusal("blob.value", f"more than {exact - 1} coordinates unshifted are not needed")


def _check_model(model: ModelState) -> None:
    if not 0 <= model.step <= _MAX_U64:
        raise _refusal("blob.value", f"a model cannot be at step {model.step}")
    _check_names([name for name, _ in model.slots])
    if not _NAME.fullmatch(model.optimizer.encode("utf-8")):
        raise _refusal("blob.name", "the optimizer's name is not printable ASCII")
    size = _checked_size(model.tensors)
    vectors: list[NDArray[Any]] = [model.parameters, *(slot for _, slot in model.slots)]
    for vector in vectors:
        if vector.shape != (size,):
            raise _refusal("blob.length", f"a vector of shape {vector.shape} for {size} parameters")
        if not np.isfinite(vector).all():
            raise _refusal("blob.value", "a value is not finite")


@lru_cache(maxsize=64)
def _checked_size(tensors: tuple[TensorSpec, ...]) -> int:
    """Return how many parameters sound tensors have together."""
    _check_names([tensor.name for tensor in tensors])
    if any(not 1 <= n <= _MAX_U32 for tensor in tensors for n in tensor.shape):
        raise _refusal("blob.value", "a tensor has a dimension of no elements, or too many")
    if any(len(tensor.shape) > 255 for tensor in tensors):
        raise _refusal("blob.value", "a tensor has more than 255 dimensions")
    size = sum(tensor.size for tensor in tensors)
    if size < 1:
        raise _refusal("blob.value", "a model has at least one parameter")
    return size


def _check_names(names: list[str]) -> None:
    if any(not _NAME.fullmatch(name.encode("utf-8", "surrogatepass")) for name in names):
        raise _refusal("blob.name", "a name is not 1 to 255 printable ASCII characters")
    if any(first >= second for first, second in pairwise(names)):
        raise _refusal("blob.order", "names are not sorted, or one occurs twice")


def _refusal(code: str, why: str) -> FormatError:
    return FormatError(code, "a blob is refused", why, "ask its author for the bytes it announced")
