"""An autoencoder: it learns to give back what is normal, and what it cannot give back is odd.

Hinton and Salakhutdinov, "Reducing the Dimensionality of Data with Neural Networks", Science 313
(2006); as a detector of anomalies: Sakurada and Yairi, MLSDA 2014. Layers get narrower and wider
again, with rectified linear units except after the narrowest, and the last gives a row back. A
row's error is its mean squared difference to what comes back.

How large errors of normal rows are is part of the model. Every site measures the logarithm of the
error on an eighth of its normal rows, which it does not train on, and shares mean and mean square
as two parameters, `level`: aggregated like the others, they are the sites' weighted sums, exact,
recorded and recomputed. They are of the models that the sites sent, and thus of the round's new one
as far as that is their mean. A row's score says how many standard deviations its own logarithm lies
above that mean: z, and 1 / (1 + exp(-z)) as a number from 0 to 1, which is no probability.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collegium.learning.blobs import TensorSpec
from collegium.learning.initial import weights_of_autoencoder
from collegium.learning.networks.network import Tensors, unpacked

LEVEL = TensorSpec("level", (2,))
"""Mean and mean square of the logarithm of normal rows' errors; the last tensor by its name."""

HELD_OUT = 8
"""Every so many of a site's rows, one measures the level and is not trained on."""

_LEAST = 1e-12
_ROWS = 4096


@dataclass(frozen=True, slots=True)
class Autoencoder:
    """A chain of layers from the inputs back to the inputs.

    Attributes:
        inputs: columns of x.
        hidden: widths of the layers between; the first narrowest one is the code.
    """

    inputs: int
    hidden: tuple[int, ...]

    @property
    def tensors(self) -> tuple[TensorSpec, ...]:
        """The parameters, sorted by name."""
        found = []
        for layer, (before, after) in enumerate(pairwise(self._widths)):
            found.append(TensorSpec(f"layer{layer}.bias", (after,)))
            found.append(TensorSpec(f"layer{layer}.weight", (before, after)))
        return (*found, LEVEL)

    @property
    def flops(self) -> float:
        """Operations of one row on its way forward."""
        return sum(2.0 * before * after for before, after in pairwise(self._widths))

    def initial(self, seed: int) -> NDArray[np.float32]:
        """Return weights uniform in ±sqrt(6 / inputs) (He et al. 2015), biases 0, level 0 and 1."""
        return weights_of_autoencoder(self.tensors, seed)

    def given_back(self, library: Any, tensors: Tensors, x: Any) -> Any:
        """Return what the network makes of rows, [n, inputs].

        Args:
            library: numpy, or jax.numpy.
            tensors: the parameters by name.
            x: [n, inputs].
        """
        code = 1 + self.hidden.index(min(self.hidden))
        for layer in range(len(self.hidden) + 1):
            if layer and layer != code:
                x = library.maximum(x, 0.0)
            x = x @ tensors[f"layer{layer}.weight"] + tensors[f"layer{layer}.bias"]
        return x

    def row_losses(self, library: Any, tensors: Tensors, x: Any, y: Any) -> Any:
        """Return each row's error, [n]: the target is the input, and y is not looked at."""
        off = self.given_back(library, tensors, x) - x
        return (off * off).mean(axis=1)

    def outputs(
        self, parameters: NDArray[np.float32], x: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        """Return how far rows' errors lie above the level, in standard deviations: [n, 1]."""
        mean, square = parameters[-2:].astype(np.float64)
        spread = np.sqrt(max(square - mean * mean, _LEAST))
        return np.asarray((self._log_errors(parameters, x) - mean) / spread)[:, None]

    def with_level(
        self, parameters: NDArray[np.float32], x: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Return parameters with the level that normal rows x show, float32 [d]."""
        found = self._log_errors(parameters, x)
        level = np.array([found.mean(), np.square(found).mean()], np.float32)
        return np.concatenate([parameters[:-2], level])

    def _log_errors(
        self, parameters: NDArray[np.float32], x: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        tensors = unpacked(self.tensors, parameters.astype(np.float64))
        errors = [
            self.row_losses(np, tensors, x[first : first + _ROWS].astype(np.float64), None)
            for first in range(0, len(x), _ROWS)
        ]
        return np.asarray(np.log(np.concatenate([np.empty(0), *errors]) + _LEAST))

    @property
    def _widths(self) -> tuple[int, ...]:
        return (self.inputs, *self.hidden, self.inputs)


def held_out(rows: int) -> NDArray[np.bool_]:
    """Return which of a site's rows measure the level, bool [rows]: one of two rows or more."""
    return np.asarray(np.arange(rows) % min(HELD_OUT, max(rows, 2)) == 1)
