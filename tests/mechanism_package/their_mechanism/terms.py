"""What is said of receipts on the ledger."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from collegium.ledger.contract.event import RoundEvent
from collegium.ledger.contract.fields import Digest, MemberId
from collegium.ledger.contract.mechanism import Mechanism, Phase
from collegium.ledger.contract.payload import RoundTransaction


class ReceiptTerms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`most`: missing receipts with which an attempt goes on."""

    most: Annotated[int, msgspec.Meta(ge=0, le=400)]


class ReceiptPost(RoundTransaction, frozen=True, kw_only=True, tag="receipt.post"):
    """A participant's digest of the updates that it saw included; each digest is said once."""

    digest: Digest


class Seal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Part of a commitment: whether its sender will give a receipt."""

    will: Literal["yes", "no"]


class Missing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Part of a result: how many receipts are missing."""

    count: Annotated[int, msgspec.Meta(ge=0, le=400)]


class Allowed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Part of an opening round: how many may be missing in it."""

    most: int


class Forgive(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", tag="forgive"
):
    """Proposed: a member need not give receipts any more."""

    member: MemberId


class ReceiptsGathered(RoundEvent, frozen=True, kw_only=True, tag="receipts.gathered"):
    """Who has given a receipt."""

    members: tuple[str, ...]


class ReceiptsMissed(RoundEvent, frozen=True, kw_only=True, tag="receipts.missed"):
    """A round closed with so many receipts missing."""

    count: int


MECHANISM = Mechanism(
    "receipts", 1,
    parts={"terms": ReceiptTerms, "commit": Seal, "result": Missing, "opened": Allowed},
    transactions=(ReceiptPost,),
    events=(ReceiptsGathered, ReceiptsMissed),
    actions=(Forgive,),
    phases=(Phase("receipt", "participants", "receipt.post", "receipts", 55),),
    key_fields=("digest",),
)  # fmt: skip
