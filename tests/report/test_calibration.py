"""A reliability table adds up, and its intervals are Wilson's."""

import numpy as np
import pytest

from collegium.learning.evaluation.calibration import reliability
from collegium.report.calibration import reliability_of, wilson
from collegium.report.measurements import Calibration


def test_totals_are_those_of_the_rows_behind_the_table() -> None:
    random = np.random.default_rng(5)
    scores = random.random((400, 1))
    y = (random.random(400) < scores[:, 0]).astype(np.int64)
    table = reliability("binary", y, scores)
    found = reliability_of([Calibration(one.rows, one.mean_score, one.rate) for one in table])
    assert found is not None
    assert found.rows == 400
    assert found.predicted == pytest.approx(scores.mean())
    assert found.observed == pytest.approx(y.mean())
    apart = [one.rows * abs(one.rate - one.mean_score) for one in table]
    assert found.error == pytest.approx(sum(apart) / 400)


def test_a_table_without_rows_is_none() -> None:
    assert reliability_of([]) is None
    assert reliability_of([Calibration(0, 0.0, 0.0)]) is None


def test_bounds_are_those_of_a_published_example() -> None:
    # 81 of 263: Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
    assert wilson(81 / 263, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    # 0 of 20 and 1 of 29, in the same table.
    assert wilson(0.0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert wilson(1 / 29, 29) == pytest.approx((0.0061, 0.1718), abs=5e-5)
