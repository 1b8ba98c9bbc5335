"""What resolving an attempt comes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from collegium.errors import CollegiumError
from collegium.learning.blobs import ModelState
from collegium.ledger.contract.results import Failure, Result
from collegium.secrecy.secure_sum import SumFailure
from collegium.secrecy.sums import InconsistentSum

Absence = Literal["missing", "retired", "sealed", "model", "agreement"]
"""What is not to be had: a blob of a member's that is gone, may be gone, or is sealed to others;
the model that the round starts from; what set-up had agreed on before."""


class Lacking(Exception):
    """An attempt cannot be resolved for want of blobs."""

    def __init__(self, *absent: Absence) -> None:
        super().__init__(*absent)
        self.absent = absent


@dataclass(frozen=True, slots=True, eq=False)
class Resolved:
    """What an attempt comes to.

    Attributes:
        result: what a vote is for; None where blobs are not to be had.
        data: the blob of the model or the sum that it names.
        model: the model itself.
        refused: groups whose sums are none of honest updates, and why; 0 is everybody.
        absent: blobs that are not to be had.
        error: why blobs, or the arithmetic with them, lead to nothing.
    """

    result: Result | None
    data: bytes = b""
    model: ModelState | None = None
    refused: Mapping[int, SumFailure | InconsistentSum] = field(default_factory=dict)
    absent: tuple[Absence, ...] = ()
    error: CollegiumError | None = None


def unopened(why: SumFailure | InconsistentSum) -> Failure:
    """Return the result of hidden vectors that add up to nothing."""
    if isinstance(why, InconsistentSum):
        return Failure(reason="sum" if why.why == "commitments" else "malformed")
    return (
        Failure(reason="deal", blames=why.dealer) if why.why == "deal" else Failure(reason="shares")
    )
