"""Updates for tests of the rules, and what the tests ask of a result."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collegium.learning.aggregation.composition import rule_called
from collegium.learning.aggregation.given_scores import is_given_scores
from collegium.learning.aggregation.rule import Aggregate
from collegium.learning.aggregation.updates import Updates
from collegium.plugins import names

Vectors = NDArray[np.int16]


def updates(rows: ArrayLike, keys: Sequence[bytes] | None = None) -> Updates:
    """Return updates whose digests are those of their values, or the keys that are given."""
    values = np.array(rows, np.int16)
    if keys is None:
        keys = [sha256(row.tobytes()).digest() for row in values]
    names = tuple(f"site-{index:03}" for index in range(len(values)))
    return Updates(values, (1,) * len(values), 12, names, tuple(keys))


def aggregate(rule: str, rows: ArrayLike, tolerate: int) -> Aggregate:
    """Return what a rule makes of updates, after it has accepted their number."""
    found = rule_called(rule)
    given = updates(rows)
    found.check(len(given.values), tolerate)
    return found.aggregate(given, tolerate)


def mean(rule: str, rows: ArrayLike, tolerate: int) -> NDArray[np.float64]:
    """Return the same in units of the encoding."""
    return in_units(aggregate(rule, rows, tolerate))


def in_units(found: Aggregate) -> NDArray[np.float64]:
    """Return an aggregate in units of the encoding, float64 [d]."""
    units: NDArray[np.float64] = found.total.astype(np.float64) / found.denominator
    return units


def cloud(seed: int, count: int, size: int, *, center: float = 0, spread: float = 300) -> Vectors:
    """Return normally distributed updates, int16 [count, size]."""
    drawn = np.random.default_rng(seed).normal(center, spread, (count, size))
    return np.clip(np.rint(drawn), -32767, 32767).astype(np.int16)


def of_updates_alone() -> list[str]:
    """The rules of ours that are given updates and nothing else."""
    return [name for name in names("rules") if not is_given_scores(rule_called(name))]
