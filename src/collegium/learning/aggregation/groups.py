"""Groups whose members' updates are known as a sum alone: what of it a rule reduces.

docs/spec page 17. A group stands for one update, its weighted mean rounded to the encoding's grid,
so that every rule works on groups as it does on sites. Up to f bad members spoil up to f groups.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collegium.learning.aggregation.next_model import next_model
from collegium.learning.aggregation.rule import Rule
from collegium.learning.aggregation.updates import Contribution
from collegium.learning.blobs import ModelState, digest, encode_update
from collegium.learning.server import ServerOptimizer
from collegium.study.document import Server


@dataclass(frozen=True, slots=True, eq=False)
class GroupSum:
    """What a group's members send together.

    Attributes:
        values: int64 [d], the sum of weight x update.
        weight: the sum of the weights.
    """

    values: NDArray[np.int64]
    weight: int

    def mean(self) -> NDArray[np.int16]:
        """Return the mean in units of the encoding, halves rounded up: int16 [d] in ±32767."""
        mean: NDArray[np.int64] = (2 * self.values + self.weight) // (2 * self.weight)
        return mean.astype(np.int16)


def is_within(values: NDArray[np.int64], bound: int) -> bool:
    """Return whether a vector is no longer than a bound, in the Euclidean norm, exactly."""
    peak = max(-int(values.min()), int(values.max()))
    if peak * peak * values.size < 2**63:
        return int(np.square(values).sum()) <= bound * bound
    return int(np.square(values.astype(object)).sum()) <= bound * bound


def norm_bound(longest: float, exponent: int) -> int:
    """Return the largest norm of an update in integers, from that of a step and the exponent."""
    return max(1, int(longest * 2.0**exponent))


def model_of_groups(
    start: ModelState,
    sums: Mapping[int, GroupSum],
    exponent: int,
    rule: Rule,
    tolerate: int,
    optimizer: ServerOptimizer,
    settings: Server,
) -> ModelState:
    """Return the next model that a rule makes of groups' means, the same bits on every machine.

    Args:
        start: the round's model.
        sums: of each group that counts, by its number.
        exponent: e of the round.
        rule: the registered rule.
        tolerate: how many of these groups may hold a bad member.
        optimizer: the registered server optimizer.
        settings: its parameters.

    Raises:
        RunError: there are too few groups for the rule, or its arithmetic has no finite result.
        PluginError: the rule fails.
    """
    means = {number: sums[number].mean() for number in sorted(sums)}
    contributions: Sequence[Contribution] = [
        Contribution(digest(encode_update(mean, exponent)), mean) for mean in means.values()
    ]
    return next_model(
        start, contributions, tuple(sums[number].weight for number in means),
        tuple(f"group-{number}" for number in means), exponent, rule, tolerate, optimizer, settings,
    )  # fmt: skip
