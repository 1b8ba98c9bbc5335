"""Bucketing: means of random buckets, as large as what follows can bear."""

from __future__ import annotations

from fractions import Fraction

import pytest
from tests.learning.aggregation.cases import cloud, updates

from collegium.errors import StudyError
from collegium.learning.aggregation.bucketing import BUCKETING
from collegium.learning.aggregation.composition import rule_called
from collegium.learning.aggregation.rows import UpdateRows, rows_of


def members(rows: UpdateRows, count: int) -> list[dict[int, Fraction]]:
    """Return who is in each bucket with which share, from a one-hot update of each."""
    found = []
    for index in range(rows.count):
        weights = [int(index == other) for other in range(rows.count)]
        total = rows.combination(weights, 1)
        shares = [Fraction(int(one), total.denominator) for one in total.total]
        found.append({place: share for place, share in enumerate(shares[:count]) if share})
    return found


@pytest.mark.parametrize(
    ("count", "bad", "rule", "buckets"),
    [(10, 2, "median", 5), (10, 1, "median", 3), (20, 2, "median", 5), (23, 4, "krum", 12),
     (10, 1, "krum", 5), (9, 4, "median", 9), (400, 1, "median", 3)],
)  # fmt: skip
def test_buckets_are_as_large_as_the_rule_can_bear(
    count: int, bad: int, rule: str, buckets: int
) -> None:
    fewest = rule_called(f"bucketing+{rule}").fewest(bad)  # type: ignore[attr-defined]
    assert BUCKETING.rows_after(count, bad, fewest) == buckets >= fewest
    one_hot = [[int(row == column) for column in range(count)] for row in range(count)]
    thrown = BUCKETING.apply(rows_of(updates(one_hot)), bad, fewest)
    assert thrown.count == buckets
    found = members(thrown, count)
    sizes = [len(bucket) for bucket in found]
    assert max(sizes) - min(sizes) <= 1
    assert max(sizes) <= max(count // (2 * bad), 1)
    assert sorted(row for bucket in found for row in bucket) == list(range(count))
    assert all(set(bucket.values()) == {Fraction(1, len(bucket))} for bucket in found)
    assert len(set(thrown.keys)) == buckets


def test_the_throw_depends_on_every_digest() -> None:
    rows = cloud(0, 12, 5)
    keys = [bytes([index]) * 32 for index in range(12)]
    first = BUCKETING.apply(rows_of(updates(rows, keys)), 2, 5)
    assert first.gram.tolist() == BUCKETING.apply(rows_of(updates(rows, keys)), 2, 5).gram.tolist()
    keys[7] = b"other"
    assert first.gram.tolist() != BUCKETING.apply(rows_of(updates(rows, keys)), 2, 5).gram.tolist()


def test_with_no_bad_update_it_has_nothing_to_do() -> None:
    with pytest.raises(StudyError, match="nothing to do"):
        BUCKETING.check(9, 0)
