"""Krum and Multi-Krum: the update, or the mean of those, with the nearest neighbors.

Blanchard, El Mhamdi, Guerraoui and Stainer, "Machine Learning with Adversaries: Byzantine
Tolerant Gradient Descent", NeurIPS 2017, section 4. The score is theirs, the sum of squared
distances to the n - f - 2 nearest others; ByzFL takes n - f - 1 of them.
"""

from __future__ import annotations

from collegium.learning.aggregation._internal.integers import Integers
from collegium.learning.aggregation._internal.order import ranked
from collegium.learning.aggregation.robust import MinimumUpdates, Robust
from collegium.learning.aggregation.rows import RowRule, UpdateRows
from collegium.learning.aggregation.rule import Aggregate


def krum_scores(distances: Integers, neighbors: int) -> list[int]:
    """Return each row's sum of squared distances to its nearest others.

    Args:
        distances: all squared distances, m x m.
        neighbors: how many others count.
    """
    # A row's own distance, 0, is never above another's, so it comes first.
    return [sum(sorted(row)[: neighbors + 1]) for row in distances.tolist()]


def by_krum(rows: UpdateRows, tolerate: int) -> list[int]:
    """Return the rows' indices in order of their Krum score, ties by key."""
    return ranked(krum_scores(rows.distances, rows.count - tolerate - 2), rows.keys)


def _krum(rows: UpdateRows, tolerate: int) -> Aggregate:
    return rows.mean_of(by_krum(rows, tolerate)[:1])


def _multi_krum(rows: UpdateRows, tolerate: int) -> Aggregate:
    return rows.mean_of(by_krum(rows, tolerate)[: rows.count - tolerate])


KRUM: RowRule = Robust(
    "krum@1", "the one update with the nearest neighbors; n >= 2f + 3", MinimumUpdates(2, 3), _krum
)
MULTI_KRUM: RowRule = Robust(
    "multi_krum@1", "the mean of the n - f updates with the nearest neighbors; n >= 2f + 3",
    MinimumUpdates(2, 3), _multi_krum,
)  # fmt: skip
