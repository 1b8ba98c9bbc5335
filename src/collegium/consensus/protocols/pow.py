"""Proof of work: the longest chain, as in Bitcoin.

Nakamoto, "Bitcoin: A Peer-to-Peer Electronic Cash System", 2008, sections 4, 5 and 11. Whoever
finds a block tells all others, and all hold the chain with the most work; of two with as much, the
one that came first (section 5). What has `confirmations` blocks on top is final but for luck.

The work is modelled. How long a miner works for a block on a parent is drawn from the setting's
seed, the miner, and who found the parent and when: exponential, with the miner's share of all power
over the interval and the difficulty as its rate. What blocks hold is not in it, so nobody gains by
trying forms of a block. Everybody can draw the same, so a block shows its work by its time
(`view`): its parent's, and what was drawn. On another parent it is drawn anew, as an exponential
that has no memory allows. That a miner has really waited is not shown: nobody's machine has a
clock; it is left to the simulator, in which nobody else's timers run faster.

The difficulty is set anew every `retarget` blocks by the time that these took, by a factor of four
at most, as in Bitcoin. Those times are of mining alone: miners rest while nothing waits for a block
or for its confirmations, and delays of messages are not in them. So the bound is of miners at work:
while the honest rest, anybody who mines on in private overtakes them, which no real chain allows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from math import log
from typing import Literal

from collegium.consensus.chain import linked_size
from collegium.consensus.machine import (
    ALL,
    GENESIS,
    Block,
    Effects,
    Item,
    Message,
    Setting,
    Stored,
    make_block,
)
from collegium.consensus.pool import ITEMS, Pool
from collegium.consensus.tree import BLOCKS, FETCH, Standing, Tree

INTERVAL = 10_000_000
"""Microseconds between blocks where the setting has none: many times what a message takes."""

UNIT = 1 << 20
"""The difficulty at which all power together finds a block in an interval."""

STEEPEST = 4
"""By how much the difficulty changes at once, at most."""


class Miner:
    """One miner; it satisfies `Machine`."""

    def __init__(self, setting: Setting, stored: Stored) -> None:
        interval = setting.interval or INTERVAL
        self._setting, self._interval = setting, interval
        self._confirmations = setting.options["confirmations"]
        self._retarget = setting.options["retarget"]
        self._mean = interval * sum(setting.powers)
        # What waits for a block is told again every other interval, not while none can have come.
        self._pool = Pool(replace(setting, timeout=max(setting.timeout, interval // 4)))
        self._tree = Tree(setting, stored, 4 * interval)
        self._heaviest = self._tree.tip
        self._mining: bytes | None = None
        for block in self._tree.chain:
            self._pool.ordered(block.items)

    def start(self) -> Effects:
        """Go on where the miner was; whoever was away asks for what the others have."""
        effects = Effects()
        if self._tree.chain:
            self._tree.ask_again(self._standing, effects)
        else:
            self._tree.wait(effects)
        self._mine(effects)
        return effects

    def propose(self, items: Sequence[Item]) -> Effects:
        """Tell the others of transactions, and mine."""
        effects = Effects()
        self._pool.enter(items, effects)
        self._mine(effects)
        return effects

    def timer(self, name: str) -> Effects:
        """Find a block, tell transactions again, or ask for blocks."""
        effects = Effects()
        if name == "found":
            self._find(effects)
        elif name == ITEMS:
            self._pool.again(effects)
        elif name == FETCH:
            self._tree.ask_again(self._standing, effects)
        return effects

    def receive(self, sender: int, message: Message) -> Effects:
        """Hear another miner."""
        effects = Effects()
        kind = message.kind
        if kind == "block":
            self._announced(sender, message.body, effects)
        elif kind == ITEMS:
            if self._pool.heard(message):
                self._mine(effects)
        elif kind == FETCH:
            self._tree.offer(sender, message, self._standing, effects)
        elif kind == BLOCKS:
            for block in message.body[0]:
                self._connect(block, effects)
            self._tree.ask_on(sender, message, self._standing, effects)
            self._adopt(effects)
        return effects

    @property
    def _standing(self) -> Standing:
        return (self._tree.weight(self._tree.tip),)

    # Mining.

    def _mine(self, effects: Effects) -> None:
        """Work on the tip while something waits, for a block or for blocks on top of its own."""
        tip = self._tree.tip
        if not self._pool and not self._tree.unsettled:
            self._mining = None
            effects.stop("found")
        elif self._mining != tip:
            self._mining = tip
            work = self._drawn(self._setting.me, tip)
            # A liar with two machines has not twice the power: each works for twice as long.
            effects.after("found", work * self._setting.options.get("machines", 1))

    def _drawn(self, miner: int, parent: bytes) -> int:
        """Return the microseconds for which a miner works for a block on a parent."""
        finder = -1 if parent == GENESIS else self._tree[parent].proposer
        place = self._tree.height_of(parent), self._time(parent), finder
        drawn = sha256(b"%d %d %d %d %d" % (self._setting.seed, miner, *place)).digest()
        share = (int.from_bytes(drawn[:6]) + 1) / (1 << 48)
        mean = self._mean * self._difficulty(parent) / (UNIT * self._setting.powers[miner])
        return int(-log(share) * mean) + 1

    def _difficulty(self, parent: bytes) -> int:
        """Return the difficulty of the block after a parent."""
        if parent == GENESIS:
            return UNIT
        last = self._tree[parent]
        former = self._tree.weight(parent) - self._tree.weight(last.parent)
        if last.height % self._retarget:
            return former
        since = parent
        for _ in range(self._retarget):
            since = self._tree[since].parent
        began = 0 if since == GENESIS else self._tree[since].view
        expected = self._retarget * self._interval
        took = min(max(last.view - began, expected // STEEPEST), expected * STEEPEST)
        return max(former * expected // took, 1)

    def _find(self, effects: Effects) -> None:
        tree, me, self._mining = self._tree, self._setting.me, None
        height, tip = len(tree.chain) + 1, tree.tip
        time = self._time(tip) + self._drawn(me, tip)
        block = make_block(height, tip, me, time, self._pool.next_items())
        said = Message("block", height, time, block.digest, block, linked_size(block))
        effects.send(ALL, said)
        self._connect(block, effects)
        self._adopt(effects)

    def _time(self, digest: bytes) -> int:
        return 0 if digest == GENESIS else self._tree[digest].view

    # The chain with the most work.

    def _announced(self, sender: int, block: Block, effects: Effects) -> None:
        """Take a block that was found, or ask its miner for what is before it."""
        tree = self._tree
        if block.parent not in tree:
            tree.keep_orphan(block)
            tree.ask(sender, self._standing, effects)
            return
        self._connect(block, effects)
        self._adopt(effects)
        if block.height < len(tree.chain):
            tree.remind(sender, effects)

    def _connect(self, block: Block, effects: Effects) -> None:
        """Keep a sound block, and those that waited for it."""
        tree, new = self._tree, [block]
        while new:
            one = new.pop()
            if one.digest in tree or one.parent not in tree or not self._is_sound(one):
                continue
            tree.link(one, self._difficulty(one.parent), effects)
            if tree.weight(one.digest) > tree.weight(self._heaviest):
                self._heaviest = one.digest
            new += tree.children_of(one.digest)

    def _is_sound(self, block: Block) -> bool:
        """Return whether a block shows its work, and has no transaction that is before it."""
        parent = block.parent
        return (
            block.height == self._tree.height_of(parent) + 1
            and block.view == self._time(parent) + self._drawn(block.proposer, parent)
            and not self._tree.repeats(block)
        )

    def _adopt(self, effects: Effects) -> None:
        """Hold the chain with the most work, and decide what is deep enough in it."""
        if self._heaviest != self._tree.tip:
            self._tree.hold(self._heaviest, self._pool, effects)
            self._tree.decide(len(self._tree.chain) - self._confirmations, effects)
        self._mine(effects)


@dataclass(frozen=True, slots=True)
class ProofOfWork:
    """The protocol; it satisfies `ConsensusProtocol`."""

    about: str = "mining, the chain with the most work, confirmations"
    version: int = 2
    faults: Literal["none", "crash", "byzantine"] = "byzantine"
    bound: str = "less than half of the power"
    finality: Literal["immediate", "probabilistic", "economic"] = "probabilistic"
    views: Literal["lasting", "each height", "none"] = "none"
    # On one parent, which its time stands for: two blocks there cost a miner one work.
    once: frozenset[str] = frozenset({"block"})
    mines: Literal[True] = True
    source: str = "Nakamoto 2008"
    defaults: Mapping[str, int] = field(
        default_factory=lambda: {"confirmations": 6, "retarget": 32}
    )

    def tolerated(self, powers: Sequence[int]) -> int:
        """Return how many have less than half of all power, the most powerful ones."""
        found, together = 0, 0
        for power in sorted(powers, reverse=True):
            together += power
            if 2 * together >= sum(powers):
                break
            found += 1
        return found

    def machine(self, setting: Setting, stored: Stored) -> Miner:
        """Return a miner."""
        return Miner(setting, stored)


POW = ProofOfWork()
