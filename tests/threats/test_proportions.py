"""Bounds on proportions: exact values, and how often they hold."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest

from collegium.threats.proportions import at_least, at_most


@pytest.mark.parametrize(("successes", "trials"), [(0, 10), (3, 10), (9, 10), (50, 400), (1, 1)])
def test_a_bound_is_where_the_counts_have_the_chance_of_the_error(
    successes: int, trials: int
) -> None:
    error = 0.01
    high = at_most(successes, trials, error)
    if successes < trials:
        chance = sum(
            comb(trials, k) * high**k * (1 - high) ** (trials - k) for k in range(successes + 1)
        )
        assert chance == pytest.approx(error, rel=1e-6)
    else:
        assert high == 1.0
    assert at_least(successes, trials, error) == pytest.approx(
        1 - at_most(trials - successes, trials, error)
    )
    assert at_least(successes, trials, error) <= successes / trials <= high


def test_ten_thousand_trials_prove_no_more_than_they_can() -> None:
    assert at_most(0, 10_000, 0.001) == pytest.approx(1 - 0.001 ** (1 / 10_000), rel=1e-6)


def test_bounds_hold_as_often_as_they_say() -> None:
    rng = np.random.default_rng(5)
    wrong = sum(at_most(int(rng.binomial(200, 0.1)), 200, 0.05) < 0.1 for _ in range(1000))
    assert 10 <= wrong <= 75
