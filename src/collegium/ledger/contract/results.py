"""What an attempt comes to for a validator, which is what its vote is for.

Votes agree if their results have one digest; docs/spec/6-transactions.md.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from collegium import canonical
from collegium.ledger.contract.fields import (
    Count,
    DecodedDigest,
    Digest,
    GroupNumbers,
    MeanLoss,
    MemberId,
    Reason,
)
from collegium.ledger.hashing import tagged_hash


class _Result(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="of"
):
    """What a validator found; exactly one kind of it."""


class ModelResult(_Result, frozen=True, kw_only=True, tag="model"):
    """The recomputed next model, and what its updates tell besides.

    Of masked updates `saturated` and `small` are how many of them are so, as their sum says.
    `ends`: this round is the last by the study's patience. `validation`: the mean loss, on rows
    held out, of the model that the round started from, in 2^30ths. `within`: the sum of what
    updates tell of a clip that follows them. `without`: groups whose sums are none of honest
    updates.
    """

    ends: Literal["early"] | msgspec.UnsetType = msgspec.UNSET
    model: DecodedDigest
    saturated: Count | msgspec.UnsetType = msgspec.UNSET
    small: Count | msgspec.UnsetType = msgspec.UNSET
    validation: MeanLoss | msgspec.UnsetType = msgspec.UNSET
    within: Annotated[int, msgspec.Meta(ge=-(2**40), le=2**40)] | msgspec.UnsetType = msgspec.UNSET
    without: GroupNumbers | msgspec.UnsetType = msgspec.UNSET


class SumResult(_Result, frozen=True, kw_only=True, tag="sum"):
    """The blob of a sum of statistics, where these are summed."""

    total: Digest


class Failure(_Result, frozen=True, kw_only=True, tag="failure"):
    """Why there is neither; `blames` names a dealer whose shares are of no secret of its deal."""

    blames: MemberId | msgspec.UnsetType = msgspec.UNSET
    reason: Reason


Result = ModelResult | SumResult | Failure

_DECODER = msgspec.json.Decoder(Result)


def encode_result(result: Result) -> bytes:
    """Return a result's canonical bytes, which the state keeps of a vote."""
    return canonical.encode(result)


def decode_result(data: bytes) -> Result:
    """Return the result in bytes that the contract has kept."""
    result: Result = _DECODER.decode(data)
    return result


def result_digest(result: Result) -> bytes:
    """Return what votes are counted by."""
    return tagged_hash("result", encode_result(result))
