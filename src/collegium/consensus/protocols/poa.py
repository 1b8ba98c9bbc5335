"""Proof of authority: signers in turn, the chain with the most difficulty, as in Clique.

Szilagyi, "EIP-225: Clique proof-of-authority consensus protocol", 2017. A block at a height is in
turn for one signer and has difficulty 2; any other's has difficulty 1, and comes later by a wiggle
that is drawn for each. Whoever has signed one of the last floor(n/2) blocks signs none, so that of
floor(n/2) + 1 consecutive blocks each is another signer's. All hold the chain with the greatest
total difficulty; of those with as much, by the rules of EIP-3436 (Ferrin 2021): with the first one
that came, which EIP-225 allows, signers who have all signed lately wait for each other for ever.

What has `confirmations` blocks on top is final but for luck. No vote is taken and nothing is
locked, so availability goes before consistency (De Angelis et al., "PBFT vs proof-of-authority",
ITASEC 2018). Where the others are parted, one signer that signs on both sides splits them: the
cloning attack (Ekparinya, Gramoli and Jourjon, "The Attack of the Clones against
Proof-of-Authority", NDSS 2020). Where all messages come in time, honest blocks weigh more and more
in the order in which they are signed, on whichever fork; so a fork of two lasts only while liars'
blocks on either, of difficulty 2, make up for the honest ones on the other, of 1 at least: for that
they need a third of the blocks, of which f liars sign f of floor(n/2) + 1 at most.

Signers are the setting's; votes that admit or remove one are left out. The period is counted by
whoever signs from when it holds the parent or has something to sign, and signers rest while nothing
waits for a block or for its confirmations. Nobody has a clock, so nobody refuses a block that comes
too soon; the rule on recent signers is what keeps a few from running ahead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from itertools import islice
from typing import Literal

from collegium.consensus.chain import linked_size
from collegium.consensus.machine import (
    ALL,
    SIGNATURE_SIZE,
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

PERIOD = 15_000_000
"""Microseconds between blocks at least, where the setting has none: EIP-225's BLOCK_PERIOD."""

WIGGLE = 500_000
"""For each signer, by how many microseconds more one out of turn may be late: EIP-225's."""

IN_TURN, OUT_OF_TURN = 2, 1
"""The difficulties of a block: EIP-225's DIFF_INTURN and DIFF_NOTURN."""


