"""Rules that are given scores: what their papers say, what never matters, and how they break."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.learning.aggregation.cases import Vectors, cloud, in_units, updates

from collegium.errors import RunError, StudyError
from collegium.learning.aggregation.committee import capped
from collegium.learning.aggregation.composition import rule_called
from collegium.learning.aggregation.scores import Scores
from collegium.learning.aggregation.updates import Updates
from collegium.mechanisms.scores.terms import UNIT

Float = NDArray[np.float64]
RULES = ("committee_median", "fltrust", "reputation_weighted", "zeno", "norm_clipping+zeno")
EXPONENT = 12


def scored(
    rows: Any, values: Sequence[float], *, norm: int | None = None,
    reputations: Sequence[float] | None = None, penalty: str = "0", threshold: float = 0.0,
    weights: tuple[int, ...] | None = None,
) -> Updates:  # fmt: skip
    """Return updates with scores in units of 1."""
    given = updates(rows)
    told = [0.5] * len(given.values) if reputations is None else reputations
    scores = Scores(
        tuple(round(one * UNIT) for one in values), norm, tuple(round(one * UNIT) for one in told),
        Fraction(penalty), round(threshold * UNIT), EXPONENT,
    )  # fmt: skip
    return replace(given, scores=scores, weights=weights or given.weights)


def result(rule: str, given: Updates, tolerate: int = 0) -> Float:
    found = rule_called(rule)
    found.check(len(given.values), tolerate)
    return in_units(found.aggregate(given, tolerate))


def cosines(rows: Vectors, reference: Float) -> list[float]:
    lengths = np.linalg.norm(rows.astype(float), axis=1) * np.linalg.norm(reference)
    found: list[float] = (rows.astype(float) @ reference / lengths).tolist()
    return found


def zeno_by_the_paper(rows: Vectors, values: Sequence[float], rho: float, b: int) -> Float:
    """Xie, Koyejo and Gupta 2019, definitions 1 and 2, in floating point."""
    steps = rows / 2.0**EXPONENT
    scores = np.array(values) - rho * (steps**2).sum(axis=1)
    best = np.argsort(-scores, kind="stable")[: len(rows) - b]
    return np.asarray(rows[best].mean(axis=0))


def fltrust_by_the_paper(rows: Vectors, trusts: Sequence[float], norm: float) -> Float:
    """Cao et al. 2021, equation 4, in floating point."""
    trust = np.maximum(trusts, 0)
    lengths = np.linalg.norm(rows.astype(float), axis=1)
    return np.asarray(((trust * norm / lengths) @ rows.astype(float)) / trust.sum())


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("rho", ["0", "0.0005", "0.3"])
def test_zeno_is_what_its_paper_says(seed: int, rho: str) -> None:
    rows = cloud(seed, 9, 30, center=100, spread=2000)
    values = np.random.default_rng(seed).normal(0, 0.3, 9).tolist()
    found = result("zeno", scored(rows, values, penalty=rho), 3)
    assert found == pytest.approx(zeno_by_the_paper(rows, values, float(rho), 3))


@pytest.mark.parametrize("seed", range(6))
def test_fltrust_is_what_its_paper_says(seed: int) -> None:
    rows = cloud(seed, 9, 30, center=100, spread=900)
    reference = np.random.default_rng(seed).normal(80, 300, 30)
    trusts = cosines(rows, reference)
    found = result("fltrust", scored(rows, trusts, norm=1600))
    assert found == pytest.approx(fltrust_by_the_paper(rows, trusts, 1600.0), rel=1e-3, abs=0.05)
    assert min(trusts) < 0 < max(trusts)


def test_the_penalty_takes_a_long_update_that_lowers_the_loss_a_little_more() -> None:
    rows = [[100, 0], [101, 0], [100, 1], [30000, 0]]
    values = [0.10, 0.11, 0.10, 0.12]
    assert result("zeno", scored(rows, values), 1)[0] > 7000, "without a penalty it is the best"
    penalized = scored(rows, values, penalty="0.01")
    assert result("zeno", penalized, 1) == pytest.approx([301 / 3, 1 / 3])


@pytest.mark.parametrize("exponent", [-8, 0, 12, 30])
def test_the_penalty_is_in_units_of_the_model(exponent: int) -> None:
    # |u|^2 is 4: with rho = 0.25 an update whose loss falls by less than one is worse than none.
    step = int(2 * 2.0**exponent) if 0 <= exponent <= 12 else 2**13
    rows = [[step, 0], [0, 1 if exponent > 0 else 0]]
    length = (step / 2.0**exponent) ** 2
    for fall, first in ((0.25 * length - 1e-3, False), (0.25 * length + 1e-3, True)):
        if abs(fall) > 2**19:
            continue
        given = scored(rows, [fall, 0.0], penalty="0.25")
        assert given.scores is not None
        given = replace(given, exponent=exponent, scores=replace(given.scores, exponent=exponent))
        found = result("zeno", given, 1)
        assert bool(found[0] == step) is first


def test_committee_median_averages_what_reaches_the_threshold_by_weight() -> None:
    rows = [[8, 0], [0, 8], [900, 900], [4, 4]]
    given = scored(rows, [0.1, 0.0, -0.2, 0.3], weights=(1, 2, 5, 1))
    assert result("committee_median", given) == pytest.approx([12 / 4, 20 / 4])
    lenient = scored(rows, [0.1, 0.0, -0.2, 0.3], weights=(1, 2, 5, 1), threshold=-0.2)
    assert result("committee_median", lenient)[0] == pytest.approx((8 + 4500 + 4) / 9)


@pytest.mark.parametrize("rule", ["committee_median", "fltrust"])
def test_where_nobody_passes_the_model_stands(rule: str) -> None:
    found = result(rule, scored([[5, 6], [7, 8]], [-0.1, -0.2], norm=100))
    assert found.tolist() == [0, 0]


def test_an_update_of_zeros_is_no_obstacle() -> None:
    assert result("fltrust", scored([[0, 0], [3, 4]], [0.0, 1.0], norm=10)) == pytest.approx([6, 8])


def test_reputation_weighs_and_no_one_has_more_than_twice_its_part() -> None:
    rows = np.diag([1000] * 5)
    given = scored(rows, [0] * 5, reputations=[0.8, 0.4, 0.4, 0.2, 0.2])
    assert result("reputation_weighted", given) == pytest.approx([400, 200, 200, 100, 100])
    heavy = scored(rows, [0] * 5, reputations=[0.8] * 5, weights=(96, 1, 1, 1, 1))
    assert result("reputation_weighted", heavy) == pytest.approx([400, 150, 150, 150, 150])


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=12))
def test_a_cap_is_a_cap_and_keeps_the_order(weights: list[int]) -> None:
    found, _ = capped(weights)
    total, count = sum(found), len(weights)
    assert all(one > 0 for one in found)
    if count > 2:
        assert max(found) * count <= 2 * total
    order = np.argsort(weights, kind="stable").tolist()
    assert all(found[a] <= found[b] for a, b in pairwise(order))


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("seed", range(4))
def test_the_order_of_participants_does_not_matter(rule: str, seed: int) -> None:
    rows, drawn = cloud(seed, 9, 12, center=40), np.random.default_rng(seed)
    values, reputations = drawn.normal(0, 0.4, 9), drawn.uniform(0.1, 0.8, 9)
    turned = drawn.permutation(9)
    first, second = (
        result(
            rule,
            scored(rows[order], values[order].tolist(), norm=500, penalty="0.0005",
                   reputations=reputations[order].tolist()),
            0 if rule == "reputation_weighted" else 3,
        )
        for order in (np.arange(9), turned)
    )  # fmt: skip
    assert first.tolist() == second.tolist()


def test_how_far_an_update_reaches_does_not_matter_to_fltrust() -> None:
    rows = cloud(3, 5, 8, center=200)
    trusts = cosines(rows, np.full(8, 1.0))
    long = rows.copy()
    long[0] *= 20
    short, stretched = (result("fltrust", scored(one, trusts, norm=900)) for one in (rows, long))
    assert short == pytest.approx(stretched, abs=1e-3)


@pytest.mark.parametrize("bad", [3, 8])
def test_zeno_bears_a_majority_of_bad_updates(bad: int) -> None:
    rows = cloud(4, 9, 6, center=300, spread=20)
    rows[:bad] = -32767
    values = [-3.0] * bad + [0.2] * (9 - bad)
    assert result("zeno", scored(rows, values), bad) == pytest.approx(rows[bad:].mean(axis=0))


def test_zeno_breaks_where_validators_do() -> None:
    # A lying majority gives the bad updates the best scores: the median is theirs.
    rows = cloud(4, 9, 6, center=300, spread=20)
    rows[:4] = -32767
    assert result("zeno", scored(rows, [3.0] * 4 + [-3.0] * 5), 5)[0] == -32767


@pytest.mark.parametrize("last", [[1, 0, 0], [0, 2, 1], [30, -20, 10]])
def test_fltrust_bears_an_update_that_is_as_good_as_nothing(last: list[int]) -> None:
    # Lengthened to the reference it has thousands of times its weight, and must not end the round.
    rows, trusts = [[900, 100, 50], [1000, 0, -80], last], [0.9, 0.8, 0.3]
    found = result("fltrust", scored(rows, trusts, norm=30_000))
    expected = fltrust_by_the_paper(np.array(rows), trusts, 30_000.0)
    assert found == pytest.approx(expected, rel=1e-3, abs=0.5)
    many = [[900] * 40_000, [1] + [0] * 39_999]
    assert np.isfinite(result("fltrust", scored(many, [0.5, 0.01], norm=6_000_000))).all()


def test_fltrust_breaks_by_updates_just_within_its_half_space() -> None:
    # Cao et al. 2021, section V: attackers that keep a positive cosine are weighted, not removed;
    # the paper's adaptive attack searches for the worst of them.
    rows = np.zeros((4, 2), np.int16)
    rows[:2] = [1000, 0]
    rows[2:] = [10, 1000]
    trusts = cosines(rows, np.array([1.0, 0.0]))
    drift = result("fltrust", scored(rows, trusts, norm=1000))[1]
    assert 0 < drift < 20, "at the length of the others, times a cosine of a hundredth"
    trusts = cosines(rows, np.array([0.7, 0.7]))
    assert result("fltrust", scored(rows, trusts, norm=1000))[1] > 400, "a biased root"


def test_committee_median_breaks_by_what_looks_good_on_rows_of_the_committee() -> None:
    rows = [[10, 0], [11, 0], [-9, 3000]]
    assert result("committee_median", scored(rows, [0.1, 0.1, 0.1]))[1] == 1000


@pytest.mark.parametrize("rule", RULES)
def test_without_scores_there_is_nothing_to_go_by(rule: str) -> None:
    with pytest.raises(RunError, match="cannot be aggregated"):
        rule_called(rule).aggregate(updates([[1, 2], [3, 4]]), 0)


@pytest.mark.parametrize("rule", RULES)
def test_all_updates_cannot_be_bad(rule: str) -> None:
    with pytest.raises(StudyError, match="cannot tolerate 4"):
        rule_called(rule).check(4, 4)


def test_reputations_promise_nothing_about_a_number_of_bad_updates() -> None:
    with pytest.raises(StudyError, match="promises nothing about 1"):
        rule_called("reputation_weighted").check(4, 1)


@pytest.mark.parametrize("rule", ["nnm+zeno", "bucketing+committee_median", "arc+nnm+fltrust"])
def test_what_is_scored_is_not_mixed_before(rule: str) -> None:
    with pytest.raises(StudyError, match="cannot be composed"):
        rule_called(rule)
