"""Proof of stake with votes: a proposer drawn by stake, and two phases of votes by stake.

For each height and attempt a proposer is drawn by its stake. Validators vote once in an attempt;
votes of more than 2/3 of all stake are a lock, and whoever sees one commits; commits of more than
2/3 decide. Locks are those of Dwork, Lynch and Stockmeyer, "Consensus in the Presence of Partial
Synchrony", J. ACM 35(2), 1988, section 3.2.2, with stakes for numbers: whoever is locked votes for
another block only where votes of a later attempt are shown for it.

Whoever waits in vain says ``next``, with its lock, and so do the others; an attempt begins with
``next`` of more than 2/3, so that its proposer knows the locks. Stakes do not change here, and who
proposes is known in advance: the seed is public.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from collegium.consensus.chain import BLOCKS, FETCH, Chain, linked_size
from collegium.consensus.lottery import draw
from collegium.consensus.machine import (
    ALL,
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
from collegium.consensus.quorums import quorums

LONGEST = 6
"""How often the time that a validator waits is doubled at most."""


class Locked(msgspec.Struct, frozen=True):
    """A block, and the votes for it: another one needs votes of a later attempt."""

    block: Block
    votes: Certificate

    @property
    def size(self) -> int:
        """Bytes on the wire."""
        return linked_size(self.block) + self.votes.size


class Proposal(msgspec.Struct, frozen=True):
    """What a proposer says: a block, with the votes of an earlier attempt if it is not new."""

    block: Block
    votes: Certificate | None


class Kept(msgspec.Struct, frozen=True):
    """What a validator must not forget while it is at a height."""

    height: int
    attempt: int = 0
    voted_in: int = -1
    committed_in: int = -1
    lock: Locked | None = None


class Validator:
    """One validator; it satisfies `Machine`."""

    def __init__(self, setting: Setting, stored: Stored) -> None:
        self._setting = setting
        self._pool = Pool(setting)
        self._chain = Chain(setting, stored)
        for block in self._chain.blocks:
            self._pool.ordered(block.items)
        self._total = sum(setting.powers)
        kept: Kept | None = stored.get("kept")
        height = self._chain.height + 1
        self._kept = kept if kept is not None and kept.height == height else Kept(height)
        # Who voted for what, by kind, height, attempt and block; and proposals and blocks.
        self._votes: dict[tuple[str, int, int, bytes], set[int]] = {}
        self._proposals: dict[tuple[int, int], Message] = {}
        self._blocks: dict[bytes, Block] = {}
        if self._kept.lock is not None:
            self._blocks[self._kept.lock.block.digest] = self._kept.lock.block
        self._proposers: dict[tuple[int, int], int] = {}
        self._nexts: dict[int, int] = {}
        self._begun = self._kept.attempt == 0
        self._waits = False
        self._may_propose = True

    def start(self) -> Effects:
        """Go on where the validator was; whoever was away asks how far the others are."""
        effects = Effects()
        if self._chain.height or self._kept.attempt or self._kept.voted_in >= 0:
            self._chain.ask_again(effects)
            if self._kept.attempt:
                self._say_next(effects)
            else:
                self._wait(effects)
        else:
            self._chain.wait(effects)
        return effects

    def propose(self, items: Sequence[Item]) -> Effects:
        """Tell the others of transactions, and see that a proposer orders them."""
        effects = Effects()
        self._pool.enter(items, effects)
        self._go_on(effects)
        return effects

    def timer(self, name: str) -> Effects:
        """Give the attempt up, tell transactions again, or make the block that may come now."""
        effects = Effects()
        if name == ITEMS:
            self._pool.again(effects)
        elif name == FETCH:
            self._chain.ask_again(effects)
        elif name == "interval":
            self._may_propose = True
            self._go_on(effects)
        elif name == "attempt":
            self._waits = False
            self._give_up(effects)
        return effects

    def receive(self, sender: int, message: Message) -> Effects:
        """Hear another validator."""
        effects = Effects()
        kind = message.kind
        if kind in ("vote", "commit"):
            self._voted(sender, message, effects)
        elif kind == "proposal":
            self._proposed(sender, message, effects)
        elif kind == ITEMS:
            if self._pool.heard(message):
                self._go_on(effects)
        elif kind == "next":
            self._heard_next(sender, message, effects)
        elif kind == FETCH:
            self._chain.offer(sender, message.height, effects)
        elif kind == BLOCKS:
            self._caught_up(message, effects)
        return effects

    # An attempt.

    def _proposer(self, height: int, attempt: int) -> int:
        place = height, attempt
        found = self._proposers.get(place)
        if found is None:
            setting = self._setting
            found = self._proposers[place] = draw(setting.powers, setting.seed, *place)
        return found

    def _go_on(self, effects: Effects) -> None:
        """Propose if it is this validator's turn; otherwise see that somebody does."""
        kept, lock, me = self._kept, self._kept.lock, self._setting.me
        if not self._pool and lock is None:
            return
        if not self._waits:
            self._wait(effects)
        height, attempt = kept.height, kept.attempt
        if not self._begun or kept.voted_in >= attempt or not self._may_propose:
            return
        if self._proposer(height, attempt) != me:
            return
        if lock is not None:
            body, size = Proposal(lock.block, lock.votes), lock.size
        else:
            block = make_block(height, self._chain.tip, me, attempt, self._pool.next_items())
            body, size = Proposal(block, None), linked_size(block)
        if self._setting.interval:
            self._may_propose = False
            effects.after("interval", self._setting.interval)
        message = Message("proposal", height, attempt, body.block.digest, body, size)
        effects.send(ALL, message)
        self._proposals[height, attempt] = message
        self._try_vote(effects)

    def _wait(self, effects: Effects) -> None:
        """Wait for the attempt, twice as long as for the one before."""
        self._waits = True
        timeout = self._setting.timeout << min(self._kept.attempt, LONGEST)
        effects.after("attempt", self._setting.interval + timeout)

    def _proposed(self, sender: int, message: Message, effects: Effects) -> None:
        place, block = (message.height, message.view), message.body.block
        if sender != self._proposer(*place) or block.digest != message.block:
            return
        if message.height > self._kept.height:
            self._chain.ask(sender, effects)
        if message.height >= self._kept.height and place not in self._proposals:
            # It may be early: of a height or an attempt that has not begun here.
            self._proposals[place] = message
            self._blocks[block.digest] = block
            self._recount(block, effects)
            self._try_vote(effects)

    def _try_vote(self, effects: Effects) -> None:
        """Vote for the attempt's proposal, if it is there and no lock is against it."""
        kept = self._kept
        message = self._proposals.get((kept.height, kept.attempt))
        if message is None or kept.voted_in >= kept.attempt:
            return
        block, votes = message.body.block, message.body.votes
        if not self._chain.follows(block):
            return
        if votes is not None:
            if votes.view >= kept.attempt or not self._locks(Locked(block, votes), effects):
                return
            self._take_lock(Locked(block, votes), effects)
        elif block.view != kept.attempt or not self._pool.may_follow(block.items):
            return
        lock = self._kept.lock
        if lock is not None and lock.block.digest != block.digest:
            return
        self._blocks[block.digest] = block
        self._keep(effects, voted_in=kept.attempt)
        if not self._waits:
            self._wait(effects)
        effects.send(ALL, Message("vote", kept.height, kept.attempt, block.digest))
        self._count("vote", block, effects)

    def _locks(self, lock: Locked, effects: Effects) -> bool:
        """Return whether votes are shown that lock a block."""
        effects.computes += len(lock.votes.signers)
        return self._shows("vote", lock.votes, lock.block)

    def _shows(self, kind: str, shown: Certificate, block: Block) -> bool:
        said, wanted = (shown.kind, shown.height, shown.block), (kind, block.height, block.digest)
        return said == wanted and self._is_quorum(shown.signers)

    def _is_quorum(self, voters: Sequence[int] | set[int]) -> bool:
        return 3 * self._power(set(voters)) > 2 * self._total

    def _power(self, voters: set[int]) -> int:
        powers = self._setting.powers
        return sum(powers[one] for one in voters)

    def _take_lock(self, lock: Locked, effects: Effects) -> None:
        """Keep the lock of the latest attempt that is known."""
        held = self._kept.lock
        if held is None or lock.votes.view > held.votes.view:
            self._blocks[lock.block.digest] = lock.block
            self._keep(effects, lock=lock)

    def _keep(
        self, effects: Effects, *, attempt: int | None = None, voted_in: int | None = None,
        committed_in: int | None = None, lock: Locked | None = None,
    ) -> None:  # fmt: skip
        kept = self._kept
        self._kept = Kept(
            kept.height,
            kept.attempt if attempt is None else attempt,
            kept.voted_in if voted_in is None else voted_in,
            kept.committed_in if committed_in is None else committed_in,
            kept.lock if lock is None else lock,
        )
        effects.write("kept", self._kept)

    def _voted(self, sender: int, message: Message, effects: Effects) -> None:
        if message.height < self._kept.height:
            return
        place = message.kind, message.height, message.view, message.block
        votes = self._votes.setdefault(place, set())
        votes.add(sender)
        if not self._is_quorum(votes):
            return
        block = self._blocks.get(message.block)
        if block is not None:
            self._advance(message.kind, block, message.view, votes, effects)
        elif message.kind == "commit":
            self._chain.ask(sender, effects)

    def _count(self, kind: str, block: Block, effects: Effects) -> None:
        attempt = self._kept.attempt
        votes = self._votes.setdefault((kind, block.height, attempt, block.digest), set())
        votes.add(self._setting.me)
        if self._is_quorum(votes):
            self._advance(kind, block, attempt, votes, effects)

    def _advance(
        self, kind: str, block: Block, attempt: int, votes: set[int], effects: Effects
    ) -> None:
        """Commit to what is voted for in the present attempt; decide what is committed to."""
        if not self._chain.follows(block):
            return
        shown = Certificate(kind, block.height, attempt, block.digest, tuple(sorted(votes)))
        if kind == "commit":
            self._decide(block, shown, effects)
            return
        self._take_lock(Locked(block, shown), effects)
        # Whoever has left an attempt may have voted for another block since.
        if self._kept.committed_in < attempt == self._kept.attempt:
            self._keep(effects, committed_in=attempt)
            effects.send(ALL, Message("commit", block.height, attempt, block.digest))
            self._count("commit", block, effects)

    def _decide(self, block: Block, shown: Certificate | None, effects: Effects) -> None:
        if not self._chain.follows(block):
            return
        self._chain.append(block, shown, effects)
        self._pool.ordered(block.items)
        height = block.height
        self._kept = Kept(height + 1)
        effects.write("kept", None)
        self._votes = {place: who for place, who in self._votes.items() if place[1] > height}
        self._proposals = {at: one for at, one in self._proposals.items() if at[0] > height}
        self._blocks = {at: one for at, one in self._blocks.items() if one.height > height}
        self._proposers.clear()
        self._nexts, self._begun, self._waits = {}, True, False
        effects.stop("attempt")
        self._try_vote(effects)
        for one in list(self._blocks.values()):
            self._recount(one, effects)
        self._go_on(effects)

    def _recount(self, block: Block, effects: Effects) -> None:
        """Look at votes that came before the block that they are for."""
        for (kind, _, attempt, digest), votes in list(self._votes.items()):
            if digest == block.digest and self._is_quorum(votes):
                self._advance(kind, block, attempt, votes, effects)

    # From one attempt to the next one.

    def _give_up(self, effects: Effects) -> None:
        """Leave an attempt that has begun; else say again that it should, and what waits."""
        self._pool.all_again(effects)
        if self._begun:
            self._leave(self._kept.attempt + 1, effects)
        else:
            self._say_next(effects)

    def _leave(self, attempt: int, effects: Effects) -> None:
        self._begun = False
        self._keep(effects, attempt=attempt)
        self._say_next(effects)
        self._try_begin(effects)

    def _say_next(self, effects: Effects) -> None:
        kept = self._kept
        size = 0 if kept.lock is None else kept.lock.size
        effects.send(ALL, Message("next", kept.height, kept.attempt, body=kept.lock, size=size))
        self._nexts[self._setting.me] = kept.attempt
        self._wait(effects)

    def _heard_next(self, sender: int, message: Message, effects: Effects) -> None:
        if message.height > self._kept.height:
            self._chain.ask(sender, effects)
        if message.height < self._kept.height:
            self._chain.offer(sender, message.height - 1, effects)
        if message.height != self._kept.height:
            return
        lock, held = message.body, self._kept.lock
        if lock is not None and (held is None or lock.votes.view > held.votes.view):
            if not self._chain.follows(lock.block) or not self._locks(lock, effects):
                return
            self._take_lock(lock, effects)
        self._nexts[sender] = max(message.view, self._nexts.get(sender, 0))
        # More than a third is past this attempt, so an honest one is: do not wait for the timer.
        past, power = sorted(self._nexts.items(), key=lambda one: -one[1]), 0
        for who, attempt in past:
            power += self._setting.powers[who]
            if attempt <= self._kept.attempt:
                break
            if 3 * power > self._total:
                self._leave(attempt, effects)
                break
        self._try_begin(effects)

    def _try_begin(self, effects: Effects) -> None:
        """Begin the attempt once more than 2/3 want it."""
        attempt = self._kept.attempt
        if not self._begun and self._is_quorum(
            {who for who, wanted in self._nexts.items() if wanted >= attempt}
        ):
            self._begun = True
            self._wait(effects)
            self._go_on(effects)
        self._try_vote(effects)

    def _caught_up(self, message: Message, effects: Effects) -> None:
        blocks, shown = message.body
        new = self._chain.continued_by(blocks)
        effects.computes += len(shown.signers) if shown else 0
        if not new or shown is None or not self._shows("commit", shown, new[-1]):
            return
        for block in new:
            self._decide(block, shown if block is new[-1] else None, effects)
        if message.height > self._chain.height:
            self._chain.ask(ALL, effects)


@dataclass(frozen=True, slots=True)
class PosVote:
    """The protocol; it satisfies `ConsensusProtocol`."""

    about: str = "a proposer drawn by stake, two phases of votes by stake, locks"
    version: int = 1
    faults: Literal["none", "crash", "byzantine"] = "byzantine"
    bound: str = "less than 1/3 of the stake"
    finality: Literal["immediate", "probabilistic", "economic"] = "immediate"
    views: Literal["lasting", "each height", "none"] = "each height"
    once: frozenset[str] = frozenset(("proposal", "vote", "commit"))
    source: str = "Dwork, Lynch and Stockmeyer, J. ACM 1988, with stakes"
    defaults: Mapping[str, int] = field(default_factory=dict)

    def tolerated(self, powers: Sequence[int]) -> int:
        """Return how many of the most powerful have less than a third of the stake together."""
        return quorums(powers).tolerated

    def machine(self, setting: Setting, stored: Stored) -> Validator:
        """Return a validator."""
        return Validator(setting, stored)


POS_VOTE = PosVote()
