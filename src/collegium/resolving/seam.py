"""The seam of mechanisms in resolving: what carries updates leads to a model, others tell of it.

A mechanism's file `resolving` names its `RESOLVING`. Validators and auditors read it, so it imports
no trainer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import msgspec

from collegium.learning.aggregation.updates import Contribution
from collegium.learning.blobs import ModelState
from collegium.ledger.contract.context import RoundAt
from collegium.ledger.contract.mechanism import Mechanism
from collegium.plugins import aspects
from collegium.resolving.attempt import Attempt
from collegium.resolving.blobs import Blobs
from collegium.resolving.plan import Plan
from collegium.resolving.resolved import Resolved
from collegium.secrecy.outcome import SumOutcome


@dataclass(frozen=True, slots=True)
class Found:
    """A model that an attempt led to, and what of: plain updates, or a sum of hidden ones."""

    attempt: Attempt
    plan: Plan
    model: ModelState
    updates: Sequence[Contribution] = ()
    summed: SumOutcome | None = None


@dataclass(frozen=True, slots=True)
class Resolving:
    """What a mechanism does as an attempt is resolved.

    Attributes:
        mechanism: what it declares.
        resolves: of what carries updates: what the included ones come to.
        series: what rounds of other series come to, by name.
        fixes: fields of an `Attempt` that the contract's state tells, given its participants. The
            auditor has them from `audit.seam.Checking.fixes`.
        tells: its part of the result that is voted for; None where it has nothing to tell.
    """

    mechanism: Mechanism
    resolves: Callable[[Attempt, Blobs, Plan], Resolved] | None = None
    series: Mapping[str, Callable[[Attempt, Blobs, Plan], Resolved]] = field(default_factory=dict)
    fixes: Callable[[RoundAt, tuple[str, ...]], Mapping[str, Any]] | None = None
    tells: Callable[[Found], msgspec.Struct | None] | None = None


@cache
def every_resolving() -> Mapping[str, Resolving]:
    """Return what all mechanisms of this installation do, by versioned name."""
    found: list[Resolving] = [one.RESOLVING for one in aspects("resolving").values()]
    return {one.mechanism.versioned: one for one in found}
