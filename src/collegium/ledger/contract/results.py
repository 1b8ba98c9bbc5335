"""What a vote is for: a typed result, on whose digest validators agree."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec

from collegium import canonical
from collegium.canonical import to_text
from collegium.ledger.contract.declared import Parts, parts_type
from collegium.ledger.contract.fields import DecodedDigest, Digest, MemberId, Reason

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


class TotalResult(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="of",
    tag="total",
):  # fmt: skip
    """Statistics add up to what this blob holds."""

    total: Digest


class NoResult(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="of",
    tag="none",
):  # fmt: skip
    """Nothing follows from an attempt; `blames` names a dealer with no secret behind its deal."""

    blames: MemberId | msgspec.UnsetType = msgspec.UNSET
    reason: Reason


Result = ModelResult | TotalResult | NoResult


def digest_of(result: Result) -> str:
    """Return what stands for a result in a tally: votes agree if it is the same."""
    return to_text(sha256(canonical.encode(result)).digest())
