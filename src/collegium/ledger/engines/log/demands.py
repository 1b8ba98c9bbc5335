"""Transactions that validators have seen and whoever orders has not ordered, at one member.

Where a quorum has seen one and the log has grown by a registered number of blocks without it, though
the contract would have taken it before each of them, the member cosigns no block that lacks it
unless the log's key promises it the very next place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from collegium.errors import FormatError
from collegium.ledger.contract.members import ordered_within
from collegium.ledger.engines.log.log_copy import LogCopy, ValidatorSet
from collegium.ledger.engines.log.seen import bound_since, open_seen
from collegium.ledger.envelope import decode_envelope
from collegium.ledger.frames import ENTRY, decode_entry, read_frames

MOST_DEMANDS = 1024
"""Transactions that are held at once."""


@dataclass(slots=True)
class Demand:
    """A transaction that is to be ordered.

    Attributes:
        envelope: its bytes.
        author: who signed it.
        notes: the words of those who have seen it, by member.
        since: the size from which on the contract has taken it at every block that was looked at.
        looked: the size at which it was looked at last.
        promised: the index that the log's key has promised it, once.
        kept: whether the evidence of its absence is kept.
    """

    envelope: bytes
    author: str
    notes: dict[str, str] = field(default_factory=dict)
    since: int = 0
    looked: int = -1
    promised: int | None = None
    kept: bool = False


class Demands:
    """What a member demands of whoever orders.

    Args:
        copy: the member's; looked at while it is settled, and as it ends with one block more.
    """

    def __init__(self, copy: LogCopy) -> None:
        self._copy = copy
        self._held: dict[bytes, Demand] = {}

    @property
    def held(self) -> Mapping[bytes, Demand]:
        """Every demand, by the transaction's id."""
        return self._held

    def hear(self, author: str, envelope: bytes, notes: Mapping[str, str]) -> None:
        """Take up a transaction that was seen, with the words of those who have seen it."""
        transaction = decode_envelope(envelope).transaction_id
        if transaction not in self._held:
            if len(self._held) >= MOST_DEMANDS or self._refused(envelope):
                return
            size = self._copy.size
            self._held[transaction] = Demand(envelope, author, since=size, looked=size)
        self._held[transaction].notes.update(notes)

    def look(self) -> None:
        """Look at each where everything held is final; what the contract refuses is forgotten."""
        size = self._copy.size
        for transaction, demand in list(self._held.items()):
            if demand.looked < size:
                if self._refused(demand.envelope):
                    del self._held[transaction]
                demand.looked = size

    def sizes(self, transaction: bytes, judges: ValidatorSet) -> dict[str, int]:
        """Return after how many entries validators have seen a transaction, by member."""
        return seen_sizes(
            self._held[transaction].notes, transaction, self._copy.ledger.identity, judges
        )

    def is_bound(self, transaction: bytes) -> bool:
        """Return whether a quorum of the present validators has seen a transaction."""
        judges = self._copy.judges_of_next()
        return bound_since(self.sizes(transaction, judges), judges) is not None

    def overdue(self) -> list[Demand]:
        """Return the demands which the block that the copy ends with should have met."""
        copy = self._copy
        within = ordered_within(copy.ledger.state)
        if within is None or not self._held or copy.blocks_ahead != 1:
            return []
        block, found = None, []
        for transaction, demand in self._held.items():
            bound = bound_since(self.sizes(transaction, copy.judges), copy.judges)
            if bound is None or demand.looked != copy.final_size:
                continue
            if copy.index.blocks_after(max(bound, demand.since)) < within:
                continue
            block = block or transactions_in(copy.read(copy.final_size, copy.size))
            if transaction not in block:
                found.append(demand)
        return found

    def would_follow(self, demand: Demand) -> bool:
        """Return whether the contract would take a demand right after what the copy ends with."""
        return self._copy.ledger.check(demand.envelope) is None

    def _refused(self, envelope: bytes) -> bool:
        return self._copy.ledger.check(envelope) is not None


def seen_sizes(
    notes: Mapping[str, str], transaction: bytes, identity: bytes, judges: ValidatorSet
) -> dict[str, int]:
    """Return after how many entries validators have seen a transaction; other notes count not."""
    sizes = {}
    for member, note in notes.items():
        public = judges.key_of(member)
        if public is None:
            continue
        try:
            seen = open_seen(note, identity, member, public)
        except FormatError:
            continue
        if seen.transaction == transaction:
            sizes[member] = seen.size
    return sizes


def transactions_in(blocks: bytes) -> frozenset[bytes]:
    """Return the ids of the transactions of consecutive blocks."""
    return frozenset(
        decode_envelope(decode_entry(frame.body)[0]).transaction_id
        for frame in read_frames(blocks)
        if frame.kind == ENTRY
    )
