"""MoNNA: the mean of the n - f updates nearest to a pivot.

Farhadkhani, Guerraoui, Gupta, Hoang, Pinot and Stephan, "Robust Collaborative Learning with
Linear Gradient Overhead", ICML 2023. There each node's pivot is its own update. Validators have
to agree, so the pivot is the update that has its n - f nearest within the least distance.
"""

from __future__ import annotations

from collegium.learning.aggregation._internal.order import ranked
from collegium.learning.aggregation.robust import MAJORITY, Robust
from collegium.learning.aggregation.rows import RowRule, UpdateRows
from collegium.learning.aggregation.rule import Aggregate


def _monna(rows: UpdateRows, tolerate: int) -> Aggregate:
    wanted = rows.count - tolerate
    distances = rows.distances.tolist()
    reach = [sorted(row)[wanted - 1] for row in distances]
    pivot = ranked(reach, rows.keys)[0]
    return rows.mean_of(ranked(distances[pivot], rows.keys)[:wanted])


MONNA: RowRule = Robust(
    "monna@1", "the mean of the n - f updates nearest to the most central one; n >= 2f + 1",
    MAJORITY, _monna,
)  # fmt: skip
