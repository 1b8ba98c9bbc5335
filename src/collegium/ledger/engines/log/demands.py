"""Transactions that validators have seen and whoever orders has not ordered, at one member.

Where a quorum has seen one and the log has grown by a registered number of blocks without it,
though the contract would have taken it before each of them, the member cosigns no block that lacks
it unless the log's key promises it a place right behind. docs/spec/10, docs/decisions/0140.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from collegium.errors import FormatError
from collegium.ledger.durability import sync_names
from collegium.ledger.engines.log.connection import Connection
from collegium.ledger.engines.log.delivery import Promised
from collegium.ledger.engines.log.inclusion_promise import InclusionPromise, open_inclusion_promise
from collegium.ledger.engines.log.log_copy import LogCopy
from collegium.ledger.engines.log.seen import (
    LARGEST_SEEN,
    bound_since,
    claimed_transaction,
    open_seen,
)
from collegium.ledger.envelope import decode_envelope
from collegium.ledger.frames import ENTRY, decode_entry, read_frames
from collegium.ledger.genesis import Genesis, ledger_text, required_log_key
from collegium.ledger.validators import ValidatorSet

DEMANDS = "demands"
"""The file of a home."""

MOST_OF_ONE = 8
"""Transactions of one author that are demanded at once."""


@dataclass(slots=True)
class Demand:
    """A transaction that is to be ordered.

    Attributes:
        envelope: its bytes.
        author: who signed it.
        since: the size from which on the contract has taken it at every block that was looked at.
        looked: the size at which it was looked at last.
        notes: the words of those who have seen it, by member: the earliest of each.
        promise: the log's word on its place, which is taken once.
        place: the index that it was promised.
    """

    envelope: bytes
    author: str
    since: int
    looked: int
    notes: dict[str, str] = field(default_factory=dict)
    promise: str = ""
    place: int = 0


class _Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file of a home: whose ledger it is about, and what is demanded."""

    genesis: str
    demands: tuple[Demand, ...]


_DECODER = msgspec.json.Decoder(_Kept)


