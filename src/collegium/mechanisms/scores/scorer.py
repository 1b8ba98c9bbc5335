"""What a validator says of updates: scores from rows of its own, as integers.

docs/spec page 18. The rows are part of the validator's own training rows as a site; it keeps them
for this and does not train on them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from collegium.errors import RunError
from collegium.federation.speaking import ReservedRows
from collegium.learning.algorithms.layout import mean_loss
from collegium.learning.algorithms.schedule import training_at
from collegium.learning.encoding import Units, encode
from collegium.learning.models import learned
from collegium.learning.trainer import TrainingJob
from collegium.ledger.contract.encoding import MOST_ROOM
from collegium.mechanisms.scores.score_medians import ScoreRecord
from collegium.mechanisms.scores.terms import LARGEST_SCORE, UNIT

Float32 = NDArray[np.float32]


Scorer = Callable[[int, Float32, int, Mapping[str, Units]], ScoreRecord]
"""Returns the scores of a round's included updates, in order: from the round's number, the vector
[D] of the model that it starts from, float32, e of its encoding, and the updates, int16 [D]."""


def root_scorer(roots: ReservedRows, validator: str) -> Scorer:
    """Return a scorer by the rows that a validator keeps for it, as the study asks for scores."""
    scores, rows = roots.study.aggregation.scores, roots.rows[validator]

    def by_direction(
        number: int, start: Float32, exponent: int, updates: Mapping[str, Units]
    ) -> ScoreRecord:  # fmt: skip
        own = own_update(roots, validator, number, start, exponent)
        told = tuple(cosine(one, own) for one in updates.values())
        return ScoreRecord(norm=norm_of(own), scores=told)

    def by_loss(
        number: int, start: Float32, exponent: int, updates: Mapping[str, Units]
    ) -> ScoreRecord:  # fmt: skip
        before = mean_loss(roots.spec, rows, start)
        after = (
            mean_loss(roots.spec, rows, moved(start, one, exponent)) for one in updates.values()
        )
        return ScoreRecord(scores=tuple(loss_score(before, one) for one in after))

    return by_direction if scores is not None and scores.by == "direction" else by_loss


def own_update(
    roots: ReservedRows, validator: str, number: int, start: Float32, exponent: int
) -> Units:
    """Return the update that a validator makes of its rows, int16 [D]; zeros where it diverges."""
    rows, study = roots.rows[validator], roots.study
    job = TrainingJob(validator, rows.x, learned(roots.spec, rows.y), start, number)
    training = training_at(study.training, number)
    trained = roots.trainer.train([job], roots.spec, training, study.study.seed)
    try:
        return encode(np.asarray(trained[0]), start, exponent, MOST_ROOM)
    except RunError:  # training on so few rows may diverge; then nobody is trusted by it
        return np.zeros(len(start), np.int16)


def norm_of(update: Units) -> int:
    """Return an update's length, in its own units, rounded down."""
    return math.isqrt(_inner(update, update))


def moved(start: Float32, update: Units, exponent: int) -> Float32:
    """Return the vector that one update alone leads to, float32 [D]."""
    step = np.ldexp(update.astype(np.float64), -exponent)
    return np.asarray(start + step, np.float32)


def loss_score(before: float, after: float) -> int:
    """Return by how much a loss fell, in units of 2^-20; the worst where one is no number."""
    fallen = (before - after) * UNIT
    if not math.isfinite(fallen):
        return -LARGEST_SCORE
    return max(-LARGEST_SCORE, min(LARGEST_SCORE, round(fallen)))


def cosine(one: Units, other: Units) -> int:
    """Return the cosine of two updates, in units of 2^-20, rounded down; 0 of one of zeros."""
    squares = _inner(one, one) * _inner(other, other)
    if not squares:
        return 0
    found = (_inner(one, other) << 40) // math.isqrt(squares << 40)
    return max(-UNIT, min(UNIT, found))


def _inner(one: Units, other: Units) -> int:
    """Return an exact inner product, of 12 bits by 12 where coordinates take more than 16."""
    wide = [each.astype(np.int64) for each in (one, other)]
    if one.dtype == other.dtype == np.int16:
        return int(np.dot(*wide))
    first, second = ([each & 4095, each >> 12] for each in wide)
    return sum(
        int(np.dot(a, b)) << 12 * (i + j) for i, a in enumerate(first) for j, b in enumerate(second)
    )
