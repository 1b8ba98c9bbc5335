"""Transactions of secure sums: keys, deals, and what opens a sum; docs/spec pages 13 and 16."""

from __future__ import annotations

from collegium.ledger.contract.fields import Digest, SharesText
from collegium.ledger.contract.payload import RoundTransaction


class SecaggBind(RoundTransaction, frozen=True, kw_only=True, tag="sa.bind"):
    """A participant binds itself to its keys before lots are drawn from everybody's."""

    commitment: Digest


class SecaggKeys(RoundTransaction, frozen=True, kw_only=True, tag="sa.keys"):
    """A participant's fresh X25519 keys: to agree on masks, and to get shares of secrets."""

    mask_key: Digest
    share_key: Digest


class SecaggDeal(RoundTransaction, frozen=True, kw_only=True, tag="sa.deal"):
    """The blob in which a participant deals shares of its secrets to all who have keys."""

    digest: Digest


class SharePost(RoundTransaction, frozen=True, kw_only=True, tag="share.post"):
    """One share of each dealer's secret: its self secret if it survived, else its mask secret."""

    shares: SharesText


class SumOpen(RoundTransaction, frozen=True, kw_only=True, tag="sum.open"):
    """The blob of a survivor's share of the key that opens the sum of encrypted updates."""

    digest: Digest
