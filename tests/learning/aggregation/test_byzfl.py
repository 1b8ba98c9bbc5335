"""ByzFL's answers to the same updates (tools/make_byzfl_numbers.py), where it means the same.

Its Krum counts one neighbor more than ours and Blanchard's, so it is compared with the score of
as many neighbors, and our rule only where both scores choose alike.
"""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.learning.aggregation.cases import mean, updates

from collegium.learning.aggregation._internal.order import ranked
from collegium.learning.aggregation.krum import krum_scores
from collegium.learning.aggregation.rows import rows_of

Vector = NDArray[np.float64]

CASES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "byzfl.json").read_text())

LOOSE = {
    "centered_clipping": 1e-5,
    "arc+median": 0.05,  # a coefficient has 20 fractional bits
    "arc+nnm+trimmed_mean": 0.05,
    "norm_clipping+trimmed_mean": 0.05,
}
"""By how many units of the encoding answers may differ, else 1e-6."""

OTHERWISE = {"caf", "geometric_median", "krum", "mda", "multi_krum", "nnm+geometric_median"}
"""Rules that are compared by what makes an answer right, as several may be."""

RULES = sorted({rule for case in CASES for rule in case["answers"]} - OTHERWISE)


@pytest.mark.parametrize("rule", RULES)
def test_rules_that_mean_the_same_agree(rule: str) -> None:
    compared = 0
    for case in CASES:
        if rule in case["answers"]:
            found = mean(rule, case["updates"], case["tolerate"])
            apart = np.abs(found - case["answers"][rule]).max()
            assert apart <= LOOSE.get(rule, 1e-6), (case["kind"], case["tolerate"], apart)
            compared += 1
    assert compared >= 6


@pytest.mark.parametrize("rule", ["geometric_median", "nnm+geometric_median"])
def test_the_geometric_median_is_as_near_to_all_as_theirs(rule: str) -> None:
    for case in CASES:
        tolerate, vectors = case["tolerate"], np.array(case["updates"], float)
        if rule.startswith("nnm"):
            apart = np.linalg.norm(vectors[:, None] - vectors[None], axis=2)
            nearest = np.argsort(apart, axis=1)[:, : len(vectors) - tolerate]
            vectors = vectors[nearest].mean(axis=1)
        ours, theirs = (
            np.linalg.norm(vectors - point, axis=1).sum()
            for point in (mean(rule, case["updates"], tolerate), np.array(case["answers"][rule]))
        )
        # Ours takes 32 steps, which are few where mixed rows coincide.
        assert ours == pytest.approx(theirs, rel=5e-3 if rule.startswith("nnm") else 5e-4)


def test_minimum_diameter_averaging_chooses_among_the_same_subsets() -> None:
    unique = 0
    for case in CASES:
        tolerate, vectors = case["tolerate"], np.array(case["updates"], float)
        apart = np.linalg.norm(vectors[:, None] - vectors[None], axis=2)
        kept = list(combinations(range(len(vectors)), len(vectors) - tolerate))
        diameters = np.array([apart[np.ix_(one, one)].max() for one in kept])
        best = [kept[place] for place in np.flatnonzero(diameters == diameters.min())]
        spreads = [(apart[np.ix_(one, one)] ** 2).sum() for one in best]
        ours = vectors[list(best[int(np.argmin(spreads))])].mean(axis=0)
        assert mean("mda", case["updates"], tolerate) == pytest.approx(ours)
        theirs = np.array(case["answers"]["mda"])
        assert any(np.allclose(theirs, vectors[list(one)].mean(axis=0)) for one in best)
        unique += len(best) == 1
    assert unique >= 6


def filtered_mean(values: Vector, tolerate: int, *, gone_too: bool) -> float:
    """Return what the covariance filter makes of numbers, in floating point.

    Args:
        values: float64 [n].
        tolerate: f.
        gone_too: whether rows without weight can be the farthest, as in ByzFL.
    """
    weights, found, least = np.ones(len(values)), 0.0, np.inf
    while weights.sum() > len(values) - 2 * tolerate:
        center = (weights * values).sum() / weights.sum()
        squares = (values - center) ** 2
        spread = (weights * squares).sum() / weights.sum()
        if spread < least:
            least, found = spread, center
        farthest = squares.max() if gone_too else squares[weights > 0].max()
        weights = weights * (1 - squares / farthest)
    return float(found)


def test_the_covariance_filter_is_theirs_but_for_rows_that_are_gone() -> None:
    differ = 0
    for case in CASES:
        if "caf" not in case["answers"]:
            continue
        tolerate, values = case["tolerate"], np.array(case["updates"], float)[:, 0]
        ours, theirs = (filtered_mean(values, tolerate, gone_too=too) for too in (False, True))
        assert mean("caf", case["updates"], tolerate)[0] == pytest.approx(ours, abs=1e-4)
        assert case["answers"]["caf"][0] == pytest.approx(theirs, abs=1e-6)
        differ += ours != theirs
    assert differ >= 2


@pytest.mark.parametrize(("rule", "kept"), [("krum", 1), ("multi_krum", None)])
def test_krum_agrees_where_the_extra_neighbor_changes_nothing(rule: str, kept: int | None) -> None:
    alike = 0
    for case in CASES:
        tolerate, given = case["tolerate"], updates(case["updates"])
        rows = rows_of(given)
        wanted = kept or rows.count - tolerate

        def chosen(neighbors: int) -> set[int]:
            scores = krum_scores(rows.distances, neighbors)  # noqa: B023
            return set(ranked(scores, rows.keys)[:wanted])  # noqa: B023

        theirs = chosen(rows.count - tolerate - 1)
        answer = given.values[sorted(theirs)].astype(float).mean(axis=0)
        assert answer == pytest.approx(np.array(case["answers"][rule]))
        if rows.count >= 2 * tolerate + 3 and chosen(rows.count - tolerate - 2) == theirs:
            assert mean(rule, case["updates"], tolerate) == pytest.approx(answer)
            alike += 1
    assert alike >= len(CASES) // 2
