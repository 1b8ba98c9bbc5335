"""PBFT by committees drawn by stake: few validators decide, and all others follow.

For each epoch of some heights a committee is drawn by stake without replacement, by a hash of the
seed and the epoch (the committees of Gilad et al., "Algorand: Scaling Byzantine Agreements for
Cryptocurrencies", SOSP 2017, section 5, but public and of a fixed size). Its members run PBFT, as
in `pbft`; the primary of the view that decided a block sends it with its commits to the others.

A committee of m bears fewer than m/3 liars. Where more of all validators lie, a draw captures it
sooner or later: ``collegium committee`` says how probably. Committees and their order are known in
advance, since the seed is public.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from collegium.consensus.chain import BLOCKS, FETCH, Chain, linked_size
from collegium.consensus.lottery import draw_committee
from collegium.consensus.machine import (
    ALL,
    Block,
    Certificate,
    Effects,
    Item,
    Message,
    Setting,
    Stored,
)
from collegium.consensus.pool import ITEMS, Pool
from collegium.consensus.protocols.pbft import Replica, Term, quorum_of

COMMITTEE, EPOCH = 4, 5
"""Members of a committee, and heights that it decides."""

LONGEST = 6
"""How often the time until a follower asks again is doubled at most."""

OF_BLOCKS = ("pre-prepare", "prepare", "commit", "checkpoint")
OF_VIEWS = ("view-change", "new-view")
"""Kinds of PBFT's messages: about a height, or about the height after a validator's last block."""


class Validator:
    """One validator, a replica while it is of the committee; it satisfies `Machine`."""

    def __init__(self, setting: Setting, stored: Stored) -> None:
        self._setting = setting
        self._pool = Pool(setting)
        self._chain = Chain(setting, stored)
        for block in self._chain.blocks:
            self._pool.ordered(block.items)
        self._size = setting.options.get("committee", COMMITTEE)
        self._heights = setting.options.get("epoch", EPOCH)
        self._epoch = self._epoch_of(self._chain.height + 1)
        self._replica = self._join(stored)
        self._early: dict[tuple[int, str, int, int], Message] = {}
        self._tries = 0
        self._waits = False

    def start(self) -> Effects:
        """Go on where the validator was; whoever was away asks how far the others are."""
        if self._replica is not None:
            return self._replica.start()
        effects = Effects()
        if self._chain.height:
            self._chain.ask_again(effects)
        else:
            self._chain.wait(effects)
        return effects

    def propose(self, items: Sequence[Item]) -> Effects:
        """Tell the others of transactions, and so the committee."""
        if self._replica is not None:
            return self._look(self._replica.propose(items))
        effects = Effects()
        self._pool.enter(items, effects)
        self._follow(effects)
        return effects

    def timer(self, name: str) -> Effects:
        """Do as a replica does; a follower asks for blocks, and tells transactions again."""
        if self._replica is not None and name != "behind":
            return self._look(self._replica.timer(name))
        effects = Effects()
        if name == ITEMS:
            self._pool.again(effects)
        elif name == FETCH:
            self._chain.ask_again(effects)
        elif name == "behind":
            self._waits, self._tries = False, self._tries + 1
            if self._replica is None and self._pool:
                self._pool.all_again(effects)
                self._chain.ask(ALL, effects)
            self._follow(effects)
        return effects

    def receive(self, sender: int, message: Message) -> Effects:
        """Hear another validator."""
        kind = message.kind
        if kind in OF_BLOCKS or kind in OF_VIEWS:
            return self._heard_member(sender, message)
        effects = Effects()
        if kind == FETCH:
            self._chain.offer(sender, message.height, effects)
        elif kind in (BLOCKS, "decided"):
            self._caught_up(sender, message, effects)
        elif kind == ITEMS:
            if self._replica is not None:
                return self._look(self._replica.receive(sender, message))
            self._pool.heard(message)
            self._follow(effects)
        return effects

    # Epochs.

    def _epoch_of(self, height: int) -> int:
        return (height - 1) // self._heights

    def _committee(self, epoch: int) -> tuple[int, ...]:
        setting = self._setting
        return draw_committee(setting.powers, self._size, setting.seed, epoch)

    def _join(self, stored: Stored) -> Replica | None:
        """Return this epoch's replica, if this validator is of the committee."""
        self._members = self._committee(self._epoch)
        if self._setting.me not in self._members:
            return None
        base = self._epoch * self._heights
        view = self._chain.blocks[base - 1].view if base else 0
        term = Term(self._members, base, base + self._heights, view, self._pool, self._chain)
        return Replica(self._setting, stored, term)

    def _next_epoch(self, effects: Effects) -> None:
        """Leave the committee, or join it, once its last block is decided."""
        if self._epoch_of(self._chain.height + 1) == self._epoch:
            return
        if self._replica is not None:
            self._replica.end(effects)
        self._epoch += 1
        self._replica = self._join({})
        early, self._early = self._early, {}
        if self._replica is None:
            self._follow(effects)
            return
        self._replica.go_on(effects)
        for (sender, *_), message in early.items():
            effects.include(self._heard_member(sender, message))

    # Members.

    def _heard_member(self, sender: int, message: Message) -> Effects:
        of_block = message.kind in OF_BLOCKS
        epoch = self._epoch_of(message.height if of_block else message.height + 1)
        effects = Effects()
        if epoch == self._epoch:
            if self._replica is None or sender not in self._members:
                return effects
            return self._look(self._replica.receive(sender, message))
        if epoch > self._epoch:
            if epoch == self._epoch + 1:
                self._early[sender, message.kind, message.view, message.height] = message
            if not of_block or message.height > self._chain.height + 2:
                self._chain.ask(sender, effects)
        elif not of_block:
            self._chain.offer(sender, message.height, effects)
        return effects

    def _look(self, effects: Effects) -> Effects:
        """Send what was decided to the followers, as the primary of its view; end the epoch."""
        if not effects.decides:
            return effects
        block, shown, members = effects.decides[-1], self._chain.certificate, self._members
        if shown is not None and members[shown.view % len(members)] == self._setting.me:
            size = shown.size + sum(linked_size(one) for one in effects.decides)
            body = tuple(effects.decides), shown
            message = Message("decided", block.height, shown.view, block.digest, body, size)
            for other in range(self._setting.count):
                if other not in members:
                    effects.send(other, message)
        self._next_epoch(effects)
        return effects

    # Followers.

    def _follow(self, effects: Effects) -> None:
        """See that what waits here is ordered: a block may be lost, or this validator behind."""
        if self._pool and not self._waits:
            self._waits = True
            timeout = self._setting.timeout << min(self._tries, LONGEST)
            effects.after("behind", self._setting.interval + timeout)

    def _caught_up(self, sender: int, message: Message, effects: Effects) -> None:
        blocks, shown = message.body
        new = self._chain.continued_by(blocks)
        effects.computes += len(shown.signers) if shown else 0
        if not new:
            if blocks and blocks[0].height > self._chain.height + 1:
                self._chain.ask(sender, effects)
            return
        if not self._decides(shown, new[-1]):
            return
        for block in new:
            if not self._chain.follows(block):
                continue  # what was early has decided it
            of_last = shown if block is new[-1] else None
            if self._replica is not None:
                self._replica.take((block,), of_last, effects)
            else:
                self._chain.append(block, of_last, effects)
                self._pool.ordered(block.items)
            self._next_epoch(effects)
        self._tries = 0
        if message.height > self._chain.height:
            self._chain.ask(ALL, effects)

    def _decides(self, shown: Certificate | None, block: Block) -> bool:
        """Return whether enough of the committee of a height have committed to its block."""
        if shown is None or (shown.kind, shown.height, shown.block) != (
            "commit", block.height, block.digest,
        ):  # fmt: skip
            return False
        members = self._committee(self._epoch_of(block.height))
        return len({*members}.intersection(shown.signers)) >= quorum_of(len(members))


@dataclass(frozen=True, slots=True)
class PbftPos:
    """The protocol; it satisfies `ConsensusProtocol`."""

    about: str = "PBFT by a committee drawn by stake for each epoch; the others follow"
    version: int = 1
    faults: Literal["none", "crash", "byzantine"] = "byzantine"
    bound: str = "f < m/3 of a committee of m"
    finality: Literal["immediate", "probabilistic", "economic"] = "immediate"
    views: Literal["lasting", "each height", "none"] = "lasting"
    once: frozenset[str] = frozenset(("pre-prepare", "prepare", "commit"))
    source: str = "Castro and Liskov, OSDI 1999; committees of Gilad et al., SOSP 2017"
    defaults: Mapping[str, int] = field(
        default_factory=lambda: {"committee": COMMITTEE, "epoch": EPOCH}
    )

    def tolerated(self, powers: Sequence[int]) -> int:
        """Return how many may be faulty even if all of them are of a committee of `COMMITTEE`."""
        return (min(COMMITTEE, len(powers)) - 1) // 3

    def machine(self, setting: Setting, stored: Stored) -> Validator:
        """Return a validator."""
        return Validator(setting, stored)


PBFT_POS = PbftPos()
