"""From updates that everybody may read to the next model: what every validator repeats."""

from __future__ import annotations

from collegium.learning.aggregation.next_model import next_model
from collegium.mechanisms.plain.terms import MECHANISM
from collegium.resolving.attempt import Attempt
from collegium.resolving.blobs import Blobs
from collegium.resolving.making import made
from collegium.resolving.plan import Plan
from collegium.resolving.resolved import Resolved
from collegium.resolving.seam import Found, Resolving


def _resolves(attempt: Attempt, blobs: Blobs, plan: Plan) -> Resolved:
    """Return what the included updates come to, by what the rule is given of scores if it is."""
    start, updates = blobs.model(attempt.model), blobs.updates(attempt)
    model = next_model(
        start, updates, tuple(attempt.weights.values()), attempt.included, attempt.exponent,
        plan.rule, plan.tolerate, plan.optimizer, plan.settings(attempt.number),
        plan.scores(attempt), plan.drawn(attempt, start),
    )  # fmt: skip
    return made(Found(attempt, plan, model, updates))


RESOLVING = Resolving(MECHANISM, _resolves)
