"""Masked updates on the ledger: the shares that open a sum; docs/spec page 13."""

from __future__ import annotations

from collegium.canonical import from_text
from collegium.ledger.contract import rounds
from collegium.ledger.contract.event import Event
from collegium.ledger.contract.preconditions import enter
from collegium.ledger.contract.rejected import Rejected
from collegium.ledger.contract.rules import Rules, without_record
from collegium.ledger.state import State
from collegium.mechanisms.dealing.rules import SHARE_SIZE, sound_for
from collegium.mechanisms.secagg.terms import MECHANISM, SharePost


def share(state: State, sender: str, tx: SharePost) -> list[Event]:
    """Record the shares that a survivor posts, one of each dealer whose deal it called sound.

    Raises:
        Rejected: its update is not in the sum, or these are more or fewer shares.
    """
    at = enter(state, tx, sender, "share")
    if not at.has("included", sender):
        raise Rejected("not-a-participant", f"{sender}'s update is not in the sum")
    count = len(sound_for(at, sender))
    at.put("shares", sender, from_text(tx.shares, SHARE_SIZE * count, "a list of shares"))
    return rounds.spoke(at)


RULES = Rules(MECHANISM, handlers={SharePost: without_record(share)})
