"""Applying a block's transactions: decoded and checked together, then applied in their order.

It gives what applying one after the other gives. Signatures come first because a tight loop over
them is faster than one in between everything else, and can use more than one core.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from collegium.ledger.contract.apply import (
    Applied,
    DecodedTransaction,
    execute,
    known_sender,
    open_transaction,
)
from collegium.ledger.contract.members import Sender
from collegium.ledger.contract.rejected import Rejected
from collegium.ledger.signatures import signatures_hold
from collegium.ledger.state import State

Ready = tuple[DecodedTransaction | Rejected, Sender | None, bool]
"""A transaction, or why it is none; who has the key that signed it; whether its signature holds."""


def apply_all(state: State, genesis: bytes, block: Sequence[bytes]) -> Iterator[Applied | Rejected]:
    """Apply encoded transactions in order; yield what became of each before the next one's turn.

    Args:
        state: changed in place by those that are accepted.
        genesis: the ledger's digest.
        block: encoded envelopes.
    """
    for one in ready(state, genesis, block):
        try:
            yield apply_ready(state, one)
        except Rejected as rejection:
            yield rejection


def ready(state: State, genesis: bytes, envelopes: Sequence[bytes]) -> list[Ready]:
    """Decode envelopes and check their signatures under the keys that members have as of now.

    Args:
        state: left as it is.
        genesis: the ledger's digest.
        envelopes: encoded, of one block or of several.
    """
    opened = [_open(data, genesis) for data in envelopes]
    signed = [one.envelope for one in opened if isinstance(one, DecodedTransaction)]
    known = {key: known_sender(state, key) for key in {one.key_id for one in signed}}
    checks = [
        (sender.key, one.signed_bytes, one.signature)
        for one in signed
        if (sender := known[one.key_id]) is not None
    ]
    held = iter(signatures_hold(checks))
    found: list[Ready] = []
    for one in opened:
        sender = None if isinstance(one, Rejected) else known[one.envelope.key_id]
        found.append((one, sender, sender is not None and next(held)))
    return found


def apply_ready(state: State, one: Ready) -> Applied:
    """Apply what is ready; where its sender has changed since, the signature is checked again.

    Raises:
        Rejected: the contract refuses it.
    """
    opened, sender, holds = one
    if isinstance(opened, Rejected):
        raise opened
    return execute(state, opened, sender, holds=holds)


def _open(data: bytes, genesis: bytes) -> DecodedTransaction | Rejected:
    try:
        return open_transaction(data, genesis)
    except Rejected as rejection:
        return rejection
