"""Equivocations: a validator puts on record what a member said twice, as whoever orders saw it.

The contract refuses the second of two, so that it need be on no member's copy: whoever orders has
been handed it. Whoever proves it needs not to be believed (docs/decisions/0003).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from collegium.canonical import to_text
from collegium.errors import CollegiumError, FormatError
from collegium.federation.identity import Identity
from collegium.ledger.contract.evidence import decode_transaction, proven
from collegium.ledger.contract.members import validator_powers
from collegium.ledger.contract.rejected import Rejected
from collegium.ledger.contract.tables import EVIDENCE
from collegium.ledger.contract.transactions import EvidenceConflict
from collegium.ledger.envelope import decode_envelope
from collegium.ledger.equivocation import Conflict
from collegium.ledger.state import State

ASK_EVERY = 1.0
"""Seconds between two questions for equivocations."""

OTHERS_AFTER = 5.0
"""Seconds that the first validator is given; then all others do it as well."""


class Conflicts:
    """What is due from a member about the equivocations of others, or its own.

    Args:
        told: returns what whoever orders has seen; see `Ordering.conflicts`.
        identity: its own, now, or None while it is no member.
        state: the ledger's, now.
        clock: seconds that only grow.
    """

    def __init__(
        self, told: Callable[[], Sequence[Conflict]], identity: Callable[[], Identity | None],
        state: Callable[[], State], clock: Callable[[], float],
    ) -> None:  # fmt: skip
        self._told, self._identity, self._state = told, identity, state
        self._clock = clock
        self._asked = float("-inf")
        self._known: dict[Conflict, float] = {}  # since when

    def look(self) -> None:
        """Ask whoever orders, if it is time; what cannot be asked now is asked again."""
        now = self._clock()
        if now < self._asked + ASK_EVERY:
            return
        self._asked = now
        try:
            for conflict in self._told():
                self._known.setdefault(conflict, now)
        except CollegiumError:
            return

    def due(self) -> list[bytes]:
        """Return evidence of what is proven and not on record; the rest is forgotten."""
        identity = self._identity() if self._known else None
        if identity is None:
            return []
        state = self._state()
        validators = list(validator_powers(state))
        if identity.member not in validators:
            return []
        wait = 0.0 if identity.member == validators[0] else OTHERS_AFTER
        found = []
        for conflict, since in list(self._known.items()):
            first, second = map(to_text, conflict)
            evidence = identity.sign(EvidenceConflict, first=first, second=second)
            if not _is_news(state, evidence):
                del self._known[conflict]
            elif self._clock() >= since + wait:
                found.append(evidence)
        return found


def _is_news(state: State, evidence: bytes) -> bool:
    """Return whether the contract would record evidence of our own."""
    try:
        transaction = decode_transaction(decode_envelope(evidence).payload)
        return isinstance(transaction, EvidenceConflict) and bool(proven(state, transaction))
    except (FormatError, Rejected):
        return False


def equivocations(state: State) -> tuple[str, ...]:
    """Return what members said twice, as the ledger has it: who, and under which natural key."""
    return tuple(name for name, _ in state.items(EVIDENCE))
