"""Bulyan: choose n - 2f updates by repeated Krum, then take each coordinate around its median.

El Mhamdi, Guerraoui and Rouault, "The Hidden Vulnerability of Distributed Learning in Byzantium",
ICML 2018, section 4.
"""

from __future__ import annotations

from collegium.learning.aggregation._internal.integers import Integers
from collegium.learning.aggregation._internal.order import ranked
from collegium.learning.aggregation.coordinates import around_median
from collegium.learning.aggregation.krum import krum_scores
from collegium.learning.aggregation.robust import MinimumUpdates, Robust
from collegium.learning.aggregation.rows import RowRule, UpdateRows
from collegium.learning.aggregation.rule import Aggregate


def selected(distances: Integers, keys: tuple[bytes, ...], tolerate: int, wanted: int) -> list[int]:
    """Return rows chosen by Krum one after another, each among those that are left.

    Of m that are left, m - f - 2 neighbors count, and one at least.
    """
    left = list(range(len(keys)))
    chosen = []
    for _ in range(wanted):
        among = distances[left][:, left]
        scores = krum_scores(among, max(len(left) - tolerate - 2, 1))
        best = ranked(scores, [keys[index] for index in left])[0]
        chosen.append(left.pop(best))
    return chosen


def _bulyan(rows: UpdateRows, tolerate: int) -> Aggregate:
    wanted = rows.count - 2 * tolerate
    chosen = selected(rows.distances, rows.keys, tolerate, wanted)
    kept = wanted - 2 * tolerate
    return rows.by_columns(around_median(wanted, kept), kept, chosen)


BULYAN: RowRule = Robust(
    "bulyan@1", "n - 2f updates by repeated Krum, then around each median; n >= 4f + 3",
    MinimumUpdates(4, 3), _bulyan,
)  # fmt: skip
