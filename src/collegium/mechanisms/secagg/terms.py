"""What is said of masked updates on the ledger; docs/spec/13-secure-aggregation.md."""

from __future__ import annotations

from collegium.ledger.contract.fields import SharesText
from collegium.ledger.contract.mechanism import Mechanism, Phase
from collegium.ledger.contract.payload import RoundTransaction


class SharePost(RoundTransaction, frozen=True, kw_only=True, tag="share.post"):
    """One share of each dealer's secret: its self secret if it survived, else its mask secret."""

    shares: SharesText


SHARE = Phase("share", "participants", "share.post", "shares", 80, opens="shares")

MECHANISM = Mechanism(
    "secagg", 1, transactions=(SharePost,), phases=(SHARE,), carries=True, hides=True,
    requires=("dealing",),
)  # fmt: skip
