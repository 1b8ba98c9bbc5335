"""Shifted updates mean the same to every rule as the integers that they stand for."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.learning.aggregation.test_coordinates import around

from collegium.learning.aggregation._internal.shifted_columns import Block, ShiftedColumns
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


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 13).flatmap(
        lambda count: st.tuples(
            st.integers(0, (count - 1) // 2),
            st.lists(st.integers(0, 8), min_size=count, max_size=count),
        )
    ),
    st.integers(0, 2**32 - 1),
)
def test_what_16_bits_do_not_hold_is_looked_at_again(
    case: tuple[int, list[int]], seed: int
) -> None:
    """Coordinates lie close to both ends of 16 bits, in them and far beyond."""
    tolerate, shifts = case
    random = np.random.default_rng(seed)
    wide = random.choice([-4e5, -32768, -20, 0, 20, 32768, 4e5], (len(shifts), 999))
    wide += random.integers(-2, 3, wide.shape)
    scale = 2.0 ** np.array(shifts)[:, None]
    values = np.clip(np.rint(wide / scale), -32767, 32767).astype(np.int16)
    units = values.astype(np.int64) * scale.astype(np.int64)
    keys = tuple(bytes([i]) * 32 for i in range(len(shifts)))
    updates = Updates(values, (1,) * len(keys), 12, ("a",) * len(keys), keys, None, tuple(shifts))
    ordered = np.sort(units, axis=0)
    kept = ordered[tolerate : len(keys) - tolerate]
    found = rule_called("trimmed_mean").aggregate(updates, tolerate)
    assert found.total.tolist() == kept.sum(axis=0).tolist()
    found = rule_called("median").aggregate(updates, tolerate)
    assert (2 * found.total == np.median(units, axis=0) * 2 * found.denominator).all()
    found = rule_called("meamed").aggregate(updates, tolerate)
    nearest = [around(column, len(keys) - tolerate) for column in units.T.tolist()]
    assert found.total.tolist() == [one * found.denominator for one in nearest]


def test_a_rule_looks_again_at_columns_and_not_at_everything() -> None:
    """Chosen from in 32 bits are the columns beyond 16, or everything once they are many."""
    values = np.random.default_rng(3).integers(-3000, 3000, (5, 1000)).astype(np.int16)
    values[:, 7] = 30000
    seen: list[tuple[str, int]] = []

    def choose(block: Block) -> list[Block]:
        seen.append((block.dtype.name, block.shape[1]))
        return [block.max(axis=0)]

    def largest(values: np.ndarray, shifts: tuple[int, ...]) -> list[int]:
        seen.clear()
        return [int(one) for one in ShiftedColumns(values, shifts).sums(choose, 1000)]

    shifts = (2, 3, 2, 4, 3)
    expected = (values.astype(int) << np.array(shifts)[:, None]).max(axis=0)
    assert largest(values, shifts) == expected.tolist()
    assert seen == [("int16", 1000), ("int32", 1)]
    assert largest(values, (3,) * 5) == (values.astype(int) << 3).max(axis=0).tolist()
    assert seen == [("int16", 1000)]
    assert largest(values, (0, 8, 8, 8, 8))[7] == 30000 << 8
    assert seen == [("int16", 1000), ("int32", 1000)]
