"""DnC: leave out the f updates that lie farthest along the direction of most variance.

Shejwalkar and Houmansadr, "Manipulating the Byzantine: Optimizing Model Poisoning Attacks and
Defenses for Federated Learning", NDSS 2021, algorithm 2, with one iteration and c = 1. Of a model
with more coordinates than `SAMPLE`, as many are drawn, by a seed that nobody knew beforehand.
"""

from __future__ import annotations

import numpy as np

from collegium.data.randomness import draws
from collegium.learning.aggregation._internal.gram import centered
from collegium.learning.aggregation._internal.integers import product
from collegium.learning.aggregation._internal.order import public_seed, ranked
from collegium.learning.aggregation._internal.spectrum import leading_direction, start
from collegium.learning.aggregation.robust import MAJORITY, Robust
from collegium.learning.aggregation.rows import RowRule, UpdateRows
from collegium.learning.aggregation.rule import Aggregate

SAMPLE = 10_000
"""Coordinates in which the direction is looked for."""


def outlying(rows: UpdateRows) -> list[int]:
    """Return each row's squared projection on the leading direction, up to a common factor."""
    kernel = centered(_sampled(rows).gram)
    along = product(kernel, leading_direction(kernel, start(rows.keys), None))
    squares: list[int] = (along * along).tolist()
    return squares


def _sampled(rows: UpdateRows) -> UpdateRows:
    if rows.size <= SAMPLE:
        return rows
    stream = draws("dnc-columns", public_seed("dnc", rows.keys).hex())
    return rows.of_columns(np.sort(stream.permutation(rows.size)[:SAMPLE]))


def _dnc(rows: UpdateRows, tolerate: int) -> Aggregate:
    return rows.mean_of(ranked(outlying(rows), rows.keys)[: rows.count - tolerate])


DNC: RowRule = Robust(
    "dnc@1", "the mean without the f updates farthest along the main direction; n >= 2f + 1",
    MAJORITY, _dnc,
)  # fmt: skip
