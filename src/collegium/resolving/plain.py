"""From updates that everybody may read to the next model: what every validator repeats."""

from __future__ import annotations

import msgspec

from collegium.learning.aggregation.following import followed, within
from collegium.learning.aggregation.next_model import next_model
from collegium.learning.aggregation.scores import Scores
from collegium.resolving.attempt import Attempt
from collegium.resolving.blobs import Blobs
from collegium.resolving.making import made
from collegium.resolving.plan import Plan
from collegium.resolving.resolved import Resolved


def plain(attempt: Attempt, blobs: Blobs, plan: Plan) -> Resolved:
    """Return what the included updates come to."""
    return _reduced(attempt, blobs, plan, None)


def scored(attempt: Attempt, blobs: Blobs, plan: Plan) -> Resolved:
    """Return what the included updates come to by a rule that is given scores of them."""
    return _reduced(attempt, blobs, plan, plan.scores(attempt))


def _reduced(attempt: Attempt, blobs: Blobs, plan: Plan, scores: Scores | None) -> Resolved:
    start, updates = blobs.model(attempt.model), blobs.updates(attempt)
    model = next_model(
        start, updates, tuple(attempt.weights.values()), attempt.included, attempt.exponent,
        plan.rule, plan.tolerate, plan.optimizer, plan.settings(attempt.number), scores,
        plan.drawn(attempt, start),
    )  # fmt: skip
    told = within(updates) if followed(model.tensors) else msgspec.UNSET
    return made(plan, model, within=told)
