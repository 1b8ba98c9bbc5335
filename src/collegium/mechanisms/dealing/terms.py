"""What is said of keys and deals on the ledger; docs/spec pages 13 and 16."""

from __future__ import annotations

from typing import Literal

import msgspec

from collegium.ledger.contract.event import RoundEvent
from collegium.ledger.contract.fields import Bitmap, Count, Digest, Positive
from collegium.ledger.contract.mechanism import Mechanism, Phase
from collegium.ledger.contract.payload import RoundTransaction


class DealingTerms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`threshold`: shares that open a secret."""

    threshold: Positive


class SecaggKeys(RoundTransaction, frozen=True, kw_only=True, tag="sa.keys"):
    """A participant's fresh X25519 keys: to agree on masks, and to get shares of secrets."""

    mask_key: Digest
    share_key: Digest


class SecaggDeal(RoundTransaction, frozen=True, kw_only=True, tag="sa.deal"):
    """The blob in which a participant deals shares of its secrets to all who have keys."""

    digest: Digest


class SoundDeals(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Part of a commitment: a bitmap of those whose deals gave its sender what they committed to.

    It runs over the round's participants.
    """

    deals: Bitmap


class Indicators(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Part of a result: how many hidden updates are saturated, and small, as their sum says."""

    saturated: Count
    small: Count


class DealerBarred(RoundEvent, frozen=True, kw_only=True, tag="dealer.barred"):
    """A member dealt shares that are none, and takes part in this study no more.

    `proof` is "refused" where more than half of the holders could not use them, "opened" where
    the shares that were opened combine to no secret behind the deal.
    """

    member: str
    proof: Literal["opened", "refused"]


MECHANISM = Mechanism(
    "dealing", 1,
    parts={"terms": DealingTerms, "commit": SoundDeals, "result": Indicators},
    transactions=(SecaggKeys, SecaggDeal),
    events=(DealerBarred,),
    phases=(
        Phase("sa.keys", "participants", "sa.keys", "sa_keys", 10),
        Phase("sa.deal", "participants", "sa.deal", "sa_deals", 20),
    ),
)  # fmt: skip
