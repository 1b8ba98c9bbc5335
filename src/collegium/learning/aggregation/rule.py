"""The seam of aggregation rules, and what a rule returns."""

from __future__ import annotations

from typing import Literal, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from collegium.learning.aggregation.updates import Updates

Kind = Literal["recomputed", "given_scores", "attested"]
"""How far a stranger can check a rule: from the updates alone, given recorded scores, or only
the shape and range of what somebody claims."""


class Aggregate(msgspec.Struct, frozen=True, eq=False):
    """An exact aggregate: ``total / (denominator * 2**exponent)`` is the mean step.

    Attributes:
        total: int64 [d].
        denominator: positive.
    """

    total: NDArray[np.int64]
    denominator: int


class Rule(Protocol):
    """A deterministic reduction of updates in integers; a versioned name never changes meaning."""

    @property
    def name(self) -> str:
        """Versioned name, such as ``fedavg@1``."""
        ...

    @property
    def kind(self) -> Kind:
        """What `verify` may say about a round that used this rule."""
        ...

    def check(self, participants: int, tolerate: int) -> None:
        """Refuse numbers with which the rule has no meaning.

        Args:
            participants: n, how many updates there will be.
            tolerate: f, how many of them may be bad.

        Raises:
            StudyError: the rule cannot work with these numbers.
        """
        ...

    def aggregate(self, updates: Updates, tolerate: int) -> Aggregate:
        """Return the aggregate, the same bits on every machine.

        Args:
            updates: n updates, those that the contract included.
            tolerate: f, how many of them may be bad, as `check` allowed for the fewest updates.

        Raises:
            RunError: the updates cannot be aggregated.
        """
        ...
