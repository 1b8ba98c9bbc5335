"""FLAME: admit the like-minded majority, clip it to the median norm, add a little noise.

Nguyen et al., "FLAME: Taming Backdoors in Federated Learning", USENIX Security 2022, algorithm 1.
Its HDBSCAN, asked for one cluster of more than half with a single neighbor, is what is done here:
join the most alike until one group has more than half of all. The noise comes from a public seed:
it smooths backdoors away and gives no differential privacy.
"""

from __future__ import annotations

from itertools import combinations
from math import isqrt

import numpy as np

from collegium.data.randomness import draws
from collegium.learning.aggregation._internal.cosines import cosine_matrix
from collegium.learning.aggregation._internal.order import middle, public_seed
from collegium.learning.aggregation._internal.weighing import refused
from collegium.learning.aggregation.clipping import FULL, coefficient
from collegium.learning.aggregation.robust import MAJORITY, Robust
from collegium.learning.aggregation.rows import RowRule, UpdateRows
from collegium.learning.aggregation.rule import Aggregate

NOISE = 1000
"""The noise's standard deviation is the clipping norm over this; lambda = 0.001 in the paper."""

_BYTES = 8
_DEVIATION = 418
"""Rounded standard deviation of twice the sum of eight uniform bytes: 418.05."""


def admitted(cosines: list[list[int]], keys: tuple[bytes, ...]) -> list[int]:
    """Return the first group of more than half that joining the most alike leads to."""
    group = {row: {row} for row in range(len(keys))}
    pairs = sorted(
        combinations(range(len(keys)), 2),
        key=lambda pair: (-cosines[pair[0]][pair[1]], sorted((keys[pair[0]], keys[pair[1]]))),
    )
    for first, second in pairs:
        joined = group[first] | group[second]
        for row in joined:
            group[row] = joined
        if 2 * len(joined) > len(keys):
            return sorted(joined)
    return [0]


def _flame(rows: UpdateRows, tolerate: int) -> Aggregate:
    chosen = admitted(cosine_matrix(rows.gram), rows.keys)
    squares = [int(square) for square in rows.gram.diagonal()]
    clip = middle(squares)
    weights = [0] * rows.count
    for row in chosen:
        weights[row] = coefficient(squares[row], clip)
    mean = rows.combination(weights, len(chosen) * FULL)
    # In what the aggregate's total counts; the norm of a row is in what its vector counts.
    unit = isqrt(clip * mean.denominator**2) // (NOISE * _DEVIATION * rows.denominator)
    if unit * 255 * _BYTES >= 1 << 62 or int(np.abs(mean.total).max()) >= 1 << 62:
        raise refused("with noise they could exceed 64 bits")
    stream = draws("flame-noise", public_seed("flame", rows.keys).hex())
    noise = np.zeros(rows.size, np.int64)
    for _ in range(_BYTES):
        noise += np.frombuffer(stream.bytes(rows.size), np.uint8)
    noise = 2 * noise - 255 * _BYTES
    return Aggregate(mean.total + noise * unit, mean.denominator)


FLAME: RowRule = Robust(
    "flame@1", "the like-minded majority, clipped to the median norm, with noise; n >= 2f + 1",
    MAJORITY, _flame,
)  # fmt: skip
