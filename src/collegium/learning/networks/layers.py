"""The pieces of convolutional networks, written once for NumPy and for JAX.

Values are [channels, one or two lengths, n]: rows lie last, so that shifts, norms and maxima go
over whole runs of numbers. A convolution (zeros around, stride 1) is one matrix product over
shifted copies of its input: on a processor that is the fast way, client by client.
Group normalization (Wu and He, "Group Normalization", ECCV 2018) has no memory of batches:
nothing about rows is averaged besides what is trained.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import prod
from typing import Any

from collegium.learning.blobs import TensorSpec
from collegium.learning.networks.network import Tensors

_EPSILON = 1e-5


def stage_tensors(
    name: str, window: tuple[int, ...], before: int, after: int
) -> tuple[TensorSpec, ...]:
    """Return the parameters of a stage, sorted by name."""
    norm = f"{name}norm"
    return (
        TensorSpec(f"{name}.bias", (after,)),
        TensorSpec(f"{name}.weight", (*window, before, after)),
        TensorSpec(f"{norm}.bias", (after,)),
        TensorSpec(f"{norm}.scale", (after,)),
    )


def stage(library: Any, tensors: Tensors, name: str, values: Any) -> Any:
    """Return values after a convolution, a normalization and a rectified linear unit."""
    apart = (-1, *(1 for _ in values.shape[1:]))
    norm = f"{name}norm"
    values = _convolved(library, values, tensors[f"{name}.weight"])
    values = values + tensors[f"{name}.bias"].reshape(apart)
    values = _normalized(library, values, 4 if len(values) % 4 == 0 else 1)
    scale, bias = tensors[f"{norm}.scale"], tensors[f"{norm}.bias"]
    return library.maximum(values * scale.reshape(apart) + bias.reshape(apart), 0.0)


def _convolved(library: Any, values: Any, weight: Any) -> Any:
    kernel, lengths, rows = weight.shape[0], values.shape[1:-1], values.shape[-1]
    around = [(0, 0), *((kernel // 2, kernel // 2) for _ in lengths), (0, 0)]
    wide = library.pad(values, around)
    shifted = [wide[place] for place in _windows(lengths, kernel)]
    lines = library.concatenate(shifted, axis=0).reshape(len(shifted) * len(values), -1)
    return (weight.reshape(-1, weight.shape[-1]).T @ lines).reshape(-1, *lengths, rows)


def _windows(lengths: tuple[int, ...], kernel: int) -> Iterator[tuple[slice, ...]]:
    for shift in product(range(kernel), repeat=len(lengths)):
        moved = (slice(by, by + length) for by, length in zip(shift, lengths, strict=True))
        yield (slice(None), *moved, slice(None))


def _normalized(library: Any, values: Any, groups: int) -> Any:
    apart = values.reshape(groups, -1, values.shape[-1])
    mean = apart.mean(axis=1, keepdims=True)
    centered = apart - mean
    spread = (centered * centered).mean(axis=1, keepdims=True)
    return (centered / library.sqrt(spread + _EPSILON)).reshape(values.shape)


def stage_flops(window: tuple[int, ...], before: int, after: int, places: int) -> float:
    """Return the operations of a stage's convolution on one row of so many places."""
    return 2.0 * prod(window) * before * after * places


def halved(library: Any, values: Any) -> Any:
    """Return the maximum over each two neighbors, in every direction that has two."""
    for axis in range(1, values.ndim - 1):
        pairs = values.shape[axis] // 2
        if pairs:
            even = [slice(None)] * values.ndim
            odd = list(even)
            even[axis], odd[axis] = slice(0, 2 * pairs, 2), slice(1, 2 * pairs, 2)
            values = library.maximum(values[tuple(even)], values[tuple(odd)])
    return values


def doubled(library: Any, values: Any) -> Any:
    """Return every place twice, in every direction."""
    for axis in range(1, values.ndim - 1):
        values = library.repeat(values, 2, axis=axis)
    return values
