"""Exact weighted sums of updates, and updates mixed by integer matrices, block by block."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from collegium.errors import RunError
from collegium.learning.aggregation._internal.columns import each_block
from collegium.learning.aggregation._internal.integers import Integers
from collegium.learning.aggregation._internal.pieces import product_in_pieces
from collegium.learning.blobs import LIMIT

_LIMB = 24
_ROOM = 1 << 62
"""What a sum of magnitudes stays below; the limbs of a sum may exceed it a little."""

_BLOCK_VALUES = 1 << 18


def weighted_total(values: NDArray[np.int16], weights: Sequence[int]) -> NDArray[np.int64]:
    """Return the exact sum of weights[i] * values[i], int64 [d].

    Raises:
        RunError: the sum could exceed 64 bits.
    """
    chosen = [index for index, weight in enumerate(weights) if weight]
    total = np.zeros(values.shape[1], np.int64)
    if not chosen:
        return total
    divisor = math.gcd(*(weights[index] for index in chosen))
    reduced = np.array([[weights[index] // divisor for index in chosen]], dtype=object)
    mixture = MixingMatrix(reduced)
    if mixture.reach * divisor >= _ROOM:
        raise refused("the weights are so large that a sum could exceed 64 bits")
    if len(chosen) == 1:
        total[...] = values[chosen[0]]
        total *= weights[chosen[0]]
        return total
    picked: slice | list[int] = slice(None) if len(chosen) == len(values) else chosen

    def work(block: slice) -> None:
        total[block] = mixture.of(values[picked, block])[0]
        total[block] *= divisor

    each_block(total.size, max(_BLOCK_VALUES // len(chosen), 1024), work)
    return total


class MixingMatrix:
    """An integer matrix [m, n] that mixes n updates into m rows, exactly.

    `reach` is the largest magnitude that a row's coordinate can have. Floating-point products
    are exact, in any order of summation, while sums of magnitudes stay within the significand.
    """

    def __init__(self, matrix: Integers) -> None:
        self.reach = LIMIT * max(sum(map(abs, row)) for row in matrix.tolist())
        if self.reach < 1 << 24:
            self._parts: list[NDArray[np.floating]] = [matrix.astype(np.float32)]
        elif self.reach < 1 << 53:
            self._parts = [matrix.astype(np.float64)]
        elif self.reach < _ROOM:
            low = matrix & ((1 << _LIMB) - 1)
            self._parts = [low.astype(np.float64), (matrix >> _LIMB).astype(np.float64)]
        else:
            raise refused("a mixture of updates could exceed 64 bits")

    def of(self, values: NDArray[np.int16]) -> NDArray[np.signedinteger]:
        """Return the mixed rows of a block, int32 or int64 [m, w] as `reach` asks."""
        plain = values.astype(self._parts[0].dtype)
        mixed = [product_in_pieces(part, plain) for part in self._parts]
        if self.reach < 1 << 31:
            return mixed[0].astype(np.int32)
        exact = mixed[0].astype(np.int64)
        for high in mixed[1:]:
            exact += high.astype(np.int64) << _LIMB
        return exact


def refused(why: str) -> RunError:
    """Return the error of updates that a rule cannot aggregate."""
    return RunError(
        "aggregation.refused", "the updates cannot be aggregated", why,
        "check the weights that the sites registered",
    )  # fmt: skip
