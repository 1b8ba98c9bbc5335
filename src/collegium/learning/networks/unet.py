"""A small U-Net: an image in, for each of its pixels how likely it belongs to what is sought.

Ronneberger, Fischer and Brox, "U-Net: Convolutional Networks for Biomedical Image Segmentation",
MICCAI 2015, with one convolution a level, group normalization, and neighbors repeated on the way
up. On the way down each level's values are kept; on the way up they stand beside what comes from
below (skip connections), so that the outline is as fine as the image.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collegium.learning.blobs import TensorSpec
from collegium.learning.initial import uniform_weights
from collegium.learning.networks.layers import doubled, halved, stage, stage_flops, stage_tensors
from collegium.learning.networks.network import Tensors, unpacked

_LAST = "last"

_ROWS = 64
"""Images that are predicted together, to bound memory."""


@dataclass(frozen=True, slots=True)
class UNet:
    """A U-Net for images of one channel.

    Attributes:
        height: of an image; it can be halved once for each level but the lowest.
        width: alike.
        channels: of each level, the highest first.
        kernel: odd, its width in both directions.
    """

    height: int
    width: int
    channels: tuple[int, ...]
    kernel: int

    @property
    def tensors(self) -> tuple[TensorSpec, ...]:
        """The parameters, sorted by name."""
        window = (self.kernel, self.kernel)
        found: list[TensorSpec] = []
        for level, after in enumerate(self.channels):
            before = self.channels[level - 1] if level else 1
            found += stage_tensors(f"down{level}", window, before, after)
        found += [
            TensorSpec(f"{_LAST}.bias", (1,)), TensorSpec(f"{_LAST}.weight", (self.channels[0], 1)),
        ]  # fmt: skip
        for level in range(len(self.channels) - 1):
            below, after = self.channels[level + 1], self.channels[level]
            found += stage_tensors(f"up{level}", window, below + after, after)
        return tuple(found)

    @property
    def flops(self) -> float:
        """Operations of one image on its way forward: its convolutions."""
        window = (self.kernel, self.kernel)
        pixels = [
            max(1, self.height >> level) * max(1, self.width >> level)
            for level in range(len(self.channels))
        ]
        total = 2.0 * self.channels[0] * pixels[0]
        for level, after in enumerate(self.channels):
            before = self.channels[level - 1] if level else 1
            total += stage_flops(window, before, after, pixels[level])
        for level, (after, below) in enumerate(pairwise(self.channels)):
            total += stage_flops(window, below + after, after, pixels[level])
        return total

    def initial(self, seed: int) -> NDArray[np.float32]:
        """Return weights uniform in ±sqrt(6 / inputs) (He et al. 2015), scales 1, biases 0."""
        return uniform_weights(self.tensors, seed)

    def apply(self, library: Any, tensors: Tensors, x: Any) -> Any:
        """Return each pixel's log odds, [n, height x width].

        Args:
            library: numpy, or jax.numpy.
            tensors: the parameters by name.
            x: [n, height x width], row by row.
        """
        values = x.T.reshape(1, self.height, self.width, len(x))
        kept = []
        for level in range(len(self.channels)):
            if level:
                kept.append(values)
                values = halved(library, values)
            values = stage(library, tensors, f"down{level}", values)
        for level in reversed(range(len(self.channels) - 1)):
            beside = library.concatenate([doubled(library, values), kept[level]], axis=0)
            values = stage(library, tensors, f"up{level}", beside)
        lines = values.reshape(self.channels[0], -1)
        odds = tensors[f"{_LAST}.weight"].T @ lines + tensors[f"{_LAST}.bias"]
        return odds.reshape(-1, len(x)).T

    def outputs(
        self, parameters: NDArray[np.float32], x: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        """Return each pixel's log odds by NumPy: no training library is needed to predict."""
        tensors = unpacked(self.tensors, parameters.astype(np.float64))
        portions = (
            self.apply(np, tensors, x[first : first + _ROWS].astype(np.float64))
            for first in range(0, len(x), _ROWS)
        )
        return np.concatenate([np.empty((0, self.height * self.width)), *portions])