class Demands:
    """What a member demands of whoever orders, also after a restart: else that would be a way past.

    Attributes:
        held: every demand, by the transaction's id.

    Args:
        copy: the member's; looked at while it is settled, and as it ends with one block more.
    """

    def __init__(self, copy: LogCopy) -> None:
        self._copy, self._path = copy, copy.home / DEMANDS
        self._within = within_of(copy.ledger.genesis)
        kept = self._loaded()
        self.held = {decode_envelope(one.envelope).transaction_id: one for one in kept}

    def hear(self, author: str, envelope: bytes) -> None:
        """Take up a transaction that is not ordered, if the contract takes it as of now."""
        transaction = decode_envelope(envelope).transaction_id
        of_one = sum(1 for one in self.held.values() if one.author == author)
        if self._within is None or transaction in self.held or of_one >= MOST_OF_ONE:
            return
        if self._copy.ledger.check(envelope) is None:
            self.held[transaction] = Demand(envelope, author, self._copy.size, self._copy.size)
            self._keep()

    def hear_word(self, member: str, note: str) -> None:
        """Take up a validator's word that it has seen one of them; any other word counts not."""
        transaction = claimed_transaction(note) if len(note) <= LARGEST_SEEN else b""
        demand, judges = self.held.get(transaction), self._copy.judges_of_next()
        if demand is None or demand.notes.get(member) == note:
            return
        size = self._size(member, note, transaction, judges)
        known = self.sizes(demand, transaction, judges).get(member)
        if size is not None and (known is None or size < known):
            demand.notes[member] = note
            self._keep()

    def look(self) -> None:
        """Look at each where everything held is final; what the contract refuses is forgotten."""
        size = self._copy.size
        behind = [one for one, demand in self.held.items() if demand.looked < size]
        for transaction in behind:
            self.held[transaction].looked = size
            if self._copy.ledger.check(self.held[transaction].envelope) is not None:
                del self.held[transaction]
        if behind:
            self._keep()

    def sizes(self, demand: Demand, transaction: bytes, judges: ValidatorSet) -> dict[str, int]:
        """Return after how many entries validators have seen a transaction, by member."""
        found = {
            member: self._size(member, note, transaction, judges)
            for member, note in demand.notes.items()
        }
        return {member: size for member, size in found.items() if size is not None}

    def bound(self, transaction: bytes, judges: ValidatorSet) -> int | None:
        """Return by which size a quorum had seen a transaction that is held, or None."""
        return bound_since(self.sizes(self.held[transaction], transaction, judges), judges)

    def blocks_without(self, transaction: bytes, judges: ValidatorSet) -> int | None:
        """Return how many blocks a transaction has been left out of since it was bound, or None."""
        bound = self.bound(transaction, judges)
        if bound is None:
            return None
        return self._copy.index.blocks_after(max(bound, self.held[transaction].since))

    def overdue(self) -> list[Demand]:
        """Return the demands which the block that the copy ends with should have met."""
        copy, block, found = self._copy, frozenset[bytes](), list[Demand]()
        if self._within is None or copy.blocks_ahead != 1:
            return found
        for transaction, demand in self.held.items():
            if demand.looked != copy.final_size:
                continue
            without = self.blocks_without(transaction, copy.judges)
            if without is None or without < self._within:
                continue
            block = block or transactions_in(copy.read(copy.final_size, copy.size))
            if transaction not in block:
                found.append(demand)
        return found

    def met(self, connection: Connection) -> list[Demand]:
        """Return which demands the block that the copy ends with, and the one behind, do not meet.

        What is overdue must have the log's word that it comes first in the next block, or be
        refused by the contract behind what has that word. A word is taken once: whoever breaks it
        is given no second one.

        Raises:
            CollegiumError: the sequencer cannot be reached, or its answer makes no sense.
        """
        overdue = self.overdue()
        broken = [one for one in overdue if one.promise and one.place < self._copy.size]
        asked = [one for one in overdue if not one.promise]
        if not asked or broken:
            return broken
        promised = self._promised(connection.demand([(one.envelope, "") for one in asked]))
        first, check = [one for one, _ in promised], self._copy.ledger.check
        unmet = [
            one for one in asked if one.envelope not in first and check(one.envelope, first) is None
        ]
        for one in asked:
            if not unmet and one.envelope in first:
                at = first.index(one.envelope)
                one.promise, one.place = promised[at][1], self._copy.size + at
        self._keep()
        return unmet

    @property
    def promised(self) -> list[Promised]:
        """What has the log's word, with it."""
        return [(one.envelope, one.promise) for one in self.held.values() if one.promise]

    def _promised(self, answer: Sequence[Promised]) -> list[Promised]:
        """Return what the log's key says that the next block begins with, in that order."""
        genesis, found = self._copy.ledger.genesis, list[Promised]()
        key = required_log_key(genesis)
        for index, (envelope, note) in enumerate(answer, self._copy.size):
            try:
                promise = open_inclusion_promise(note, self._copy.ledger.identity, key)
                said = decode_envelope(envelope).transaction_id
            except FormatError:
                break
            if promise != InclusionPromise(self._copy.ledger.identity, index, said):
                break
            found.append((envelope, note))
        return found

    def _loaded(self) -> tuple[Demand, ...]:
        """Return what the file holds; none of what cannot be read, or is of another ledger."""
        try:
            kept = _DECODER.decode(self._path.read_bytes())
            for one in kept.demands:
                decode_envelope(one.envelope)
        except (OSError, msgspec.MsgspecError, FormatError):
            return ()
        return kept.demands if kept.genesis == ledger_text(self._copy.ledger.identity) else ()

    def _keep(self) -> None:
        kept = _Kept(ledger_text(self._copy.ledger.identity), tuple(self.held.values()))
        partial = self._path.with_suffix(".partial")
        with partial.open("wb") as file:
            file.write(msgspec.json.encode(kept))
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self._path)
        sync_names(self._path.parent)

    def _size(self, member: str, note: str, transaction: bytes, judges: ValidatorSet) -> int | None:
        public = judges.key_of(member)
        return seen_size(note, transaction, self._copy.ledger.identity, member, public)


def within_of(genesis: Genesis) -> int | None:
    """Return the blocks within which what a quorum has seen is to be ordered, or None: any."""
    return genesis.ordered_within if isinstance(genesis.ordered_within, int) else None


def seen_size(
    note: str, transaction: bytes, identity: bytes, member: str, public: bytes | None
) -> int | None:
    """Return after how many entries a validator says that it had seen a transaction.

    None of a note that says something else, or that no validator's key signed.
    """
    if public is None:
        return None
    try:
        seen = open_seen(note, identity, member, public)
    except FormatError:
        return None
    return seen.size if seen.transaction == transaction else None


def transactions_in(blocks: bytes) -> frozenset[bytes]:
    """Return the ids of the transactions of consecutive blocks."""
    return frozenset(
        decode_envelope(decode_entry(frame.body)[0]).transaction_id
        for frame in read_frames(blocks)
        if frame.kind == ENTRY
    )
