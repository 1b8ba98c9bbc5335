"""Rows changed by chance whenever they are trained on, so that a network learns what stays."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collegium.study.training import Augmentation

_CROSS = np.zeros((3, 3, 3), np.float32)
"""The matrix [i, j] of the cross product with axis k is [i, k, j]."""
for _i, _k, _j in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
    _CROSS[_i, _k, _j], _CROSS[_j, _k, _i] = 1.0, -1.0


def words_of(seed: int, site: str, number: int) -> NDArray[np.uint32]:
    """Return what the chances of a site's round come from, uint32 [2]."""
    tag = f"collegium/augmentation/v1\0{seed}\0{number}\0{site}".encode()
    return np.frombuffer(sha256(tag).digest()[:8], "<u4")


def augmented(
    jax: Any, asked: Augmentation, shape: tuple[int, ...], words: Any, turn: Any, x: Any
) -> Any:
    """Return a batch, [B, inputs], as a study asks for.

    Args:
        jax: the library.
        asked: what may happen.
        shape: of a row: channels, then lengths.
        words: uint32 [2], from `words_of`.
        turn: number of the step.
        x: [B, inputs].
    """
    key = jax.random.fold_in(jax.random.wrap_key_data(words), turn)
    if asked.rotation:
        x = _turned(jax, key, x, shape, asked.rotation)
    return x


def _turned(jax: Any, key: Any, x: Any, shape: tuple[int, ...], degrees: float) -> Any:
    """Rodrigues' formula: 1 + sin(a) K + (1 - cos(a)) K K, where K v is the axis cross v."""
    jnp = jax.numpy
    which, how_far = jax.random.split(key)
    axis = jax.random.normal(which, (len(x), 3))
    axis = axis / jnp.sqrt((axis * axis).sum(axis=1, keepdims=True))
    angle = jax.random.uniform(how_far, (len(x), 1, 1), minval=-1.0) * np.float32(np.pi / 180)
    angle = angle * degrees
    cross = jnp.einsum("ikj,bk->bij", jnp.asarray(_CROSS), axis)
    turn = jnp.eye(3) + jnp.sin(angle) * cross + (1.0 - jnp.cos(angle)) * (cross @ cross)
    sensors = x.reshape(len(x), -1, 3, shape[1])
    return jnp.einsum("bij,bsjt->bsit", turn, sensors).reshape(x.shape)
