"""Groups whose members' updates are known as a sum alone: what of it a rule reduces.

docs/spec page 17. A group stands for one update, its weighted mean rounded to the encoding's grid,
so that every rule works on groups as it does on sites. Up to f bad members spoil up to f groups.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collegium.learning.aggregation.counted import counted
from collegium.learning.aggregation.next_model import next_model
from collegium.learning.aggregation.rule import Rule
from collegium.learning.aggregation.updates import contribution
from collegium.learning.blobs import (
    LIMIT,
    ModelState,
    digest,
    encode_update,
    shift_of,
    shifted,
)
from collegium.learning.encoding import Units
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

    def mean(self, exact: int) -> Units:
        """Return the mean in units of the encoding, int16 or int32 [d], as an update may be.

        Halves are rounded up, to multiples of 2**s with the least s that holds the largest.

        Args:
            exact: how many coordinates at the end are whole numbers, which keep the unit.
        """
        mean = _rounded(self.values, self.weight)
        peak = max(-int(mean.min()), int(mean.max()))
        if peak <= LIMIT:
            return mean.astype(np.int16)
        main, shift = self.values[: self.values.size - exact], shift_of(peak)
        if int(np.abs(_rounded(main, self.weight << shift)).max()) > LIMIT:
            shift += 1
        mean[: main.size] = _rounded(main, self.weight << shift) << shift
        return mean.astype(np.int32)


def _rounded(values: NDArray[np.int64], by: int) -> NDArray[np.int64]:
    found: NDArray[np.int64] = (2 * values + by) // (2 * by)
    return found


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
    exact = counted(start.tensors)
    means = {number: sums[number].mean(exact) for number in sorted(sums)}
    contributions = [
        contribution(digest(encode_update(mean, exponent)), shifted(mean))
        for mean in means.values()
    ]
    return next_model(
        start, contributions, tuple(sums[number].weight for number in means),
        tuple(f"group-{number}" for number in means), exponent, rule, tolerate, optimizer, settings,
    )  # fmt: skip
