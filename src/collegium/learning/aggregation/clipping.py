"""Clipping before a rule: the longest updates are shortened to a norm that some update has.

`norm_clipping`: to the lower median of the norms (Sun, Kairouz, Suresh and McMahan, "Can You
Really Backdoor Federated Learning?", 2019, with a norm that needs no tuning). `arc`: the
floor(2 f / n * (n - f)) longest, to the next norm (Allouah, Guerraoui, Gupta, Jellouli, Rizk and
Stephan, "Adaptive Gradient Clipping for Robust Federated Learning", ICLR 2025).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt
from typing import Literal

import numpy as np

from collegium.learning.aggregation._internal.integers import integers
from collegium.learning.aggregation._internal.order import middle
from collegium.learning.aggregation.robust import MAJORITY, check_needs, check_purpose
from collegium.learning.aggregation.rows import PreAggregation, UpdateRows

FULL = 1 << 20
"""The coefficient of a row that is not clipped; coefficients have 20 fractional bits."""


def coefficient(square: int, clip: int) -> int:
    """Return what shortens a row to a norm, in 1/2^20, rounded down; the full one if it is short.

    Args:
        square: the row's squared norm.
        clip: the squared norm to shorten it to.
    """
    if square <= clip:
        return FULL
    return isqrt((clip << 40) // square)


@dataclass(frozen=True, slots=True)
class Clipping:
    """Shortens rows above a norm; `to` says which norm that is."""

    name: str
    about: str
    to: Literal["median", "tolerated"]

    def check(self, participants: int, tolerate: int) -> None:
        """Refuse a majority of bad updates; and for `arc`, none, where it would clip nothing."""
        check_needs(self.name, MAJORITY, participants, tolerate)
        if self.to == "tolerated":
            check_purpose(self.name, tolerate)

    def rows_after(self, participants: int, tolerate: int, fewest: int) -> int:
        """Return as many as before."""
        return participants

    def apply(self, rows: UpdateRows, tolerate: int, fewest: int) -> UpdateRows:
        """Return the rows, the longest of them shortened."""
        squares = [int(square) for square in rows.gram.diagonal()]
        if self.to == "median":
            clip = middle(squares)
        else:
            longest = 2 * tolerate * (rows.count - tolerate) // rows.count
            clip = sorted(squares)[rows.count - longest - 1]
        matrix = np.zeros((rows.count, rows.count), object)
        np.fill_diagonal(matrix, integers(coefficient(square, clip) for square in squares))
        return rows.mixed(matrix, FULL, rows.keys, rows.weights)


NORM_CLIPPING: PreAggregation = Clipping(
    "norm_clipping@1", "shortens the longer half of the updates to the median norm", "median"
)
ARC: PreAggregation = Clipping(
    "arc@1", "shortens the 2f/n (n - f) longest updates to the next norm", "tolerated"
)
