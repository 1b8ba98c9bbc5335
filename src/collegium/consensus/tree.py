"""A tree of blocks that may yet be taken back, the chain that a validator holds, and fetching.

For protocols whose blocks are held before they are final. What links is kept for good; what does
not link yet waits for its parent, which is asked for as Bitcoin's nodes do: with a locator, digests
of the own chain at ever wider steps, so that whoever answers finds where the two chains part.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from collegium.consensus.chain import LEAST_OFTEN, MOST, linked_size
from collegium.consensus.machine import (
    ALL,
    DIGEST_SIZE,
    GENESIS,
    Block,
    Certificate,
    Effects,
    Message,
    Setting,
    Stored,
)
from collegium.consensus.pool import Pool

FETCH, BLOCKS = "getblocks", "blocks"
"""The kinds of a question for blocks, which is also its timer's name, and of the answer."""

ORPHANS = 256
"""Blocks without a parent that wait for it, at most."""

Standing = tuple[int, ...]
"""How good a chain is; of two validators the one with less is behind."""


class Tree:
    """Blocks that link to the first one, each with its weight: that of all up to it.

    Attributes:
        chain: the blocks that are held, by height from 1 on.
        decided: how many of them are final.
    """

    def __init__(self, setting: Setting, stored: Stored, pause: int) -> None:
        """Take up what was written; `pause` is how long nothing new may come before it is asked."""
        self._setting, self._pause, self._quiet = setting, pause, 0
        self._found: dict[bytes, tuple[Block, int]] = {}
        self._at: dict[int, list[Block]] = {}
        for key, one in stored.items():
            if key.startswith("block "):
                self._found[one[0].digest] = one
                self._at.setdefault(one[0].height, []).append(one[0])
        self.chain: list[Block] = list(self.back_from(stored.get("tip", GENESIS)))[::-1]
        self.decided: int = stored.get("decided", 0)
        self._places = {one.digest: block.height for block in self.chain for one in block.items}
        self._orphans: dict[bytes, dict[bytes, Block]] = {}

    def __contains__(self, digest: bytes) -> bool:
        return digest == GENESIS or digest in self._found

    def __getitem__(self, digest: bytes) -> Block:
        return self._found[digest][0]

    @property
    def tip(self) -> bytes:
        """The digest of the last block that is held."""
        return self.chain[-1].digest if self.chain else GENESIS

    @property
    def unsettled(self) -> bool:
        """Return whether a transaction is in a block that is held and not final."""
        return any(block.items for block in self.chain[self.decided :])

    def above(self, height: int) -> Iterator[Block]:
        """Return all blocks above a height, lower ones and those that came earlier first."""
        while (found := self._at.get(height := height + 1)) is not None:
            yield from found

    def weight(self, digest: bytes) -> int:
        """Return what all blocks up to one weigh."""
        return self._found[digest][1] if digest in self._found else 0

    def height_of(self, digest: bytes) -> int:
        """Return the height of a block, 0 before the first one."""
        return self._found[digest][0].height if digest in self._found else 0

    def back_from(self, digest: bytes) -> Iterator[Block]:
        """Return a block and its ancestors, the latest first."""
        while digest in self._found:
            block = self._found[digest][0]
            yield block
            digest = block.parent

    def holds(self, block: Block) -> bool:
        """Return whether a block is in the chain that is held."""
        at = block.height
        return at <= len(self.chain) and self.chain[at - 1].digest == block.digest

    def repeats(self, block: Block) -> bool:
        """Return whether a transaction of a block is in it twice, or in an ancestor."""
        own = {one.digest for one in block.items}
        if len(own) < len(block.items):
            return True
        fork = 0
        for ancestor in self.back_from(block.parent):
            if self.holds(ancestor):
                fork = ancestor.height
                break
            if any(one.digest in own for one in ancestor.items):
                return True
        return any(self._places.get(one, fork + 1) <= fork for one in own)

    def link(self, block: Block, weight: int, effects: Effects) -> None:
        """Keep a sound block whose parent is here."""
        self._found[block.digest] = block, self.weight(block.parent) + weight
        self._at.setdefault(block.height, []).append(block)
        effects.write(f"block {block.digest.hex()}", self._found[block.digest])

    def keep_orphan(self, block: Block) -> None:
        """Keep a block until its parent comes."""
        if len(self._orphans) >= ORPHANS:
            del self._orphans[next(iter(self._orphans))]
        self._orphans.setdefault(block.parent, {})[block.digest] = block

    def children_of(self, digest: bytes) -> Sequence[Block]:
        """Return those that waited for a block."""
        return tuple(self._orphans.pop(digest, {}).values())

    def hold(self, digest: bytes, pool: Pool, effects: Effects) -> None:
        """Hold the chain up to a block: take back what is not in it, and extend."""
        path: list[Block] = []
        for block in self.back_from(digest):
            if self.holds(block):
                break
            path.append(block)
        fork = path[-1].height - 1 if path else self.height_of(digest)
        if fork < len(self.chain):
            effects.retracts = fork + 1
            for block in self.chain[fork:]:
                pool.returned(block.items)
                for one in block.items:
                    del self._places[one.digest]
            del self.chain[fork:]
            self.decided = min(self.decided, fork)
        for block in reversed(path):
            self.chain.append(block)
            pool.ordered(block.items)
            self._places.update((one.digest, block.height) for one in block.items)
            effects.extends.append(block)
        effects.write("tip", digest)
        if effects.retracts is not None:
            pool.again(effects)  # others may know what was taken back from that block alone
        self._quiet = 0
        self.wait(effects)

    def decide(self, height: int, effects: Effects) -> None:
        """Take what is held up to a height as final."""
        if height <= self.decided:
            return
        effects.decides += self.chain[self.decided : height]
        self.decided = height
        effects.write("decided", height)

    # Blocks that others have.

    def wait(self, effects: Effects) -> None:
        """Wait for something new; the timer is `FETCH`."""
        effects.after(FETCH, self._pause << self._quiet)

    def ask_again(self, standing: Standing, effects: Effects) -> None:
        """Ask all because nothing has come for a while, ever less often: what the timer is for."""
        self.ask(ALL, standing, effects)
        self._quiet = min(self._quiet + 1, LEAST_OFTEN)
        self.wait(effects)

    def ask(
        self, whom: int, standing: Standing, effects: Effects, after: bytes | None = None
    ) -> None:
        """Ask for what comes after the own chain, or after a block that came last."""
        locator = [] if after is None else [after]
        at, step = len(self.chain), 1
        while at > 0:
            locator.append(self.chain[at - 1].digest)
            at, step = at - step, 2 * step
        size = DIGEST_SIZE * len(locator) + 8 * len(standing)
        body = standing, tuple(locator)
        effects.send(whom, Message(FETCH, len(self.chain), body=body, size=size))

    def offer(
        self,
        whom: int,
        asked: Message,
        standing: Standing,
        effects: Effects,
        shown: Sequence[Certificate] = (),
    ) -> None:
        """Answer a question of somebody who is behind."""
        other, locator = asked.body
        if standing <= other:
            return
        known = (self._found[one][0] for one in locator if one in self._found)
        fork = next((one.height for one in known if self.holds(one)), 0)
        blocks = tuple(self.chain[fork : fork + MOST])
        size = sum(linked_size(one) for one in blocks) + sum(one.size for one in shown)
        effects.send(whom, Message(BLOCKS, len(self.chain), body=(blocks, tuple(shown)), size=size))

    def remind(self, whom: int, effects: Effects) -> None:
        """Show the tip to somebody who is behind; it asks for what is between, if anything is."""
        last = self.chain[-1]
        effects.send(whom, Message("block", last.height, body=last, size=linked_size(last)))

    def ask_on(self, sender: int, message: Message, standing: Standing, effects: Effects) -> None:
        """Ask on where an answer had not everything."""
        blocks, _ = message.body
        if blocks and blocks[-1].height < message.height and blocks[-1].digest in self._found:
            self.ask(sender, standing, effects, blocks[-1].digest)
