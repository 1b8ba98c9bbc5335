"""Watching for equivocation: two payloads of one member under one natural key.

A conflict stays open until evidence of it is on record, or the contract has no use for it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from collegium.canonical import to_text
from collegium.errors import FormatError
from collegium.ledger.application import AcceptedTransaction, Outcome
from collegium.ledger.contract.evidence import decode_transaction
from collegium.ledger.contract.rejected import Rejected
from collegium.ledger.contract.transactions import EvidenceConflict, Transaction, natural_key
from collegium.ledger.envelope import Envelope, decode_envelope

Conflict = tuple[bytes, bytes]
"""Two envelopes, in the order of their payloads."""

_Key = tuple[bytes, tuple[str, ...]]

REMEMBERED = 4096
"""Accepted envelopes kept in mind; older ones are about rounds long closed."""

_SIGNED = ("already", "stale")
"""Refusals that come after the signature was found good, of what was or may have been said."""


class EquivocationDetector:
    """Remembers what was accepted lately, and finds what contradicts it."""

    def __init__(self) -> None:
        self._said: dict[_Key, bytes] = {}
        self._unsorted: deque[bytes] = deque(maxlen=REMEMBERED)
        self._open: dict[_Key, Conflict] = {}

    def recall(self, envelopes: Iterable[bytes]) -> None:
        """Take note of what was accepted before this witness was there, in order."""
        self._unsorted.extend(envelopes)

    def watch(self, batch: Sequence[bytes], outcomes: Sequence[Outcome]) -> tuple[Conflict, ...]:
        """Take note of a block; return the conflicts that are open after it, one for each key."""
        for data, outcome in zip(batch, outcomes, strict=True):
            if isinstance(outcome, AcceptedTransaction):
                self._unsorted.append(data)
                self._settle(outcome.transaction)
            elif outcome.code in (*_SIGNED, "refused"):
                self._look_into(data, outcome)
        return tuple(self._open.values())

    def _sort(self) -> None:
        """Put what was accepted under its keys, for which nobody asks before a refusal."""
        for data in self._unsorted:
            envelope = decode_envelope(data)
            transaction = decode_transaction(envelope.payload)
            self._said[envelope.key_id, natural_key(transaction)] = data
        self._unsorted.clear()
        for key in list(self._said)[: max(0, len(self._said) - REMEMBERED)]:
            del self._said[key]

    def _look_into(self, data: bytes, refusal: Rejected) -> None:
        """Open a conflict that a refusal proves, or settle the one that was refused as evidence."""
        try:
            envelope = decode_envelope(data)
            transaction = decode_transaction(envelope.payload)
        except FormatError:
            return
        self._settle(transaction)
        self._sort()
        key = (envelope.key_id, natural_key(transaction))
        said = self._said.get(key)
        if said is None or refusal.code not in _SIGNED:
            return
        pair: list[tuple[Envelope, bytes]] = [(envelope, data), (decode_envelope(said), said)]
        first, second = sorted(pair, key=lambda one: one[0].payload)
        if first[0].payload != second[0].payload:
            self._open.setdefault(key, (first[1], second[1]))

    def _settle(self, transaction: Transaction) -> None:
        """Close the conflict that evidence is about: the contract has answered."""
        if not isinstance(transaction, EvidenceConflict):
            return
        for key, (first, second) in list(self._open.items()):
            if (to_text(first), to_text(second)) == (transaction.first, transaction.second):
                del self._open[key]
