"""A signed log: the engine ``log`` as a protocol, the baseline without consensus.

Validator 0, the sequencer, orders alone: it signs one block after the other. The others cosign
each, once for a height, and a block is final for whoever holds cosignatures of more than two thirds
of all power, the sequencer's own word among them (docs/engines.md; a log with witnesses, Syta et
al., "Keeping Authorities 'Honest or Bust' with Decentralized Witness Cosigning", IEEE S&P 2016,
section III). So a sequencer that lies splits nobody unless others of a third of all power help it.
Nobody takes its place: while it is down, nothing is ordered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from collegium.consensus.chain import BLOCKS, FETCH, Chain, linked_size
from collegium.consensus.machine import (
    ALL,
    DIGEST_SIZE,
    Block,
    Certificate,
    Effects,
    Item,
    Message,
    Setting,
    Stored,
    make_block,
)
from collegium.consensus.pool import ITEMS, Pool

SEQUENCER = 0

SIGNED = "signed"
"""The kind of the sequencer's blocks and of cosignatures: a certificate holds both."""

LONGEST = 6
"""How often the time until something is said or asked again is doubled at most."""


class Party:
    """The sequencer, or somebody who cosigns; it satisfies `Machine`."""

    def __init__(self, setting: Setting, stored: Stored) -> None:
        self._setting = setting
        self._pool = Pool(setting)
        self._chain = Chain(setting, stored)
        for block in self._chain.blocks:
            self._pool.ordered(block.items)
        # The block after the last one that this party has signed: never another one of its height.
        self._signed: Block | None = stored.get("signed")
        self._cosigners: set[int] = set()
        self._early: Block | None = None
        self._heard = 0
        self._tries = 0
        self._waits = False
        self._may_make = True

    def start(self) -> Effects:
        """Go on where the party was; whoever was away asks how far the others are."""
        effects = Effects()
        if self._chain.height or self._signed is not None:
            self._chain.ask_again(effects)
        else:
            self._chain.wait(effects)
        if self._signed is not None and self._setting.me == SEQUENCER:
            self._cosigners = {SEQUENCER}
            self._say_again(effects)
        self._look(effects)
        return effects

    def propose(self, items: Sequence[Item]) -> Effects:
        """Tell the others, and so the sequencer, of transactions."""
        effects = Effects()
        self._pool.enter(items, effects)
        self._look(effects)
        return effects

    def timer(self, name: str) -> Effects:
        """Say or ask again what may be lost, or make the block that may come now."""
        effects = Effects()
        if name == ITEMS:
            self._pool.again(effects)
        elif name == FETCH:
            self._chain.ask_again(effects)
        elif name == "interval":
            self._may_make = True
        elif name == "again":
            self._waits, self._tries = False, self._tries + 1
            if self._setting.me == SEQUENCER:
                self._say_again(effects)
            else:
                self._chain.ask(ALL, effects)
        self._look(effects)
        return effects

    def receive(self, sender: int, message: Message) -> Effects:
        """Hear another party."""
        effects = Effects()
        kind = message.kind
        if kind == SIGNED and sender == SEQUENCER:
            self._heard_block(message.body, effects)
        elif kind == SIGNED:
            self._heard_cosignature(sender, message, effects)
        elif kind == "cosigned":
            self._heard_certificate(message.body, effects)
        elif kind == ITEMS:
            self._pool.heard(message)
        elif kind == FETCH:
            self._chain.offer(sender, message.height, effects)
        elif kind == BLOCKS:
            self._caught_up(sender, message, effects)
        self._look(effects)
        return effects

    def _look(self, effects: Effects) -> None:
        """Make the next block if it is time; else see that what is awaited comes."""
        me = self._setting.me
        if me == SEQUENCER and self._pool and self._signed is None and self._may_make:
            self._make(effects)
        awaited = self._signed is not None or self._heard > self._chain.height
        if (awaited or (me != SEQUENCER and self._pool)) and not self._waits:
            self._waits = True
            effects.after("again", self._setting.timeout << min(self._tries, LONGEST))

    # The sequencer.

    def _make(self, effects: Effects) -> None:
        chain = self._chain
        block = make_block(chain.height + 1, chain.tip, SEQUENCER, 0, self._pool.next_items())
        if self._setting.interval:
            self._may_make = False
            effects.after("interval", self._setting.interval)
        self._sign(block, effects)
        message = Message(SIGNED, block.height, 0, block.digest, block, linked_size(block))
        effects.send(ALL, message)
        self._cosigners = {SEQUENCER}
        self._count(effects)

    def _say_again(self, effects: Effects) -> None:
        """Say the block to those who have not cosigned it: it is lost, or their answer is."""
        block = self._signed
        if block is None:
            return
        message = Message(SIGNED, block.height, 0, b"", block, linked_size(block))
        for other in range(self._setting.count):
            if other not in self._cosigners:
                effects.send(other, message)

    def _heard_cosignature(self, sender: int, message: Message, effects: Effects) -> None:
        block = self._signed
        if block is None or self._setting.me != SEQUENCER:
            return
        if block.digest not in (message.block, message.body):
            return
        self._cosigners.add(sender)
        self._count(effects)

    def _count(self, effects: Effects) -> None:
        """Take the block as final, and show the others why, once enough have cosigned it."""
        block, found = self._signed, tuple(sorted(self._cosigners))
        if block is None or not self._is_quorum(found):
            return
        certificate = Certificate(SIGNED, block.height, 0, block.digest, found)
        self._append(block, certificate, effects)
        shown = Message(
            "cosigned", block.height, 0, block.digest, certificate, certificate.size
        )  # fmt: skip
        effects.send(ALL, shown)

    # Those who cosign.

    def _heard_block(self, block: Block, effects: Effects) -> None:
        """Cosign the sequencer's next block, unless this party has cosigned another one."""
        self._heard = max(self._heard, block.height)
        chain, again = self._chain, self._signed is not None
        if block.height == chain.height + 2:
            self._early = block
        if not chain.follows(block) or not self._pool.may_follow(block.items):
            return
        if self._signed is None:
            self._sign(block, effects)
        elif self._signed.digest != block.digest:
            return  # the sequencer has signed two blocks of one height
        # Whoever says it again says it beside the block's own messages.
        cosignature = (
            Message(SIGNED, block.height, 0, b"", block.digest, DIGEST_SIZE)
            if again else Message(SIGNED, block.height, 0, block.digest)
        )  # fmt: skip
        effects.send(SEQUENCER, cosignature)

    def _heard_certificate(self, certificate: Certificate, effects: Effects) -> None:
        block = self._signed
        effects.computes += len(certificate.signers)
        self._heard = max(self._heard, certificate.height)
        if block is not None and self._shows(certificate, block):
            self._append(block, certificate, effects)
        elif certificate.height == self._chain.height + 1:
            self._chain.ask(SEQUENCER, effects)

    # All of them.

    def _sign(self, block: Block, effects: Effects) -> None:
        self._signed = block
        effects.write("signed", block)

    def _append(self, block: Block, certificate: Certificate | None, effects: Effects) -> None:
        self._chain.append(block, certificate, effects)
        self._pool.ordered(block.items)
        self._signed, self._cosigners, self._tries = None, set(), 0
        effects.write("signed", None)
        self._waits = False
        effects.stop("again")
        early, self._early = self._early, None
        if early is not None and early.height == self._chain.height + 1:
            self._heard_block(early, effects)

    def _is_quorum(self, signers: Sequence[int]) -> bool:
        powers = self._setting.powers
        return 3 * sum(powers[one] for one in set(signers)) > 2 * sum(powers)

    def _shows(self, certificate: Certificate, block: Block) -> bool:
        said = certificate.kind, certificate.height, certificate.block
        if said != (SIGNED, block.height, block.digest):
            return False
        return SEQUENCER in certificate.signers and self._is_quorum(certificate.signers)

    def _caught_up(self, sender: int, message: Message, effects: Effects) -> None:
        blocks, shown = message.body
        new = self._chain.continued_by(blocks)
        effects.computes += len(shown.signers) if shown else 0
        if not new or shown is None or not self._shows(shown, new[-1]):
            return
        for block in new:
            self._append(block, shown if block is new[-1] else None, effects)
        if message.height > self._chain.height:
            self._chain.ask(sender, effects)


