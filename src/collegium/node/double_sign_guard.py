"""What depends on when one looked is said once, so that no restart makes a node contradict itself.

Which updates were there when a timer fired, and so what is voted, may look otherwise after a
restart; an upgraded node runs other code than the one that accepted a study. Two signatures under
one natural key are proof of equivocation, so what was signed first is kept in the outbox before it
leaves, and stands: on its ledger, for a successor's has another genesis, and what is said there is
said anew.
"""

from __future__ import annotations

from collections.abc import Sequence

from collegium.canonical import from_text
from collegium.federation.identity import Identity
from collegium.federation.outbox import OutboxKey, WriteOnce
from collegium.ledger.contract.evidence import decode_transaction
from collegium.ledger.contract.transactions import (
    EvaluationPost,
    RoundVote,
    StudyAccept,
    UpdateAvailable,
    kind_of,
    natural_key,
)
from collegium.ledger.envelope import decode_envelope
from collegium.ledger.hashing import DIGEST_SIZE
from collegium.ledger.keys import key_id
from collegium.mechanisms.statistics.terms import StatisticsVote

LOOKED_AT = (StudyAccept, UpdateAvailable, RoundVote, EvaluationPost, StatisticsVote)
"""What says how things looked to its author; the rest follows from the ledger, or is kept."""


def guarded(outbox: WriteOnce, envelopes: Sequence[bytes]) -> list[bytes]:
    """Return envelopes that are due, each as it was first signed under its natural key."""
    return [_first(outbox, envelope) for envelope in envelopes]


def signed_acceptance(outbox: WriteOnce, who: Identity, study: str) -> StudyAccept | None:
    """Return how a member's key accepted a study, whether or not it got to the ledger yet."""
    key = _key(who.genesis, study, key_id(who.key.public), (kind_of(StudyAccept), study))
    data = outbox.get(key)
    if data is None:
        return None
    transaction = decode_transaction(decode_envelope(data).payload)
    return transaction if isinstance(transaction, StudyAccept) else None


def _first(outbox: WriteOnce, data: bytes) -> bytes:
    envelope = decode_envelope(data)
    transaction = decode_transaction(envelope.payload)
    if not isinstance(transaction, LOOKED_AT):
        return data
    genesis = from_text(transaction.genesis, DIGEST_SIZE)
    key = _key(genesis, transaction.study, envelope.key_id, natural_key(transaction))
    return outbox.put(key, data)


def _key(genesis: bytes, study: str, signer: bytes, natural: tuple[str, ...]) -> OutboxKey:
    return OutboxKey(genesis, "said", study, what=(signer.hex(), *natural))
