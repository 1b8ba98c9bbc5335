"""Minimum-diameter averaging: the mean of the n - f updates that lie closest together.

El-Mhamdi, Guerraoui, Guirguis, Hoang and Rouault, "Genuinely Distributed Byzantine Machine
Learning", PODC 2020. A set of updates to leave out must hold an end of every distance above the
diameter, so instead of all subsets only those are looked at that the longest distances leave
open.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from collegium.learning.aggregation.robust import MAJORITY, Robust
from collegium.learning.aggregation.rows import RowRule, UpdateRows
from collegium.learning.aggregation.rule import Aggregate

Edge = tuple[int, int, int]
"""A squared distance and the two rows that have it."""


def left_out(distances: list[list[int]], keys: tuple[bytes, ...], count: int) -> frozenset[int]:
    """Return the rows to leave out for the least diameter of the others.

    Of several such sets, the one whose others have the least sum of squared distances; then the
    one whose sorted keys are the greatest.

    Args:
        distances: all squared distances.
        keys: the rows' keys.
        count: how many rows to leave out.
    """
    rows = range(len(keys))
    edges = sorted(((distances[i][j], i, j) for i, j in combinations(rows, 2)), reverse=True)
    diameter = min(_diameters(edges, 0, frozenset(), count))
    long = [edge for edge in edges if edge[0] > diameter]
    possible = {
        cover | set(more)
        for cover in _covers(long, 0, frozenset(), count)
        for more in combinations([row for row in rows if row not in cover], count - len(cover))
    }
    totals = [sum(row) for row in distances]

    def rank(out: frozenset[int]) -> tuple[int, list[bytes]]:
        inner = sum(distances[i][j] for i, j in combinations(out, 2))
        kept = sorted(keys[row] for row in rows if row not in out)
        return inner - sum(totals[row] for row in out), kept

    return min(possible, key=rank)


def _diameters(edges: list[Edge], place: int, out: frozenset[int], count: int) -> Iterator[int]:
    """Yield what leaving out ends of the longest distances leads to; the least is among them."""
    place = _next(edges, place, out)
    if place == len(edges):
        yield 0
    elif len(out) == count:
        yield edges[place][0]
    else:
        for end in edges[place][1:]:
            yield from _diameters(edges, place + 1, out | {end}, count)


def _covers(
    edges: list[Edge], place: int, out: frozenset[int], count: int
) -> Iterator[frozenset[int]]:
    """Yield sets of at most `count` rows that hold an end of every edge, all smallest ones."""
    place = _next(edges, place, out)
    if place == len(edges):
        yield out
    elif len(out) < count:
        for end in edges[place][1:]:
            yield from _covers(edges, place + 1, out | {end}, count)


def _next(edges: list[Edge], place: int, out: frozenset[int]) -> int:
    """Return the place of the first edge from `place` on that has no end in `out`."""
    while place < len(edges) and (edges[place][1] in out or edges[place][2] in out):
        place += 1
    return place


def _mda(rows: UpdateRows, tolerate: int) -> Aggregate:
    out = left_out(rows.distances.tolist(), rows.keys, tolerate)
    return rows.mean_of([row for row in range(rows.count) if row not in out])


MDA: RowRule = Robust(
    "mda@1", "the mean of the n - f updates with the least diameter; n >= 2f + 1",
    MAJORITY, _mda, tries_subsets=True,
)  # fmt: skip
