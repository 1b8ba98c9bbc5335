"""Nearest-neighbor mixing: each update becomes the mean of the n - f nearest, itself included.

Allouah, Farhadkhani, Guerraoui, Gupta, Pinot and Stephan, "Fixing by Mixing: A Recipe for Optimal
Byzantine ML under Heterogeneity", AISTATS 2023, algorithm 2.
"""

from __future__ import annotations

from dataclasses import dataclass

from collegium.learning.aggregation._internal.integers import integers
from collegium.learning.aggregation.robust import MAJORITY, check_needs, check_purpose
from collegium.learning.aggregation.rows import PreAggregation, UpdateRows


@dataclass(frozen=True, slots=True)
class NearestNeighborMixing:
    """Replaces each row by the mean of its nearest."""

    name: str = "nnm@1"
    about: str = "each update becomes the mean of the n - f nearest to it"

    def check(self, participants: int, tolerate: int) -> None:
        """Refuse a majority of bad updates, and none, where every row would be the mean of all."""
        check_needs(self.name, MAJORITY, participants, tolerate)
        check_purpose(self.name, tolerate)

    def rows_after(self, participants: int, tolerate: int, fewest: int) -> int:
        """Return as many as before."""
        return participants

    def apply(self, rows: UpdateRows, tolerate: int, fewest: int) -> UpdateRows:
        """Return the mixed rows; each keeps the key of the row it replaces."""
        wanted = rows.count - tolerate
        by_key = sorted(range(rows.count), key=rows.keys.__getitem__)
        matrix = []
        for row in rows.distances.tolist():
            nearest = set(sorted(by_key, key=row.__getitem__)[:wanted])
            matrix.append([int(other in nearest) for other in range(rows.count)])
        return rows.mixed(integers(matrix), wanted, rows.keys, rows.weights)


NNM: PreAggregation = NearestNeighborMixing()
