"""A model that an attempt leads to, with what a vote tells of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from collegium.canonical import to_text
from collegium.learning.aggregation.stopping import measured_loss
from collegium.learning.blobs import ModelState, digest, encode_model
from collegium.ledger.contract.results import ModelResult
from collegium.resolving.plan import Plan
from collegium.resolving.resolved import Resolved
from collegium.secrecy.secure_sum import Flaw
from collegium.secrecy.sums import Unfit


def made(
    plan: Plan, model: ModelState, refused: Mapping[int, Flaw | Unfit] | None = None, **told: Any
) -> Resolved:
    """Return a model as it is voted for.

    Args:
        plan: the study's.
        model: the next one.
        refused: groups that it is made without.
        told: what its updates tell: `saturated`, `small`, `within`.
    """
    data, loss, refused = encode_model(model), measured_loss(model), refused or {}
    result = ModelResult(
        model=to_text(digest(data)),
        ends="early" if plan.ends(model) else msgspec.UNSET,
        validation=msgspec.UNSET if loss is None else loss,
        without=tuple(sorted(refused)) or msgspec.UNSET,
        **told,
    )
    return Resolved(result, data, model, refused)
