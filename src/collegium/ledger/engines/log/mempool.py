"""Transactions that wait for a block, a bounded number a member, so that nobody crowds others out.

The same bytes are taken once, however often and by whomever they are handed over; what has come
into the log lately is answered from memory.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from collegium.ledger.ordering import Answer, NotYet, Ordered

A_MEMBER_AND_BLOCK = 64
"""Transactions of one member that a block takes."""
A_MEMBER = 256
"""Transactions of one member that may wait."""
A_BLOCK = 1024
"""Transactions that a block takes."""
REMEMBERED = 20_000
"""Transactions in the log whose bytes are known again when they are handed over once more."""


@dataclass(slots=True)
class PendingTransaction:
    """A transaction in the pool, and its answer once it has one."""

    envelope: bytes
    member: str
    answer: Answer | None = None


@dataclass(frozen=True, slots=True)
class Submission:
    """Transactions that one member handed over together."""

    items: tuple[PendingTransaction, ...]

    @property
    def decided(self) -> bool:
        """Whether each has its answer."""
        return all(item.answer is not None for item in self.items)

    def answers(self) -> list[Answer]:
        """Return an answer for each; what is not decided is told to wait."""
        waiting = NotYet("waiting", "a block before it is not final yet")
        return [item.answer or waiting for item in self.items]


class Mempool:
    """What waits, in the order of arrival."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[bytes, PendingTransaction] = OrderedDict()
        self._members: Counter[str] = Counter()
        self._known: OrderedDict[bytes, int] = OrderedDict()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, member: str, envelopes: Sequence[bytes]) -> Submission:
        """Take transactions in, as far as the member's quota goes."""
        return Submission(tuple(self._add(member, envelope) for envelope in envelopes))

    def batch(self, first: Sequence[bytes] = ()) -> list[PendingTransaction]:
        """Take out what the next block is made of: the oldest, so many of each member at most.

        Args:
            first: transactions that come before all others, waiting or not.
        """
        taken: dict[bytes, PendingTransaction] = {}
        members: Counter[str] = Counter()
        for envelope in first:
            digest = sha256(envelope).digest()
            taken[digest] = self._waiting.get(digest) or PendingTransaction(envelope, "")
        for digest, item in self._waiting.items():
            if digest not in taken and members[item.member] < A_MEMBER_AND_BLOCK:
                members[item.member] += 1
                taken[digest] = item
                if len(taken) >= A_BLOCK:
                    break
        for digest, item in taken.items():
            if self._waiting.pop(digest, None) is not None:
                self._members[item.member] -= 1
        return list(taken.values())

    def remember(self, envelopes: Iterable[tuple[bytes, int]]) -> None:
        """Note transactions that are in the log, with their index."""
        for envelope, index in envelopes:
            self._known[sha256(envelope).digest()] = index
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    def forget(self, size: int) -> None:
        """Forget what was noted from an index on."""
        self._known = OrderedDict((key, at) for key, at in self._known.items() if at < size)

    def _add(self, member: str, envelope: bytes) -> PendingTransaction:
        digest = sha256(envelope).digest()
        index = self._known.get(digest)
        if index is not None:
            return PendingTransaction(envelope, member, Ordered(index))
        waiting = self._waiting.get(digest)
        if waiting is not None:
            return waiting
        if self._members[member] >= A_MEMBER:
            reason = f"{member} has {A_MEMBER} transactions waiting, the most there may be"
            return PendingTransaction(envelope, member, NotYet("busy", reason))
        item = self._waiting[digest] = PendingTransaction(envelope, member)
        self._members[member] += 1
        return item
