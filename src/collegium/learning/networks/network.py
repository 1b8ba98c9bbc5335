"""The seam of models whose inside only they know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from collegium.learning.blobs import TensorSpec

Tensors = Mapping[str, Any]
"""A model's arrays by name, NumPy's or another library's."""


class Network(Protocol):
    """A model as its parameters' names and shapes, their first values, and what they say."""

    @property
    def tensors(self) -> tuple[TensorSpec, ...]:
        """The parameters, sorted by name."""
        ...

    @property
    def flops(self) -> float:
        """Floating-point operations of one row on its way forward, an addition being one."""
        ...

    def initial(self, seed: int) -> NDArray[np.float32]:
        """Return the parameters before the first round, float32 [d]."""
        ...

    def outputs(
        self, parameters: NDArray[np.float32], x: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        """Return the last layer's values for rows x [n, inputs]: float64 [n, outputs]."""
        ...


def unpacked(tensors: tuple[TensorSpec, ...], flat: Any) -> dict[str, Any]:
    """Return views of a flat vector [d], of any library, by name."""
    found, first = {}, 0
    for one in tensors:
        found[one.name] = flat[first : first + one.size].reshape(one.shape)
        first += one.size
    return found


def penalized(tensors: tuple[TensorSpec, ...]) -> NDArray[np.bool_]:
    """Return which parameters a ridge penalty is on, bool [d]: those of weights, not of biases."""
    return np.concatenate([np.full(one.size, len(one.shape) > 1) for one in tensors])
