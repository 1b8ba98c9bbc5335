"""Watching for equivocation: two payloads of one member under one natural key."""

from __future__ import annotations

from collections.abc import Sequence

from collegium.errors import FormatError
from collegium.ledger.book import Accepted, Outcome
from collegium.ledger.contract.evidence import decode_transaction
from collegium.ledger.contract.rejected import Rejected
from collegium.ledger.contract.transactions import natural_key
from collegium.ledger.envelope import Envelope, decode_envelope

Conflict = tuple[bytes, bytes]
"""Two envelopes, in the order of their payloads."""

REMEMBERED = 4096
"""Accepted envelopes kept in mind; older ones are about rounds long closed."""


class Witness:
    """Remembers what was accepted lately, and finds what contradicts it."""

    def __init__(self) -> None:
        self._said: dict[tuple[bytes, tuple[str, ...]], bytes] = {}

    def watch(self, batch: Sequence[bytes], outcomes: Sequence[Outcome]) -> list[Conflict]:
        """Return the conflicts that a block's refusals prove.

        A refusal as "already" comes after the signature was found good.
        """
        conflicts = []
        for data, outcome in zip(batch, outcomes, strict=True):
            if isinstance(outcome, Accepted):
                envelope = decode_envelope(data)
                self._said[envelope.key_id, natural_key(outcome.transaction)] = data
            elif isinstance(outcome, Rejected) and outcome.code == "already":
                conflict = self._contradiction(data)
                if conflict is not None:
                    conflicts.append(conflict)
        for key in list(self._said)[: max(0, len(self._said) - REMEMBERED)]:
            del self._said[key]
        return conflicts

    def _contradiction(self, data: bytes) -> Conflict | None:
        try:
            envelope = decode_envelope(data)
            key = (envelope.key_id, natural_key(decode_transaction(envelope.payload)))
        except FormatError:
            return None
        said = self._said.get(key)
        if said is None:
            return None
        pair: list[tuple[Envelope, bytes]] = [(envelope, data), (decode_envelope(said), said)]
        first, second = sorted(pair, key=lambda one: one[0].payload)
        return None if first[0].payload == second[0].payload else (first[1], second[1])
