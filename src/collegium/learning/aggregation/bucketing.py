"""Bucketing: updates are thrown into buckets at random, and a bucket's mean stands for them.

Karimireddy, He and Jaggi, "Byzantine-Robust Learning on Heterogeneous Datasets via Bucketing",
ICLR 2022, algorithm 1. Buckets are as large as what follows allows, at most n / 2f, and differ in
size by one at most. The throw is fixed by all digests together.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from math import lcm

import numpy as np

from collegium.learning.aggregation._internal.order import public_seed
from collegium.learning.aggregation.robust import MAJORITY, check_needs, check_purpose
from collegium.learning.aggregation.rows import PreAggregation, UpdateRows


@dataclass(frozen=True, slots=True)
class Bucketing:
    """Replaces rows by means of buckets."""

    name: str = "bucketing@1"
    about: str = "updates are replaced by means of buckets, as large as the rule allows"

    def check(self, participants: int, tolerate: int) -> None:
        """Refuse a majority of bad updates, and none, where one bucket would hold all."""
        check_needs(self.name, MAJORITY, participants, tolerate)
        check_purpose(self.name, tolerate)

    def rows_after(self, participants: int, tolerate: int, fewest: int) -> int:
        """Return the number of buckets: the least that is `fewest` at least, of equal size."""
        size = max((participants - 1) // max(fewest - 1, 1), 1)
        return -(-participants // size)

    def apply(self, rows: UpdateRows, tolerate: int, fewest: int) -> UpdateRows:
        """Return the buckets' means; a bucket's key is the hash of its members' keys."""
        count = self.rows_after(rows.count, tolerate, fewest)
        seed = public_seed("bucketing", rows.keys)
        thrown = sorted(
            range(rows.count), key=lambda row: (sha256(seed + rows.keys[row]).digest(), row)
        )
        buckets = [thrown[place::count] for place in range(count)]
        denominator = lcm(*(len(bucket) for bucket in buckets))
        matrix = np.zeros((count, rows.count), object)
        for place, bucket in enumerate(buckets):
            matrix[place, bucket] = denominator // len(bucket)
        keys = tuple(
            public_seed("bucket", [rows.keys[row] for row in bucket]) for bucket in buckets
        )
        return rows.mixed(matrix, denominator, keys, (1,) * count)


BUCKETING: PreAggregation = Bucketing()