class Signer:
    """One signer; it satisfies `Machine`."""

    def __init__(self, setting: Setting, stored: Stored) -> None:
        self._setting, self._period = setting, setting.interval or PERIOD
        self._confirmations = setting.options["confirmations"]
        self._wiggle = setting.count * setting.options["wiggle"]
        # What waits for a block is told again every other period, not while none can have come.
        self._pool = Pool(replace(setting, timeout=max(setting.timeout, self._period // 4)))
        self._tree = Tree(setting, stored, 4 * self._period)
        self._best = self._tree.tip
        self._waits_on: bytes | None = None
        for block in self._tree.chain:
            self._pool.ordered(block.items)

    def start(self) -> Effects:
        """Go on where the signer was; whoever was away asks for what the others have."""
        effects = Effects()
        if self._tree.chain:
            self._tree.ask_again(self._standing, effects)
        else:
            self._tree.wait(effects)
        self._go_on(effects)
        return effects

    def propose(self, items: Sequence[Item]) -> Effects:
        """Tell the others of transactions, and wait to sign."""
        effects = Effects()
        self._pool.enter(items, effects)
        self._go_on(effects)
        return effects

    def timer(self, name: str) -> Effects:
        """Sign a block, tell transactions again, or ask for blocks."""
        effects = Effects()
        if name == "sign":
            self._sign(effects)
        elif name == ITEMS:
            self._pool.again(effects)
        elif name == FETCH:
            self._tree.ask_again(self._standing, effects)
        return effects

    def receive(self, sender: int, message: Message) -> Effects:
        """Hear another signer."""
        effects = Effects()
        kind = message.kind
        if kind == "block":
            self._announced(sender, message.body, effects)
        elif kind == ITEMS:
            if self._pool.heard(message):
                self._go_on(effects)
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
        return self._preference(self._tree.tip)

    # Signing.

    def _go_on(self, effects: Effects) -> None:
        """Wait to sign on the tip while something waits, for a block or for blocks on top."""
        tip, me = self._tree.tip, self._setting.me
        if not self._pool and not self._tree.unsettled:
            self._waits_on = None
            effects.stop("sign")
        elif self._waits_on != tip:
            self._waits_on = tip
            if me in self._recent(tip):
                effects.stop("sign")
            else:
                effects.after("sign", self._period + self._drawn(tip))

    def _in_turn(self, height: int) -> int:
        return height % self._setting.count

    def _difficulty(self, height: int, signer: int) -> int:
        return IN_TURN if signer == self._in_turn(height) else OUT_OF_TURN

    def _recent(self, parent: bytes) -> set[int]:
        """Return who may not sign on a parent, having signed it or one shortly before it."""
        last = islice(self._tree.back_from(parent), self._setting.count // 2)
        return {block.proposer for block in last}

    def _drawn(self, parent: bytes) -> int:
        """Return the microseconds by which this signer is later than the one in turn."""
        me = self._setting.me
        if me == self._in_turn(self._tree.height_of(parent) + 1):
            return 0
        drawn = sha256(b"%d %d " % (self._setting.seed, me) + parent).digest()
        return int.from_bytes(drawn[:6]) % (self._wiggle + 1)

    def _sign(self, effects: Effects) -> None:
        tree, me, self._waits_on = self._tree, self._setting.me, None
        height, tip = len(tree.chain) + 1, tree.tip
        total = tree.weight(tip) + self._difficulty(height, me)
        block = make_block(height, tip, me, total, self._pool.next_items())
        size = linked_size(block) + SIGNATURE_SIZE
        effects.send(ALL, Message("block", height, total, block.digest, block, size))
        self._connect(block, effects)
        self._adopt(effects)

    # The chain with the greatest total difficulty.

    def _preference(self, digest: bytes) -> Standing:
        """Return how good the chain up to a block is: EIP-3436, in its order."""
        if digest not in self._tree or not (height := self._tree.height_of(digest)):
            return (0, 0, 0, 0)
        since_its_turn = (height - self._tree[digest].proposer) % self._setting.count
        low = (1 << 64) - int.from_bytes(digest[:8])
        return self._tree.weight(digest), -height, since_its_turn, low

    def _announced(self, sender: int, block: Block, effects: Effects) -> None:
        """Take a block that was signed, or ask its signer for what is before it."""
        tree = self._tree
        if block.parent not in tree:
            tree.keep_orphan(block)
            tree.ask(sender, self._standing, effects)
            return
        self._connect(block, effects)
        self._adopt(effects)
        if tree.weight(block.digest) < tree.weight(tree.tip):
            tree.remind(sender, effects)

    def _connect(self, block: Block, effects: Effects) -> None:
        """Keep a sound block, and those that waited for it."""
        tree, new = self._tree, [block]
        while new:
            one = new.pop()
            if one.digest in tree or one.parent not in tree or not self._is_sound(one):
                continue
            effects.computes += one.proposer != self._setting.me
            tree.link(one, self._difficulty(one.height, one.proposer), effects)
            if self._preference(one.digest) > self._preference(self._best):
                self._best = one.digest
            new += tree.children_of(one.digest)

    def _is_sound(self, block: Block) -> bool:
        """Return whether its signer may sign it, and no transaction in it is before it."""
        tree, height, signer = self._tree, block.height, block.proposer
        return (
            height == tree.height_of(block.parent) + 1
            and block.view == tree.weight(block.parent) + self._difficulty(height, signer)
            and signer not in self._recent(block.parent)
            and not tree.repeats(block)
        )

    def _adopt(self, effects: Effects) -> None:
        """Hold the best chain, and decide what is deep enough in it."""
        if self._best != self._tree.tip:
            self._tree.hold(self._best, self._pool, effects)
            self._tree.decide(len(self._tree.chain) - self._confirmations, effects)
        self._go_on(effects)


@dataclass(frozen=True, slots=True)
class ProofOfAuthority:
    """The protocol; it satisfies `ConsensusProtocol`."""

    about: str = "signers in turn, the chain with the most difficulty, confirmations"
    version: int = 1
    faults: Literal["none", "crash", "byzantine"] = "byzantine"
    bound: str = "f <= n/6 who lie, none beside a lasting partition; f < n/2 who stop"
    finality: Literal["immediate", "probabilistic", "economic"] = "probabilistic"
    views: Literal["lasting", "each height", "each block", "none"] = "none"
    # A block's view is its total difficulty, which only grows in what an honest signer holds.
    once: frozenset[str] = frozenset({"block"})
    source: str = "Szilagyi, EIP-225, 2017; Ferrin, EIP-3436, 2021"
    defaults: Mapping[str, int] = field(
        default_factory=lambda: {"confirmations": 6, "wiggle": WIGGLE}
    )

    def tolerated(self, powers: Sequence[int]) -> int:
        """Return how many may lie: fewer than a third of floor(n/2) + 1 consecutive signers."""
        return len(powers) // 6

    def machine(self, setting: Setting, stored: Stored) -> Signer:
        """Return a signer."""
        return Signer(setting, stored)


POA = ProofOfAuthority()
