"""The released model as safetensors bytes, in one canonical form.

The format: u64 little-endian header length, a JSON header, the tensors' bytes. The library's
own writer is free in its order and white space; this one is not, so that a model has one digest:
keys sorted, no white space, padded with spaces to a multiple of eight, float32 only, tensors in
the order of their names without gaps.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from collegium.errors import FormatError
from collegium.learning.blobs import AUXILIARY, ModelState, TensorSpec


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A tensor in the header; its fields are declared in the order in which they sort."""

    data_offsets: tuple[int, int]
    dtype: str
    shape: tuple[int, ...]


def released_bytes(model: ModelState) -> bytes:
    """Return a model's parameters as safetensors, the same bytes on every machine.

    What a study's vector holds besides the model is left out.
    """
    own = tuple(one for one in model.tensors if not one.name.startswith(AUXILIARY))
    return _write(own, model.parameters[: sum(one.size for one in own)])


def read_released(data: bytes) -> tuple[tuple[TensorSpec, ...], NDArray[np.float32]]:
    """Return the tensors and parameters (float32 [d], read-only) of canonical safetensors bytes.

    Raises:
        FormatError: the bytes are not safetensors, or not in the form of `released_bytes`.
    """
    start = 8 + int.from_bytes(data[:8], "little")
    if not 8 <= start <= len(data):
        raise _refusal("the header is longer than the file")
    try:
        header = msgspec.json.decode(data[8:start], type=dict[str, _Entry])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _refusal(f"the header is not read: {error}") from error
    body = data[start:]
    if not body or len(body) % 4:
        raise _refusal("the tensors are not a positive number of float32 values")
    parameters = np.frombuffer(body, "<f4").astype(np.float32)
    parameters.flags.writeable = False
    tensors = tuple(TensorSpec(name, entry.shape) for name, entry in header.items())
    if any(n < 1 for tensor in tensors for n in tensor.shape):
        raise _refusal("a tensor has a dimension of no elements")
    if sum(tensor.size for tensor in tensors) != parameters.size:
        raise _refusal("the header and the tensors do not agree in size")
    if not np.isfinite(parameters).all():
        raise _refusal("a value is not finite")
    if _write(tensors, parameters) != data:
        raise _refusal("the header is not in the canonical form")
    return tensors, parameters


def _write(tensors: tuple[TensorSpec, ...], parameters: NDArray[np.float32]) -> bytes:
    entries = {}
    offset = 0
    for tensor in tensors:
        end = offset + 4 * tensor.size
        entries[tensor.name] = _Entry((offset, end), "F32", tensor.shape)
        offset = end
    header = msgspec.json.encode(entries, order="sorted")
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + parameters.astype("<f4").tobytes()


def _refusal(why: str) -> FormatError:
    return FormatError(
        "released.malformed",
        "the model's weights are refused",
        why,
        "use the model.safetensors of the run as it was written",
    )
