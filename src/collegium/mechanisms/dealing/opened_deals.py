"""What the shares on record show of a deal: whether its dealer cheated, or who blames it does."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from collegium.errors import CollegiumError
from collegium.ledger.contract.declared import opens_one_key
from collegium.mechanisms.dealing.rules import shares_by_dealer
from collegium.resolving.attempt import Attempt
from collegium.secrecy.secure_sum import SecureSum

Shown = Literal["cheated", "holds", "untold"]
"""No secret is behind the deal; one is, which a threshold of shares opens; or neither is shown."""


def shown(protocol: SecureSum, attempt: Attempt, dealer: str, deal: bytes | None) -> Shown:
    """Return what the shares that were posted in an attempt show of a deal.

    A share counts if it opens the commitment in the deal, so holders cannot make a deal look wrong.

    Args:
        protocol: the attempt's.
        attempt: as the ledger has it.
        dealer: whose deal it is.
        deal: its blob, of the digest that is on the ledger; None where it cannot be had.
    """
    if deal is None or dealer not in attempt.deals or opens_one_key(attempt.terms.design):
        return "untold"
    posted = {
        holder: shares_by_dealer(shares, attempt.sound[holder])
        for holder, shares in attempt.shares.items()
    }
    alone = replace(attempt.agreement_of(dealer), deals={dealer: attempt.deals[dealer]})
    holders, deals = alone.share_holders.holders(dealer), {dealer: deal}
    try:
        wrong = protocol.cheated(alone, deals, posted, frozenset(attempt.included))
        hidden = dict.fromkeys(attempt.included, b"")  # whose vectors they are is all that counts
        forged = protocol.forged(alone, 0, hidden, deals, posted)
    except CollegiumError:
        return "untold"
    if {(dealer, holder) for holder in holders} <= {*wrong}:
        return "cheated"
    right = [
        holder
        for holder in holders
        if dealer in posted.get(holder, {}) and (holder, dealer) not in forged
    ]
    return "holds" if len(right) >= alone.share_holders.threshold else "untold"
