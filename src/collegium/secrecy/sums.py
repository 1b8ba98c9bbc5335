"""What an attempt's hidden updates add up to, in one sum or in one of each group.

Every validator and every auditor repeats it; what does not add up to honest updates is refused for
the same reason everywhere (docs/spec pages 13 and 17).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from collegium.learning.aggregation.groups import GroupSum, is_within
from collegium.mechanisms.sum_check.pedersen import LIMBS, blinding_of, commitment, product
from collegium.secrecy.masked import MaskedTotal, total_of, without_limbs
from collegium.secrecy.masking import RingVector, signed
from collegium.secrecy.secure_sum import Adding, Posted, SumFailure
from collegium.secrecy.sum_setup import FixedDeals


@dataclass(frozen=True, slots=True)
class InconsistentSum:
    """Why a sum that was opened is none of honest updates; nobody can tell whose fault it is.

    `why`: "range" where a coordinate is beyond what updates add up to, "norm" where the sum is
    longer, "commitments" where it is not the sum of what members committed to.
    """

    why: Literal["range", "norm", "commitments"]


@dataclass(frozen=True, slots=True)
class SumInputs:
    """What a sum is made of.

    Attributes:
        agreement: the attempt's; where there are groups, restricted to the group.
        weights: the survivors' registered weights.
        hidden: the blobs of their hidden updates.
        deals: the blobs of all deals, by dealer.
        posted: the shares on the ledger.
        points: the survivors' Pedersen commitments, where the study asks for them.
        bound: the longest vector a member may send, in integers; None where nothing bounds it.
    """

    agreement: FixedDeals
    weights: Mapping[str, int]
    hidden: Mapping[str, bytes]
    deals: Mapping[str, bytes]
    posted: Posted
    points: Mapping[str, bytes]
    bound: int | None = None


Opened = MaskedTotal | SumFailure | InconsistentSum


def opened(protocol: Adding, sealed: SumInputs, parameters: int) -> Opened:
    """Return what hidden updates add up to, or why that is nothing.

    Args:
        protocol: the study's.
        sealed: what the ledger and its blobs hold.
        parameters: d, how many coordinates the model has.

    Raises:
        FormatError: a blob is malformed.
    """
    agreement = sealed.agreement
    size = parameters + (LIMBS if sealed.points else 0)
    vector = protocol.total(agreement, size, sealed.hidden, sealed.deals, sealed.posted)
    if isinstance(vector, SumFailure):
        return vector
    weight, updates = sum(sealed.weights.values()), len(sealed.hidden)
    if sealed.points:
        vector, limbs = without_limbs(vector, parameters)
        if not _is_of(vector, limbs, agreement.ring, sealed.points):
            return InconsistentSum("commitments")
    total = total_of(vector, weight, updates, agreement.room, agreement.divisor)
    if total is None:
        return InconsistentSum("range")
    if sealed.bound is not None and not is_within(total.values, sealed.bound * weight):
        return InconsistentSum("norm")
    return total


def opened_groups(
    protocol: Adding, sealed: Mapping[int, SumInputs], parameters: int
) -> dict[int, Opened]:
    """Return what each group's hidden updates add up to, or why that is nothing."""
    return {number: opened(protocol, one, parameters) for number, one in sealed.items()}


def sums_of(sealed: Mapping[int, SumInputs], found: Mapping[int, Opened]) -> dict[int, GroupSum]:
    """Return the sums of those groups that have one."""
    return {
        number: GroupSum(total.values, sum(sealed[number].weights.values()))
        for number, total in found.items()
        if isinstance(total, MaskedTotal)
    }


def _is_of(vector: RingVector, limbs: RingVector, ring: int, points: Mapping[str, bytes]) -> bool:
    """Return whether a sum is what the members' commitments add up to."""
    blinding = blinding_of(signed(limbs), len(points))
    if blinding is None:
        return False
    return commitment(signed(vector), ring, blinding) == product(points.values())
