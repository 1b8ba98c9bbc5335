"""The blocks that a validator has decided, and how one that is behind gets them.

Blocks name their parents, so a certificate of the last one of a sequence vouches for all before. A
validator that has heard of no new block for a while asks the others, ever less often.
"""

from __future__ import annotations

from collections.abc import Sequence

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

FETCH, BLOCKS = "fetch", "blocks"
"""The kinds of a question for blocks, which is also its timer's name, and of the answer."""

QUIET, LEAST_OFTEN = 8, 16
"""After how many timeouts without a new block it is asked for, and how often that doubles."""

MOST = 64
"""Blocks in one answer to somebody who is behind."""


class Chain:
    """Decided blocks from the first one on, each with what shows that it is decided."""

    def __init__(self, setting: Setting, stored: Stored) -> None:
        self._timeout, self._quiet = setting.timeout, 0
        self._blocks: list[tuple[Block, Certificate | None]] = []
        while (found := stored.get(block_key(self.height + 1))) is not None:
            self._blocks.append(found)

    @property
    def height(self) -> int:
        """How many blocks are decided."""
        return len(self._blocks)

    @property
    def tip(self) -> bytes:
        """The digest of the last one."""
        return self._blocks[-1][0].digest if self._blocks else GENESIS

    @property
    def blocks(self) -> Sequence[Block]:
        """The blocks in order."""
        return [block for block, _ in self._blocks]

    def block(self, height: int) -> Block:
        """Return the block of a height."""
        return self._blocks[height - 1][0]

    def follows(self, block: Block) -> bool:
        """Return whether a block may come next."""
        return block.height == self.height + 1 and block.parent == self.tip

    def append(self, block: Block, certificate: Certificate | None, effects: Effects) -> None:
        """Take the next block for good, and decide it."""
        self._blocks.append((block, certificate))
        effects.write(block_key(block.height), self._blocks[-1])
        effects.decide(block)
        self._quiet = 0
        self.wait(effects)

    def wait(self, effects: Effects) -> None:
        """Wait for the next block; the timer is `FETCH`."""
        effects.after(FETCH, QUIET * self._timeout << self._quiet)

    def ask(self, whom: int, effects: Effects) -> None:
        """Ask a validator, or `ALL`, for blocks after the last one."""
        effects.send(whom, Message(FETCH, self.height))

    def ask_again(self, effects: Effects) -> None:
        """Ask because nothing has come for a while: what the timer is for."""
        self.ask(ALL, effects)
        self._quiet = min(self._quiet + 1, LEAST_OFTEN)
        self.wait(effects)

    def offer(self, whom: int, height: int, effects: Effects) -> None:
        """Send somebody the blocks after its height, if there are any."""
        blocks, certificate = self.since(height)
        if blocks:
            size = sum(linked_size(one) for one in blocks)
            size += 0 if certificate is None else certificate.size
            body = blocks, certificate
            effects.send(whom, Message(BLOCKS, self.height, body=body, size=size))

    def since(self, height: int) -> tuple[tuple[Block, ...], Certificate | None]:
        """Return blocks after a height, and what vouches for the last of them."""
        end = min(height + MOST, self.height)
        while height < end < self.height and self._blocks[end - 1][1] is None:
            end += 1
        found = self._blocks[height:end]
        return tuple(block for block, _ in found), found[-1][1] if found else None

    @property
    def certificate(self) -> Certificate | None:
        """What vouches for the last one."""
        return self._blocks[-1][1] if self._blocks else None

    def forget_below(self, height: int) -> None:
        """Drop what vouches for blocks below a height: a later one vouches for them."""
        for at in range(height - 2, -1, -1):
            block, certificate = self._blocks[at]
            if certificate is None and at < height - 2:
                break
            self._blocks[at] = block, None

    def continued_by(self, blocks: Sequence[Block]) -> Sequence[Block]:
        """Return those of linked blocks that come after the tip; none where they do not link."""
        new = [one for one in blocks if one.height > self.height]
        parent, height = self.tip, self.height
        for one in new:
            if one.parent != parent or one.height != height + 1:
                return ()
            parent, height = one.digest, one.height
        return new


def block_key(height: int) -> str:
    """Return under which key a decided block is written."""
    return f"block {height}"


def linked_size(block: Block) -> int:
    """Return the bytes of a block that names its transactions by digest."""
    return DIGEST_SIZE * (2 + len(block.items))
