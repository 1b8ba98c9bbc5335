"""A network's first weights: the same bits on every machine."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from collegium.learning.blobs import TensorSpec


def uniform_weights(tensors: Iterable[TensorSpec], seed: int) -> NDArray[np.float32]:
    """Return parameters before the first round, float32 [d].

    Weights are uniform in ±sqrt(6 / inputs) (He, Zhang, Ren and Sun, ICCV 2015, equation 10), what
    is called scale is 1, all else is 0.
    """
    key = hashlib.sha256(f"collegium/initial/v1\0{seed}".encode()).digest()
    # Raw words: NumPy keeps a bit generator's stream for ever, but not what is made of it.
    generator = np.random.Philox(key=np.frombuffer(key[:16], "<u8").astype(np.uint64))
    parts = []
    for one in tensors:
        if one.name.endswith(".weight"):
            words = generator.random_raw(one.size)
            unit = (words >> np.uint64(11)).astype(np.float64) * 2.0**-53
            parts.append((2.0 * unit - 1.0) * np.sqrt(6.0 / np.prod(one.shape[:-1])))
        else:
            parts.append(np.full(one.size, float(one.name.endswith(".scale"))))
    return np.concatenate(parts).astype(np.float32)


def weights_of_autoencoder(tensors: Iterable[TensorSpec], seed: int) -> NDArray[np.float32]:
    """Return an autoencoder's parameters before the first round, float32 [d]: level 0 and 1."""
    flat = uniform_weights(tensors, seed)
    flat[-1] = 1.0
    return flat
