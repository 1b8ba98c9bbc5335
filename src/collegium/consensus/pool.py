"""Transactions that wait at a validator, and how they spread.

A validator at which transactions enter tells them to all others, again and again until they are
ordered; so whoever proposes has them, and whoever waits for them notices that nobody does. Their
bytes travel then; blocks name them by digest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from collegium.consensus.machine import ALL, DIGEST_SIZE, Effects, Item, Message, Setting

ITEMS = "transactions"
"""The kind of the messages, and the name of the timer."""

AGAIN = 8
"""After how many timeouts a validator tells again what entered at it."""


class Pool:
    """What one validator knows of transactions that are not ordered."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._waiting: dict[bytes, Item] = {}
        self._own: dict[bytes, Item] = {}
        self._came_here: set[bytes] = set()
        self._ordered: set[bytes] = set()

    def __bool__(self) -> bool:
        """Return whether any waits."""
        return bool(self._waiting)

    def __contains__(self, digest: bytes) -> bool:
        return digest in self._waiting

    @property
    def waiting(self) -> Sequence[Item]:
        """Those that wait, in the order in which they came."""
        return tuple(self._waiting.values())

    def enter(self, items: Sequence[Item], effects: Effects) -> None:
        """Take what entered at this validator, and tell the others."""
        new = [one for one in items if one.digest not in self._ordered]
        if not new:
            return
        self._waiting.update((one.digest, one) for one in new)
        self._own.update((one.digest, one) for one in new)
        self._came_here.update(one.digest for one in new)
        self._tell(new, effects)

    def heard(self, message: Message) -> bool:
        """Take what another validator tells; return whether something is new."""
        before = len(self._waiting)
        for one in message.body:
            if one.digest not in self._ordered:
                self._waiting.setdefault(one.digest, one)
        return len(self._waiting) > before

    def again(self, effects: Effects) -> None:
        """Tell once more what entered here and is not ordered: what the timer is for."""
        if self._own:
            self._tell(tuple(self._own.values()), effects)

    def all_again(self, effects: Effects) -> None:
        """Tell all that waits here, whoever told it: others may never have heard it."""
        if self._waiting:
            self._tell(tuple(self._waiting.values()), effects)

    def ordered(self, items: Iterable[Item]) -> None:
        """Forget what is in the order now."""
        for one in items:
            self._ordered.add(one.digest)
            self._waiting.pop(one.digest, None)
            self._own.pop(one.digest, None)

    def returned(self, items: Iterable[Item]) -> None:
        """Take back what was in a block that is in the order no longer."""
        for one in items:
            self._ordered.discard(one.digest)
            self._waiting.setdefault(one.digest, one)
            if one.digest in self._came_here:
                self._own[one.digest] = one

    def void(self, items: Iterable[Item]) -> None:
        """Take what is in the order for not in it, since it counts for nothing there."""
        self._ordered.difference_update(one.digest for one in items)

    def may_follow(self, items: Sequence[Item]) -> bool:
        """Return whether a block may hold these: something, nothing twice, nothing again."""
        digests = {one.digest for one in items}
        return 0 < len(digests) == len(items) and self._ordered.isdisjoint(digests)

    def is_ordered(self, item: Item) -> bool:
        """Return whether a transaction is in the order."""
        return item.digest in self._ordered

    def next_items(self) -> tuple[Item, ...]:
        """Return what a block would hold now, at most as many bytes as are allowed."""
        chosen: list[Item] = []
        left = self._setting.block_bytes
        for one in self._waiting.values():
            left -= one.size
            if left < 0 and chosen:
                break
            chosen.append(one)
        return tuple(chosen)

    def _tell(self, items: Sequence[Item], effects: Effects) -> None:
        size = sum(DIGEST_SIZE + one.size for one in items)
        effects.send(ALL, Message(ITEMS, body=tuple(items), size=size))
        effects.after(ITEMS, AGAIN * self._setting.timeout)
