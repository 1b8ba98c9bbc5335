"""What a study registers about its privacy: integers from which everybody tells what is spent."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from collegium.accounting.conversion import MOST, added, micro_epsilon, times
from collegium.accounting.orders import ORDERS
from collegium.accounting.units import UNITS, Unit, UnitName

Mechanism = Literal["dp_sgd@1", "local_skellam@1", "central_skellam@1"]

ChargeVector = Annotated[
    tuple[Annotated[int, msgspec.Meta(ge=0, le=MOST)], ...],
    msgspec.Meta(min_length=len(ORDERS), max_length=len(ORDERS)),
]
ConversionVector = Annotated[
    tuple[Annotated[int, msgspec.Meta(ge=-MOST, le=MOST)], ...],
    msgspec.Meta(min_length=len(ORDERS), max_length=len(ORDERS)),
]


class PrivacyTerms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Differential privacy as registered; docs/spec/12-privacy.md.

    Attributes:
        accountant: how charges and epsilons are calculated.
        budget: the most that a unit may lose in the study, in millionths of epsilon.
        charge: what a round costs each participant's units.
        clip: k of the first clip, 2^(k/8), where the clip follows the updates.
        conversion: from divergences to epsilon, at `delta`.
        delta: in units of 1e-15.
        evaluation: what the statement about the test part costs the units in it; they are others.
        mechanism: what is done to an update.
        noise: the noise multiplier, in millionths.
        sampling: the rate of the Poisson sample of a step, in billionths.
        setup: what the size that a site registers costs its units.
        steps: of a round; 1 where its update is noised as a whole.
        unit: whose presence is protected: all of a patient's rows at a site, one row, or a site.
    """

    accountant: Literal["rdp@1"]
    budget: Annotated[int, msgspec.Meta(ge=1, le=10**9)]
    charge: ChargeVector
    clip: Annotated[int, msgspec.Meta(ge=-256, le=256)] | msgspec.UnsetType = msgspec.UNSET
    conversion: ConversionVector
    delta: Annotated[int, msgspec.Meta(ge=1, le=10**15 - 1)]
    evaluation: ChargeVector
    mechanism: Mechanism
    noise: Annotated[int, msgspec.Meta(ge=1, le=10**10)]
    sampling: Annotated[int, msgspec.Meta(ge=1, le=10**9)]
    setup: ChargeVector
    steps: Annotated[int, msgspec.Meta(ge=1, le=2**31)]
    unit: UnitName

    @property
    def protects(self) -> Unit:
        """What `unit` names."""
        return UNITS[self.unit]


def spent_after(terms: PrivacyTerms, rounds: int) -> int:
    """Return what a unit of a site has lost after its acceptance and some rounds: micro-epsilon."""
    return micro_epsilon(added(terms.setup, times(terms.charge, rounds)), terms.conversion)


def affordable_rounds(terms: PrivacyTerms, rounds: int) -> int:
    """Return in how many of so many rounds a site can take part within the budget."""
    low, high = 0, rounds
    while low < high:
        middle = (low + high + 1) // 2
        if spent_after(terms, middle) <= terms.budget:
            low = middle
        else:
            high = middle - 1
    return low
