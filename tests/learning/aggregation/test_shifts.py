"""Shifted updates mean the same to every rule as the integers that they stand for."""

import numpy as np
import pytest

from collegium.learning.aggregation.composition import rule_called
from collegium.learning.aggregation.fedavg import weighted_sum
from collegium.learning.aggregation.updates import Updates

COUNT, SIZE = 9, 300
SHIFTS = (0, 3, 1, 1, 4, 0, 2, 3, 1)
RULES = (
    "fedavg", "median", "trimmed_mean", "meamed", "krum", "multi_krum", "geometric_median",
    "nnm+trimmed_mean", "bucketing+median", "arc+fedavg", "centered_clipping", "caf", "bulyan",
    "flame", "dnc", "mda", "smea", "foolsgold", "monna",
)  # fmt: skip


def updates_of(values: np.ndarray, shifts: tuple[int, ...]) -> Updates:
    digests = tuple(bytes([i]) * 32 for i in range(COUNT))
    weights = (3, 1, 64, 48, 2, 8, 6, 96, 12)
    return Updates(values, weights, 12, tuple("abcdefghi"), digests, None, shifts)


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_makes_the_same_of_shifted_updates(rule: str) -> None:
    values = np.random.default_rng(3).integers(-2000, 2000, (COUNT, SIZE)).astype(np.int16)
    units = values << np.array(SHIFTS, np.int16)[:, None]
    made = rule_called(rule)
    tolerate = 0 if rule in ("fedavg", "arc+fedavg") else 1
    plain = made.aggregate(updates_of(units, ()), tolerate)
    shifted = made.aggregate(updates_of(values, SHIFTS), tolerate)
    assert (plain.total * shifted.denominator == shifted.total * plain.denominator).all()


def test_sums_of_shifted_updates_are_exact_where_they_take_54_bits() -> None:
    values = np.array([[32767, -32767], [32767, 1], [1, 32767]], np.int16)
    weights, shifts = (2**31, 2**30 + 1, 7), (8, 0, 5)
    expected = [
        sum(w * int(v) << s for w, v, s in zip(weights, column, shifts, strict=True))
        for column in values.T
    ]
    assert weighted_sum(values, weights, shifts).tolist() == expected
