"""What is said on the ledger of which updates validators add up."""

from __future__ import annotations

from typing import Annotated

import msgspec

from collegium.ledger.contract.fields import Digest
from collegium.ledger.contract.mechanism import Mechanism, Phase
from collegium.ledger.contract.payload import RoundTransaction


class DigestTerms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`fewest`: validators that have to say one; `reserve`: percent of their rows kept for that."""

    fewest: Annotated[int, msgspec.Meta(ge=1, le=400)]
    reserve: Annotated[int, msgspec.Meta(ge=1, le=90)] | msgspec.UnsetType = msgspec.UNSET


class DigestSay(RoundTransaction, frozen=True, kw_only=True, tag="digest.say"):
    """A validator's digest of the updates that are included."""

    digest: Digest


class Digested(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Part of a result: that digest."""

    digest: Digest


MECHANISM = Mechanism(
    "digests", 1,
    parts={"terms": DigestTerms, "result": Digested},
    transactions=(DigestSay,),
    phases=(Phase("digest", "validators", "digest.say", "digests", 85),),
    requires=("plain",),
)  # fmt: skip
