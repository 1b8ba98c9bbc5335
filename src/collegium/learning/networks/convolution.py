"""Convolutional networks over signals and images, written once for NumPy and for JAX.

A stage is a convolution, group normalization, a rectified linear unit and a maximum over neighbors;
after the last one the mean over places goes through dense layers.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collegium.learning.blobs import TensorSpec
from collegium.learning.initial import uniform_weights
from collegium.learning.networks.layers import halved, stage, stage_flops, stage_tensors
from collegium.learning.networks.network import Tensors, unpacked

_ROWS = 256
"""Rows that are predicted together, to bound memory."""


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
        found: list[TensorSpec] = []
        for number, (before, after) in enumerate(pairwise((self.shape[0], *self.channels))):
            found += stage_tensors(f"conv{number}", window, before, after)
        widths = (self.channels[-1], *self.hidden, self.outputs_count)
        for layer, (before, after) in enumerate(pairwise(widths)):
            found += [
                TensorSpec(f"layer{layer}.bias", (after,)),
                TensorSpec(f"layer{layer}.weight", (before, after)),
            ]
        return tuple(found)

    @property
    def flops(self) -> float:
        """Operations of one row on its way forward: convolutions and dense layers."""
        lengths, window = self.shape[1:], (self.kernel,) * (len(self.shape) - 1)
        total = 0.0
        for before, after in pairwise((self.shape[0], *self.channels)):
            total += stage_flops(window, before, after, prod(lengths))
            lengths = tuple(max(1, length // 2) for length in lengths)
        widths = (self.channels[-1], *self.hidden, self.outputs_count)
        return total + sum(2.0 * before * after for before, after in pairwise(widths))

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
        values = x.T.reshape(*self.shape, len(x))
        for number in range(len(self.channels)):
            values = halved(library, stage(library, tensors, f"conv{number}", values))
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
