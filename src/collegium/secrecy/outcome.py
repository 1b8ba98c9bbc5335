"""From an attempt with hidden updates to the next model: what every validator and auditor repeats.

docs/spec pages 13 and 17.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from collegium.learning.aggregation.adaptive_clip import followed
from collegium.learning.aggregation.groups import model_of_groups
from collegium.learning.aggregation.random_k import SentCoordinates, whole
from collegium.learning.aggregation.rule import Aggregate, Rule
from collegium.learning.blobs import ModelState
from collegium.learning.server import ServerOptimizer, server_step
from collegium.secrecy.masked import MaskedTotal
from collegium.secrecy.secure_sum import Adding, SumFailure
from collegium.secrecy.sum_setup import FixedDeals
from collegium.secrecy.sums import InconsistentSum, SumInputs, opened, opened_groups, sums_of
from collegium.study.document import Server


@dataclass(frozen=True, slots=True)
class HiddenAttempt:
    """What the ledger and its blobs hold of an attempt whose survivors are fixed.

    Attributes:
        everybody: what all survivors' sum would be made of, weights in order of names.
        groups: who is in which group that goes on; empty where there are no groups.
    """

    everybody: SumInputs
    groups: Mapping[str, int]

    def by_group(self) -> dict[int, SumInputs]:
        """Return what each group's sum is made of; everybody is group 0 where there are none."""
        if not self.groups:
            return {0: self.everybody}
        weights = self.everybody.weights
        inside = sorted({self.groups[name] for name in weights if name in self.groups})
        return {number: self._of(number) for number in inside}

    def _of(self, number: int) -> SumInputs:
        whole = self.everybody
        names = tuple(name for name in whole.weights if self.groups.get(name) == number)
        agreement = agreement_within(whole.agreement, self.groups, number)
        return replace(
            whole,
            agreement=agreement,
            weights={name: whole.weights[name] for name in names},
            hidden={name: whole.hidden[name] for name in names},
            deals={name: whole.deals[name] for name in agreement.deals},
            points={name: whole.points[name] for name in names if name in whole.points},
        )


@dataclass(frozen=True, slots=True)
class ServerStep:
    """How a study makes the next model of sums.

    Attributes:
        protocol: that hides the updates.
        parameters: d, how many coordinates the model has.
        rule: of groups' means; not asked where there are no groups.
        tolerate: f, how many bad members it must bear.
        optimizer: the server step.
        settings: its parameters.
        drawn: which coordinates the updates have, if not all; `parameters` then counts those.
    """

    protocol: Adding
    parameters: int
    rule: Rule
    tolerate: int
    optimizer: ServerOptimizer
    settings: Server
    drawn: SentCoordinates | None = None


@dataclass(frozen=True, slots=True, eq=False)
class SumOutcome:
    """What came of an attempt.

    Attributes:
        model: the next one, or None.
        saturated: how many of the updates behind it are saturated.
        small: how many have a small peak.
        refused: groups that it is made without, and why; 0 is everybody, where that is the reason
            for there being no model.
        within: what the updates tell of being within a clip that follows them, where one does.
    """

    model: ModelState | None
    saturated: int
    small: int
    refused: Mapping[int, SumFailure | InconsistentSum]
    within: int | None = None


def agreement_within(
    agreement: FixedDeals, groups: Mapping[str, int], number: int | None
) -> FixedDeals:
    """Return a group's own agreement: its members' keys and deals alone."""
    keys = agreement.share_holders.keys
    inside = {name: pair for name, pair in keys.items() if groups.get(name) == number}
    deals = {name: one for name, one in agreement.deals.items() if name in inside}
    return replace(
        agreement, share_holders=replace(agreement.share_holders, keys=inside), deals=deals
    )


def outcome(attempt: HiddenAttempt, start: ModelState, recipe: ServerStep) -> SumOutcome:
    """Return the model that hidden updates lead to, the same bits on every machine.

    A group whose sum is none of honest updates is left out. There is a bad member in it, so the
    rule has to bear one less; there is no model where that would be more than it must bear.

    Raises:
        CollegiumError: a blob is malformed, or the arithmetic has no result.
    """
    sealed = attempt.by_group()
    if not attempt.groups:
        return _of_everybody(sealed[0], start, recipe)
    found = opened_groups(recipe.protocol, sealed, recipe.parameters)
    refused = {number: one for number, one in found.items() if not isinstance(one, MaskedTotal)}
    totals = [one for one in found.values() if isinstance(one, MaskedTotal)]
    model = None
    if len(refused) <= recipe.tolerate and totals:
        model = model_of_groups(
            start, sums_of(sealed, found), attempt.everybody.agreement.exponent, recipe.rule,
            recipe.tolerate - len(refused), recipe.optimizer, recipe.settings,
        )  # fmt: skip
    saturated, small = (sum(counts) for counts in (
        [one.saturated for one in totals], [one.small for one in totals],
    ))  # fmt: skip
    return SumOutcome(model, saturated, small, refused)


def _of_everybody(sealed: SumInputs, start: ModelState, recipe: ServerStep) -> SumOutcome:
    """Return the model after the mean of all, as that of the same plain updates gives it."""
    total = opened(recipe.protocol, sealed, recipe.parameters)
    if not isinstance(total, MaskedTotal):
        return SumOutcome(None, 0, 0, {0: total})
    mean = whole(Aggregate(total.values, sum(sealed.weights.values())), recipe.drawn)
    exponent = sealed.agreement.exponent
    model = server_step(start, mean, exponent, recipe.optimizer, recipe.settings)
    within = int(total.values[-1]) if followed(model.tensors) else None
    return SumOutcome(model, total.saturated, total.small, {}, within)
