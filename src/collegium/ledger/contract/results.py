"""What a vote is for: a typed result, on whose digest validators agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from collegium import canonical
from collegium.ledger.contract.declared import Parts, parts_type
from collegium.ledger.contract.fields import DecodedDigest, Digest, MemberId, Reason
from collegium.ledger.hashing import tagged_hash

if TYPE_CHECKING:
    ResultParts = Parts
else:
    ResultParts = parts_type("result")


class ModelResult(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="of",
    tag="model",
):  # fmt: skip
    """A round of training leads to this model; `parts` is what mechanisms tell of the round."""

    model: DecodedDigest
    parts: ResultParts | msgspec.UnsetType = msgspec.UNSET


class SumResult(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="of",
    tag="sum",
):  # fmt: skip
    """Statistics add up to what this blob holds."""

    total: Digest


class Failure(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="of",
    tag="failure",
):  # fmt: skip
    """Nothing follows from an attempt; `blames` names a dealer with no secret behind its deal."""

    blames: MemberId | msgspec.UnsetType = msgspec.UNSET
    reason: Reason


Result = ModelResult | SumResult | Failure


_DECODER: msgspec.json.Decoder[Result] = msgspec.json.Decoder(Result)


def encode_result(result: Result) -> bytes:
    """Return a result's canonical bytes, which the state keeps of a vote."""
    return canonical.encode(result)


def decode_result(data: bytes) -> Result:
    """Return the result in bytes that the contract has kept."""
    return _DECODER.decode(data)


def result_digest(encoded: bytes) -> bytes:
    """Return what votes are counted by: they agree if it is the same of their encoded results."""
    return tagged_hash("result", encoded)
