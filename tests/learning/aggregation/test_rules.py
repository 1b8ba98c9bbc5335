"""What holds of every rule: order, translation, scale, agreement, and far outliers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.learning.aggregation.cases import Vectors, cloud, in_units, mean, updates

from collegium.errors import RunError
from collegium.learning.aggregation.composition import rule_called
from collegium.learning.aggregation.updates import Updates
from collegium.plugins import names

COMPOSED = (
    "nnm+trimmed_mean", "nnm+median", "nnm+krum", "nnm+geometric_median", "nnm+bulyan",
    "bucketing+median", "bucketing+nnm+caf", "norm_clipping+trimmed_mean", "arc+nnm+krum",
    "norm_clipping+bucketing+nnm+geometric_median", "arc+bucketing+nnm+flame",
)  # fmt: skip
SINGLE = [name for name in names("rules") if rule_called(name).kind == "recomputed"]
"""Rules that look at updates alone; what holds of the others is in `test_given_scores`."""

RULES = [*SINGLE, "norm_clipping+fedavg", *COMPOSED]

BY_NORM = {"centered_clipping", "flame", "foolsgold", "norm_clipping", "arc"}
"""Parts that look at lengths or angles from zero: translation changes what they do."""

ROUNDED = {"centered_clipping", "flame", "foolsgold", "geometric_median"}
"""Parts whose weights are roots or quotients in fixed point."""


def tolerance(rule: str, count: int) -> int:
    """Most bad updates that a test with as many updates lets a rule bear."""
    if rule.endswith(("fedavg", "foolsgold")):
        return 0
    return (count - 3) // 4 if rule.endswith("bulyan") else (count - 3) // 2


def parts(rule: str) -> set[str]:
    return set(rule.split("+"))


def answer(rule: str, given: Updates) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    tolerate = tolerance(rule, len(given.values))
    found = rule_called(rule)
    found.check(len(given.values), tolerate)
    return in_units(found.aggregate(given, tolerate))


def mixed_cloud(seed: int) -> Vectors:
    """Eleven updates, three of them far off."""
    return np.vstack([cloud(seed, 8, 6, center=50), cloud(seed + 1, 3, 6, center=-7000)])


@pytest.mark.parametrize("rule", RULES)
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_order_of_participants_does_not_matter(rule: str, seed: int) -> None:
    given = updates(mixed_cloud(seed))
    turned = np.random.default_rng(seed).permutation(len(given.values))
    shuffled = Updates(
        given.values[turned], given.weights, given.exponent, given.participants,
        tuple(given.digests[index] for index in turned),
    )  # fmt: skip
    tolerate = tolerance(rule, 11)
    first, second = (rule_called(rule).aggregate(one, tolerate) for one in (given, shuffled))
    assert first.total.tolist() == second.total.tolist()
    assert first.denominator == second.denominator


@pytest.mark.parametrize("rule", RULES)
def test_ties_fall_by_digest_and_not_by_place(rule: str) -> None:
    # The corners of a cross, all alike seen from the others: only the digests tell them apart.
    rows = [[5, 0], [-5, 0], [0, 5], [0, -5], [3, 3], [-3, 3], [3, -3], [-3, -3], [0, 0], [0, 0]]
    forth = answer(rule, updates(rows))
    back = answer(rule, updates(rows[::-1]))
    assert forth.tolist() == back.tolist()


@pytest.mark.parametrize("rule", [rule for rule in RULES if not BY_NORM & parts(rule)])
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_common_shift_is_only_a_shift(rule: str, seed: int) -> None:
    rows = mixed_cloud(seed)
    keys = updates(rows).digests
    shift = np.array([1, -2, 3000, -20_000, 0, 11], np.int16)
    before, after = (answer(rule, updates(one, keys)) for one in (rows, rows + shift))
    assert after == pytest.approx(before + shift, abs=1e-4)


@pytest.mark.parametrize("rule", RULES)
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_twice_the_updates_give_twice_the_result(rule: str, seed: int) -> None:
    rows = mixed_cloud(seed)
    keys = updates(rows).digests
    once, twice = (answer(rule, updates(one, keys)) for one in (rows, rows * 2))
    if parts(rule) >= {"nnm", "geometric_median"}:  # distances below one unit count as one
        assert twice == pytest.approx(2 * once, abs=1)
    elif ROUNDED & parts(rule):
        assert twice == pytest.approx(2 * once, rel=1e-6, abs=1e-3)
    else:
        assert twice.tolist() == (2 * once).tolist()


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule != "foolsgold"])
def test_what_all_agree_on_is_the_result(rule: str) -> None:
    row = [700, -3, 0, 32767, -32767, 12]
    found = answer(rule, updates([row] * 11))
    noise = 4 * float(np.linalg.norm(row)) / 1000 if "flame" in rule else 1e-4
    assert found == pytest.approx(np.array(row), abs=noise)


@pytest.mark.parametrize(
    "rule", [rule for rule in RULES if not rule.endswith(("fedavg", "foolsgold"))]
)
@pytest.mark.parametrize("far", [32767, -32767])
def test_as_many_outliers_as_tolerated_do_no_great_harm(rule: str, far: int) -> None:
    count = 11
    bad = tolerance(rule, count)
    rows = cloud(5, count, 20, center=100, spread=40)
    rows[:bad] = far
    found = answer(rule, updates(rows))
    good = rows[bad:].astype(float)
    widest = np.linalg.norm(good - good.mean(axis=0), axis=1).max()
    assert np.linalg.norm(found - good.mean(axis=0)) <= 2 * widest
    # One more than a minority can take any rule along, so the promise ends somewhere.
    rows[: count // 2 + 1] = far
    given = updates(rows)
    carried = in_units(rule_called(rule).aggregate(given, bad))
    assert np.linalg.norm(carried - good.mean(axis=0)) > 2 * widest


@pytest.mark.parametrize("rule", names("rules"))
def test_a_rule_says_what_it_is(rule: str) -> None:
    found = rule_called(rule)
    assert found.name == f"{rule}@1"
    assert found.kind == ("recomputed" if rule in SINGLE else "given_scores")


def test_fewer_updates_than_a_rule_was_checked_for_are_refused() -> None:
    with pytest.raises(RunError, match="cannot be aggregated"):
        rule_called("krum").aggregate(updates(cloud(0, 4, 3)), 1)
    with pytest.raises(RunError):
        rule_called("nnm+krum").aggregate(updates(cloud(0, 4, 3)), 1)


def test_a_single_update_is_the_result() -> None:
    for rule in SINGLE:
        fewest = 3 if rule in ("krum", "multi_krum", "bulyan") else 1
        if fewest == 1 and rule not in ("foolsgold", "flame"):
            assert mean(rule, [[5, -6, 7]], 0) == pytest.approx([5, -6, 7], abs=1e-4)
