"""Commitments to what is masked; docs/spec page 17, docs/decisions/0074."""

from __future__ import annotations

from collegium.canonical import from_text
from collegium.ledger.contract.context import RoundAt
from collegium.ledger.contract.declared import part_of
from collegium.ledger.contract.rejected import Rejected
from collegium.ledger.contract.rules import Rules
from collegium.ledger.contract.transactions import UpdateCommit
from collegium.ledger.keys import KEY_SIZE, usable_key
from collegium.mechanisms.sum_check.terms import MECHANISM, Point


def _commits(at: RoundAt, tx: UpdateCommit, sender: str) -> None:
    """Record a participant's Pedersen commitment to what it masks.

    Raises:
        Rejected: it is missing, or no point of the group of prime order.
    """
    said = part_of(tx.parts, Point)
    if said is None:
        raise Rejected("malformed", "a point is missing")
    point = from_text(said.point, KEY_SIZE, "a point")
    if not usable_key(point):
        raise Rejected("malformed", "it is no point of the group of prime order")
    at.put("points", sender, point)


RULES = Rules(MECHANISM, commits=_commits)
