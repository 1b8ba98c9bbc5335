"""Applying a block's transactions: decoded and checked together, then applied in their order.

It gives what applying one after the other gives. Signatures come first because a tight loop over
them is faster than one in between everything else, and can use more than one core.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from collegium.ledger.contract.apply import (
    Applied,
    Opened,
    carry_out,
    known_sender,
    open_transaction,
)
from collegium.ledger.contract.rejected import Rejected
from collegium.ledger.signatures import signatures_hold
from collegium.ledger.state import State


def apply_all(state: State, genesis: bytes, block: Sequence[bytes]) -> Iterator[Applied | Rejected]:
    """Apply encoded transactions in order; yield what became of each before the next one's turn.

    Args:
        state: changed in place by those that are accepted.
        genesis: the ledger's digest.
        block: encoded envelopes.
    """
    opened = [_open(data, genesis) for data in block]
    envelopes = [one.envelope for one in opened if isinstance(one, Opened)]
    known = {key: known_sender(state, key) for key in {one.key_id for one in envelopes}}
    signed = [
        (sender.key, one.signed_bytes, one.signature)
        for one in envelopes
        if (sender := known[one.key_id]) is not None
    ]
    held = iter(signatures_hold(signed))
    for one in opened:
        if isinstance(one, Rejected):
            yield one
            continue
        sender = known[one.envelope.key_id]
        try:
            yield carry_out(state, one, sender, holds=sender is not None and next(held))
        except Rejected as rejection:
            yield rejection


def _open(data: bytes, genesis: bytes) -> Opened | Rejected:
    try:
        return open_transaction(data, genesis)
    except Rejected as rejection:
        return rejection
