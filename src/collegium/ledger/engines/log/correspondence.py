"""What a member lays out past the sequencer, and what it makes of others' letters.

docs/spec/10-log-engine.md, docs/decisions/0140. Everything here happens while all is final.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from secrets import token_bytes

from collegium import canonical
from collegium.canonical import to_text
from collegium.errors import FormatError
from collegium.ledger.contract.apply import known_sender
from collegium.ledger.contract.transactions import MemberReturn
from collegium.ledger.engines.log.demands import MOST_OF_ONE, Demands
from collegium.ledger.engines.log.log_copy import LogCopy
from collegium.ledger.engines.log.seen import Seen, sign_seen
from collegium.ledger.engines.log.witness import KeyOf
from collegium.ledger.envelope import decode_envelope, sign_envelope
from collegium.ledger.genesis import ledger_text
from collegium.ledger.keys import SigningKey
from collegium.ledger.ordering import Letter, OpenDemand

LAID_AFTER = 10.0
"""Seconds for which a transaction is due before it is laid out."""

SEEN_AFTER = 10.0
"""Seconds from when a validator begins to hand on what it has seen, until it says so."""

NONCE_AFTER = 5.0
"""Seconds without a block after which a validator puts a nonce on the ledger."""


class Correspondence:
    """One member's letters.

    Args:
        member: its id.
        copy: what its home holds.
        demands: what it demands of whoever orders.
        key_of: its signing keys.
        clock: seconds that only grow.
    """

    def __init__(
        self, member: str, copy: LogCopy, demands: Demands, key_of: KeyOf,
        clock: Callable[[], float],
    ) -> None:  # fmt: skip
        self._member, self._copy, self._demands = member, copy, demands
        self._key_of, self._clock = key_of, clock
        self._due: dict[bytes, float] = {}  # since when its own transactions are
        self._since: dict[bytes, float] = {}  # when it began to demand each
        self._size, self._grew_at = -1, clock()
        self._nonce = b""

    def exchange(self, due: Sequence[bytes], letters: Mapping[str, Letter]) -> Letter:
        """Take up letters, while all is final; return the member's own.

        Args:
            due: transactions of its own that are due.
            letters: what was read, by member.
        """
        now, demands = self._clock(), self._demands
        if self._size != self._copy.size:
            self._size, self._grew_at, self._nonce = self._copy.size, now, b""
        self._due = {one: self._due.get(one, now) for one in due}
        late = [one for one, since in self._due.items() if now - since >= LAID_AFTER]
        own = [one for one in late if self._copy.ledger.check(one) is None][:MOST_OF_ONE]
        for member, letter in {**letters, self._member: Letter(tuple(own))}.items():
            for envelope in letter.envelopes[:MOST_OF_ONE]:
                self._hear(member, envelope)
        for member, letter in letters.items():
            for note in letter.seen:
                demands.hear_word(member, note)
        self._since = {one: self._since.get(one, now) for one in demands.held}
        for transaction, since in self._since.items():
            if now - since >= SEEN_AFTER:
                self._say_seen(transaction)
        words = (one.notes.get(self._member) for one in demands.held.values())
        return Letter(tuple(own), tuple(one for one in words if one is not None))

    def open(self) -> list[OpenDemand]:
        """Return what is demanded."""
        now, judges = self._clock(), self._copy.judges_of_next()
        return [
            OpenDemand(
                one.envelope, one.author, tuple(self._demands.sizes(one, transaction, judges)),
                self._demands.blocks_without(transaction, judges),
                now - self._since.get(transaction, now),
            )
            for transaction, one in self._demands.held.items()
        ]  # fmt: skip

    def nonces(self) -> list[bytes]:
        """Return a nonce for the ledger where a quorum waits and nothing else makes it grow.

        Blocks that lack what they wait for are what is counted; a nonce says nothing else.
        """
        judges, key = self._copy.judges_of_next(), self._key()
        waits = any(self._demands.bound(one, judges) is not None for one in self._demands.held)
        if key is None or not waits or self._clock() - self._grew_at < NONCE_AFTER:
            return []
        if not self._nonce:
            said = MemberReturn(
                format=1, genesis=ledger_text(self._copy.ledger.identity),
                nonce=to_text(token_bytes(32)),
            )  # fmt: skip
            self._nonce = sign_envelope(canonical.encode(said), key)
        return [self._nonce]

    def _hear(self, author: str, envelope: bytes) -> None:
        """Take up a transaction if it is really its author's."""
        with suppress(FormatError):
            key = decode_envelope(envelope).key_id
            sender = known_sender(self._copy.ledger.state, key)
            if sender is not None and sender.name == author:
                self._demands.hear(author, envelope)

    def _say_seen(self, transaction: bytes) -> None:
        demand, key = self._demands.held[transaction], self._key()
        if key is None or self._member in demand.notes:
            return
        seen = Seen(self._copy.ledger.identity, self._copy.final_size, transaction)
        self._demands.hear_word(self._member, sign_seen(seen, self._member, key))

    def _key(self) -> SigningKey | None:
        """Return the key by which the member judges the next block, if it does."""
        public = self._copy.judges_of_next().key_of(self._member)
        return None if public is None else self._key_of(public)
