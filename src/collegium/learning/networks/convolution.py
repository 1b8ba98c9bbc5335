"""Convolutional networks over signals and images, written once for NumPy and for JAX.

A stage is a convolution (zeros around, stride 1), group normalization (Wu and He, "Group
Normalization", ECCV 2018), a rectified linear unit and a maximum over neighbors; after the last
one the mean over places goes through dense layers. A convolution is one matrix product over
shifted copies of its input: on a processor that is the fast way, client by client.

Group normalization has no memory of batches: nothing about rows is averaged besides what is
trained.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collegium.learning._internal.initial import uniform_weights
from collegium.learning.blobs import TensorSpec
from collegium.learning.networks.network import Tensors, unpacked

_ROWS = 256
"""Rows that are predicted together, to bound memory."""

_EPSILON = 1e-5


@dataclass(frozen=True, slots=True)
class Convolutional:
    """A convolutional network.

    Attributes:
        shape: channels, then one or two lengths; a row of x is that, flat, in C order.
        channels: of each stage.
        kernel: odd, its width in every direction.
        hidden: widths of dense layers between the stages and the output.
        outputs: of the last layer.
    """

    shape: tuple[int, ...]
    channels: tuple[int, ...]
    kernel: int
    hidden: tuple[int, ...]
    outputs_count: int

    @property
    def tensors(self) -> tuple[TensorSpec, ...]:
        """The parameters, sorted by name."""
        window = (self.kernel,) * (len(self.shape) - 1)
        found = []
        for stage, (before, after) in enumerate(pairwise((self.shape[0], *self.channels))):
            norm = f"conv{stage}norm"
            found += [
                TensorSpec(f"conv{stage}.bias", (after,)),
                TensorSpec(f"conv{stage}.weight", (*window, before, after)),
                TensorSpec(f"{norm}.bias", (after,)),
                TensorSpec(f"{norm}.scale", (after,)),
            ]
        widths = (self.channels[-1], *self.hidden, self.outputs_count)
        for layer, (before, after) in enumerate(pairwise(widths)):
            found += [
                TensorSpec(f"layer{layer}.bias", (after,)),
                TensorSpec(f"layer{layer}.weight", (before, after)),
            ]
        return tuple(found)

    def initial(self, seed: int) -> NDArray[np.float32]:
        """Return weights uniform in ±sqrt(6 / inputs) (He et al. 2015), scales 1, biases 0."""
        return uniform_weights(self.tensors, seed)

    def apply(self, library: Any, tensors: Tensors, x: Any) -> Any:
        """Return the last layer's values, [n, outputs].

        Args:
            library: numpy, or jax.numpy.
            tensors: the parameters by name.
            x: [n, inputs].
        """
        # Rows lie last: shifts, norms and maxima then go over whole runs of numbers.
        values = x.T.reshape(*self.shape, len(x))
        apart = (-1, *(1 for _ in self.shape))
        for stage, after in enumerate(self.channels):
            values = self._convolved(library, values, tensors[f"conv{stage}.weight"])
            values = values + tensors[f"conv{stage}.bias"].reshape(apart)
            values = _normalized(library, values, 4 if after % 4 == 0 else 1)
            norm = f"conv{stage}norm"
            scale, bias = tensors[f"{norm}.scale"], tensors[f"{norm}.bias"]
            values = values * scale.reshape(apart) + bias.reshape(apart)
            values = _halved(library, library.maximum(values, 0.0))
        values = values.mean(axis=tuple(range(1, len(self.shape)))).T
        for layer in range(len(self.hidden) + 1):
            if layer:
                values = library.maximum(values, 0.0)
            values = values @ tensors[f"layer{layer}.weight"] + tensors[f"layer{layer}.bias"]
        return values

    def outputs(
        self, parameters: NDArray[np.float32], x: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        """Return the last layer's values by NumPy: no training library is needed to predict."""
        tensors = unpacked(self.tensors, parameters.astype(np.float64))
        portions = (
            self.apply(np, tensors, x[first : first + _ROWS].astype(np.float64))
            for first in range(0, len(x), _ROWS)
        )
        return np.concatenate([np.empty((0, self.outputs_count)), *portions])

    def _convolved(self, library: Any, values: Any, weight: Any) -> Any:
        half, lengths, rows = self.kernel // 2, values.shape[1:-1], values.shape[-1]
        around = [(0, 0), *((half, half) for _ in lengths), (0, 0)]
        wide = library.pad(values, around)
        shifted = [wide[place] for place in _windows(lengths, self.kernel)]
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


def _halved(library: Any, values: Any) -> Any:
    """Return the maximum over each two neighbors, in every direction that has two."""
    for axis in range(1, values.ndim - 1):
        pairs = values.shape[axis] // 2
        if pairs:
            even = [slice(None)] * values.ndim
            odd = list(even)
            even[axis], odd[axis] = slice(0, 2 * pairs, 2), slice(1, 2 * pairs, 2)
            values = library.maximum(values[tuple(even)], values[tuple(odd)])
    return values
