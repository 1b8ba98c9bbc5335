"""A mean over seeds: Student's interval, widened for training parts that overlap."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

from collegium.learning.evaluation.replication import mean_interval, t_quantile


@pytest.mark.parametrize(
    ("freedom", "probability", "value"),
    [
        (1, 0.975, 12.706204736),
        (2, 0.975, 4.302652730),
        (4, 0.975, 2.776445105),
        (9, 0.975, 2.262157163),
        (19, 0.975, 2.093024054),
        (9, 0.995, 3.249835542),
        (3, 0.5, 0.0),
    ],
)
def test_quantiles_are_those_of_the_tables(freedom: int, probability: float, value: float) -> None:
    assert t_quantile(probability, freedom) == pytest.approx(value, abs=1e-8)


def test_many_degrees_are_nearly_normal() -> None:
    assert t_quantile(0.975, 1_000_000) == pytest.approx(1.959966, abs=1e-5)


def test_without_overlap_it_is_the_plain_t_interval() -> None:
    values = [0.81, 0.79, 0.84, 0.80]
    found = mean_interval(values, 0.0)
    assert found is not None
    half = 3.182446305 * np.std(values, ddof=1) / sqrt(4)
    assert (found.value, found.low, found.high) == pytest.approx((0.81, 0.81 - half, 0.81 + half))


def test_overlap_widens_it_by_nadeau_and_bengios_factor() -> None:
    values = [0.81, 0.79, 0.84, 0.80]
    plain, wider = mean_interval(values, 0.0), mean_interval(values, 0.5)
    assert plain is not None
    assert wider is not None
    ratio = (wider.high - wider.low) / (plain.high - plain.low)
    assert ratio == pytest.approx(sqrt((1 / 4 + 0.5) / (1 / 4)))


def test_equal_values_leave_no_doubt_and_one_value_no_interval() -> None:
    found = mean_interval([0.7, 0.7, 0.7], 1.0)
    assert found is not None
    assert found.high - found.low == pytest.approx(0, abs=1e-12)
    assert mean_interval([0.7], 0.0) is None


def test_it_covers_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(3)
    covered = 0
    for values in rng.normal(1.0, 2.0, (4000, 5)):
        found = mean_interval(values.tolist(), 0.0)
        assert found is not None
        covered += found.low <= 1.0 <= found.high
    assert covered / 4000 == pytest.approx(0.95, abs=0.015)
