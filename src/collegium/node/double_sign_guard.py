"""What depends on when one looked is said once, so that no restart makes a node contradict itself.

Which updates were there when a timer fired, and so what is voted, may look otherwise after a
restart. Two signatures under one natural key are proof of equivocation, so what was signed first
is kept in the outbox before it leaves, and stands: on its ledger, for a successor's has another
genesis, and what is said there is said anew.
"""

from __future__ import annotations

from collections.abc import Sequence

from collegium.canonical import from_text
from collegium.federation.outbox import OutboxKey, WriteOnce
from collegium.ledger.contract.evidence import decode_transaction
from collegium.ledger.contract.transactions import (
    EvaluationPost,
    RoundVote,
    UpdateAvailable,
    natural_key,
)
from collegium.ledger.envelope import decode_envelope
from collegium.ledger.hashing import DIGEST_SIZE
from collegium.mechanisms.statistics.terms import StatisticsVote

LOOKED_AT = (UpdateAvailable, RoundVote, EvaluationPost, StatisticsVote)
"""What says how things looked to its author; the rest follows from the ledger, or is kept."""


def guarded(outbox: WriteOnce, envelopes: Sequence[bytes]) -> list[bytes]:
    """Return envelopes that are due, each as it was first signed under its natural key."""
    return [_first(outbox, envelope) for envelope in envelopes]


def _first(outbox: WriteOnce, data: bytes) -> bytes:
    envelope = decode_envelope(data)
    transaction = decode_transaction(envelope.payload)
    if not isinstance(transaction, LOOKED_AT):
        return data
    genesis = from_text(transaction.genesis, DIGEST_SIZE)
    said = (envelope.key_id.hex(), *natural_key(transaction))
    return outbox.put(OutboxKey(genesis, "said", transaction.study, what=said), data)
