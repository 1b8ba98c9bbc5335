"""What a validator says of updates: scores from rows of its own, as integers.

docs/spec page 18. The rows are part of the validator's own training rows as a site; it keeps them
for this and does not train on them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from collegium.errors import RunError
from collegium.learning.encoding import encode
from collegium.mechanisms.scores.roots import RootData
from collegium.mechanisms.scores.score_medians import ScoreRecord
from collegium.mechanisms.scores.terms import LARGEST_SCORE, UNIT

Int16 = NDArray[np.int16]
Float32 = NDArray[np.float32]


class Scorer(Protocol):
    """Scores a round's included updates."""

    def scored(
        self, number: int, start: Float32, exponent: int, updates: Mapping[str, Int16]
    ) -> ScoreRecord:  # fmt: skip
        """Return the scores of updates, in order.

        Args:
            number: of the round.
            start: float32 [D], the vector of the model that it starts from.
            exponent: e of its encoding.
            updates: int16 [D] each, by site.
        """
        ...


@dataclass(frozen=True, slots=True)
class RootScorer:
    """A scorer whose rows are those that a validator keeps for it."""

    roots: RootData
    validator: str

    def scored(
        self, number: int, start: Float32, exponent: int, updates: Mapping[str, Int16]
    ) -> ScoreRecord:  # fmt: skip
        """Return the scores of updates, in order, as the study asks for them."""
        scores = self.roots.study.aggregation.scores
        if scores is not None and scores.by == "direction":
            return self._by_direction(number, start, exponent, updates)
        before = self.roots.loss(self.validator, start)
        return ScoreRecord(
            scores=tuple(
                loss_score(before, self.roots.loss(self.validator, moved(start, one, exponent)))
                for one in updates.values()
            )
        )

    def _by_direction(
        self, number: int, start: Float32, exponent: int, updates: Mapping[str, Int16]
    ) -> ScoreRecord:  # fmt: skip
        own = own_update(self.roots, self.validator, number, start, exponent)
        return ScoreRecord(
            norm=norm_of(own), scores=tuple(cosine(one, own) for one in updates.values())
        )


def own_update(
    roots: RootData, validator: str, number: int, start: Float32, exponent: int
) -> Int16:
    """Return the update that a validator makes of its rows, int16 [D]; zeros where it diverges."""
    trained = roots.training(validator, number, start)
    try:
        return encode(trained, start, exponent)
    except RunError:  # training on so few rows may diverge; then nobody is trusted by it
        return np.zeros(len(start), np.int16)


def norm_of(update: Int16) -> int:
    """Return an update's length, in its own units, rounded down."""
    return math.isqrt(_inner(update, update))


def moved(start: Float32, update: Int16, exponent: int) -> Float32:
    """Return the vector that one update alone leads to, float32 [D]."""
    step = np.ldexp(update.astype(np.float64), -exponent)
    return np.asarray(start + step, np.float32)


def loss_score(before: float, after: float) -> int:
    """Return by how much a loss fell, in units of 2^-20; the worst where one is no number."""
    fallen = (before - after) * UNIT
    if not math.isfinite(fallen):
        return -LARGEST_SCORE
    return max(-LARGEST_SCORE, min(LARGEST_SCORE, round(fallen)))


def cosine(one: Int16, other: Int16) -> int:
    """Return the cosine of two updates, in units of 2^-20, rounded down; 0 of one of zeros."""
    squares = _inner(one, one) * _inner(other, other)
    if not squares:
        return 0
    found = (_inner(one, other) << 40) // math.isqrt(squares << 40)
    return max(-UNIT, min(UNIT, found))


def _inner(one: Int16, other: Int16) -> int:
    return int(np.dot(one.astype(np.int64), other.astype(np.int64)))