@dataclass(frozen=True, slots=True)
class SignedLog:
    """The protocol; it satisfies `ConsensusProtocol` and `Needs`."""

    about: str = "no consensus: one sequencer orders, the others cosign"
    version: int = 1
    faults: Literal["none", "crash", "byzantine"] = "byzantine"
    bound: str = "f < n/3 of those who cosign; none while the sequencer is down"
    finality: Literal["immediate", "probabilistic", "economic"] = "immediate"
    views: Literal["lasting", "each height", "none"] = "none"
    once: frozenset[str] = frozenset((SIGNED,))
    source: str = "the engine log; Syta et al., IEEE S&P 2016"
    defaults: Mapping[str, int] = field(default_factory=dict)
    needs: tuple[int, ...] = (SEQUENCER,)

    def tolerated(self, powers: Sequence[int]) -> int:
        """Return how many of the most powerful cosigners leave more than two thirds of power."""
        left = total = sum(powers)
        for count, power in enumerate(sorted(powers[1:], reverse=True)):
            left -= power
            if 3 * left <= 2 * total:
                return count
        return len(powers) - 1

    def machine(self, setting: Setting, stored: Stored) -> Party:
        """Return the sequencer's machine, or another one's."""
        return Party(setting, stored)


SIGNED_LOG = SignedLog()
