"""Tendermint: rounds of propose, prevote and precommit, weighted by voting power.

Buchman, Kwon and Milosevic, "The latest gossip on BFT consensus", arXiv:1807.04938, algorithm 1;
numbers of lines below are its own. A quorum is more than 2/3 of the power. Proposers take turns by
power, as in CometBFT's "Proposer Selection Procedure". As there (``create_empty_blocks = false``) a
height begins when something waits.

The paper takes it that whatever a correct process has heard, all will hear (section 2.1). Here
whoever is held up says its votes and its valid value again, ever less often; who is known to be in
a later round counts as having voted in lines 34 and 47, which set timers; a proposal that was made
before comes with the prevotes that line 28 asks for; and whoever is behind gets the decided blocks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from collegium.consensus.chain import BLOCKS, FETCH, Chain, linked_size
from collegium.consensus.machine import (
    ALL,
    HEADER_SIZE,
    SIGNATURE_SIZE,
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
from collegium.consensus.votes import Tally, Turns, Votes

PROPOSE, PREVOTE, PRECOMMIT = range(3)
NIL = b""
"""What a vote for no block names: so it counts as overhead."""

LONGEST = 6
"""How often the time between saying the same again is doubled at most."""

TIMEOUTS = ("propose", "prevote", "precommit", "again")
"""The timers of a round."""


class Valid(msgspec.Struct, frozen=True):
    """A block that a quorum has prevoted for, and in which round: ``validValue``."""

    block: Block
    prevotes: Certificate

    @property
    def size(self) -> int:
        """Bytes on the wire."""
        return linked_size(self.block) + self.prevotes.size


class Proposal(msgspec.Struct, frozen=True):
    """What a proposer says: a block, and the prevotes of ``validRound`` if it is not new."""

    block: Block
    prevotes: Certificate | None = None


class Again(msgspec.Struct, frozen=True):
    """What somebody has said before: its votes, and its valid value."""

    votes: tuple[Message, ...]
    valid: Valid | None


class Process:
    """One process; it satisfies `Machine`."""

    def __init__(self, setting: Setting, stored: Stored) -> None:
        self._setting = setting
        self._pool = Pool(setting)
        self._chain = Chain(setting, stored)
        for block in self._chain.blocks:
            self._pool.ordered(block.items)
        self._total = sum(setting.powers)
        self._turns = Turns(setting.powers)
        self._round: int = stored.get("round", -1)  # -1: the height has not begun here
        self._locked: Block | None = stored.get("locked")
        self._locked_round: int = stored.get("locked round", -1)
        self._valid: Valid | None = stored.get("valid")
        self._said: tuple[Message, ...] = stored.get("votes", ())
        self._early: dict[tuple[int, str, int], Message] = {}
        self._rests = False
        self._asked = 0
        self._step = PROPOSE
        self._clear()
        for one in self._said:
            self._count(setting.me, one)
            if one.view == self._round:
                self._step = max(self._step, PREVOTE if one.kind == "prevote" else PRECOMMIT)
        if self._locked is not None:
            self._blocks[self._locked.digest] = self._locked
        if self._valid is not None:
            self._blocks[self._valid.block.digest] = self._valid.block

    def _clear(self) -> None:
        """Forget what was heard of a height."""
        self._step = PROPOSE
        self._proposals: dict[int, Message] = {}
        self._blocks: dict[bytes, Block] = {}
        self._tallies: dict[tuple[str, int], Tally] = {}
        self._latest: dict[int, int] = {}
        self._precommitted: list[tuple[int, bytes]] = []
        self._waits: set[str] = set()
        self._repeats = 0

    def start(self) -> Effects:
        """Go on where the process was; whoever was away asks how far the others are."""
        effects = Effects()
        if self._chain.height or self._round >= 0:
            self._chain.ask_again(effects)
        else:
            self._chain.wait(effects)
        if self._round >= 0:
            effects.after("propose", self._timeout(self._round))
            self._say_again(effects)
        return effects

    def propose(self, items: Sequence[Item]) -> Effects:
        """Tell the others of transactions, and begin the height."""
        effects = Effects()
        self._pool.enter(items, effects)
        self._go_on(effects)
        return effects

    def timer(self, name: str) -> Effects:
        """Give up a step, say again what may have been lost, or begin the next height."""
        effects = Effects()
        if name == ITEMS:
            self._pool.again(effects)
        elif name == FETCH:
            self._chain.ask_again(effects)
        elif name == "interval":
            self._rests = False
            self._go_on(effects)
            self._apply(effects)
        elif name == "again":
            self._pool.all_again(effects)
            self._say_again(effects)
        elif name == "propose":
            if self._step == PROPOSE:  # 57
                self._vote("prevote", NIL, effects)
                self._apply(effects)
        elif name == "prevote":
            if self._step == PREVOTE:  # 61
                self._vote("precommit", NIL, effects)
                self._apply(effects)
        elif name == "precommit":  # 65
            self._start_round(self._round + 1, effects)
        return effects

    def receive(self, sender: int, message: Message) -> Effects:
        """Hear another process."""
        effects = Effects()
        kind = message.kind
        if kind in ("prevote", "precommit", "proposal", "again"):
            height = self._chain.height + 1
            if message.height == height:
                self._heard(sender, message, effects)
            elif message.height > height:
                if message.height == height + 1:
                    self._early[sender, kind, message.view] = message
                late = message.height > height + 1 or kind in ("precommit", "again")
                if late and self._asked < height:
                    self._asked = height
                    self._chain.ask(sender, effects)
            elif kind == "again":
                self._chain.offer(sender, message.height - 1, effects)
        elif kind == ITEMS:
            if self._pool.heard(message):
                self._go_on(effects)
        elif kind == FETCH:
            self._chain.offer(sender, message.height, effects)
        elif kind == BLOCKS:
            self._caught_up(message, effects)
        return effects

    def _heard(self, sender: int, message: Message, effects: Effects) -> None:
        """Hear of the present height."""
        if message.kind == "again":
            self._heard_again(sender, message, effects)
        elif message.kind == "proposal":
            self._proposed(sender, message, effects)
        elif self._count(sender, message):
            self._apply(effects)

    # The rounds of a height.

    def _timeout(self, round: int) -> int:
        """Return the time for a proposal: longer each round (section 2.3)."""
        return self._setting.timeout + round * self._setting.timeout // 2

    def _go_on(self, effects: Effects) -> None:
        """Begin the height when something waits; propose if nothing did before."""
        if self._rests or not (self._pool or self._proposals):
            return
        if self._round < 0:
            self._start_round(0, effects)
        elif self._step == PROPOSE and self._round not in self._proposals:
            self._make_proposal(effects)
            self._apply(effects)

    def _start_round(self, round: int, effects: Effects) -> None:
        """Begin a round (11 to 21)."""
        self._round, self._step = round, PROPOSE
        self._repeats = 0
        self._waits.clear()
        effects.write("round", round)
        for name in TIMEOUTS:
            effects.stop(name)
        effects.after("propose", self._timeout(round))
        effects.after("again", self._patience())
        self._make_proposal(effects)
        self._apply(effects)

    def _proposer(self, round: int) -> int:
        """Return the proposer of a round; each height begins one turn after the last one."""
        return self._turns[self._chain.height + round]

    def _make_proposal(self, effects: Effects) -> None:
        height, round, me = self._chain.height + 1, self._round, self._setting.me
        if self._proposer(round) != me:
            return
        if self._valid is not None:  # 16
            body = Proposal(self._valid.block, self._valid.prevotes)
            size = self._valid.size
        elif self._pool:  # 18
            block = make_block(height, self._chain.tip, me, round, self._pool.next_items())
            body, size = Proposal(block), linked_size(block)
        else:
            return
        message = Message("proposal", height, round, body.block.digest, body, size)
        effects.send(ALL, message)
        self._proposals[round] = message
        self._blocks[body.block.digest] = body.block

    def _proposed(self, sender: int, message: Message, effects: Effects) -> None:
        round, body = message.view, message.body
        block: Block = body.block
        if sender != self._proposer(round) or round in self._proposals:
            return
        if block.digest != message.block or not self._chain.follows(block):
            return
        if body.prevotes is None:
            if (block.view, block.proposer) != (round, sender) or not self._is_sound(block):
                return
        else:
            effects.computes += len(body.prevotes.signers)
            if body.prevotes.view >= round or not self._holds(Valid(block, body.prevotes)):
                return
        self._proposals[round] = message
        self._blocks[block.digest] = block
        self._is_in(sender, round)
        self._go_on(effects)
        self._apply(effects)

    def _is_sound(self, block: Block) -> bool:
        """Return whether a new block is valid: it holds something, nothing twice."""
        digests = {one.digest for one in block.items}
        return 0 < len(digests) == len(block.items) and not any(
            self._pool.is_ordered(one) for one in block.items
        )

    def _vote(self, kind: str, block: bytes, effects: Effects) -> None:
        """Vote, once for each kind and round; the vote is written before it leaves."""
        self._step = PREVOTE if kind == "prevote" else PRECOMMIT
        message = Message(kind, self._chain.height + 1, self._round, block)
        self._said += (message,)
        effects.write("votes", self._said)
        effects.send(ALL, message)
        self._count(self._setting.me, message)

    def _count(self, sender: int, message: Message) -> bool:
        """Count a vote; return whether a rule may apply now that did not before."""
        kind, round, block = message.kind, message.view, message.block
        tally = self._tallies.get((kind, round))
        if tally is None:
            tally = self._tallies[kind, round] = Tally()
        new = self._add(sender, tally.by_block.setdefault(block, Votes()))
        if new and kind == "precommit" and block != NIL:
            self._precommitted.append((round, block))
        new = self._add(sender, tally.all) or new
        return self._is_in(sender, round) or new

    def _add(self, voter: int, votes: Votes) -> bool:
        """Add a vote; return whether it makes a quorum."""
        before = votes.power
        added = votes.add(voter, self._setting.powers[voter])
        return added and not self._is_quorum(before) and self._is_quorum(votes.power)

    def _is_quorum(self, power: int) -> bool:
        return 3 * power > 2 * self._total

    def _are_enough(self, votes: Votes) -> bool:
        """Return whether a quorum has voted, or has left the round and will not."""
        power = votes.power
        for who, round in self._latest.items():
            if round > self._round and who not in votes.who:
                power += self._setting.powers[who]
        return self._is_quorum(power)

    def _is_in(self, who: int, round: int) -> bool:
        """Note in which round somebody is; return whether it is later than the own one."""
        if round > self._latest.get(who, -1):
            self._latest[who] = round
        return round > self._round

    def _apply(self, effects: Effects) -> None:
        """Apply the rules, in the order in which one may make the next one apply."""
        if self._rests:
            return
        later = self._later_round() if self._latest else -1
        if later > self._round:
            self._start_round(later, effects)
            return
        if self._round < 0:
            return
        proposal = self._proposals.get(self._round)
        if self._step == PROPOSE and proposal is not None:
            self._vote("prevote", self._opinion(proposal.body), effects)
        prevotes = self._tallies.get(("prevote", self._round))
        if prevotes is not None and self._step >= PREVOTE:
            self._prevoted(proposal, prevotes, effects)
        precommits = self._tallies.get(("precommit", self._round))
        if precommits is not None and self._are_enough(precommits.all):  # 47
            self._wait("precommit", effects)
        for round, digest in self._precommitted:
            block = self._blocks.get(digest)
            if block is not None:  # 49
                self._vote_still(round, digest, effects)
                signers = tuple(sorted(self._tallies["precommit", round].by_block[digest].who))
                shown = Certificate("precommit", block.height, round, digest, signers)
                self._decide(block, shown, effects)
                self._begin(effects)
                return

    def _later_round(self) -> int:
        """Return the latest round that some correct process has begun (55)."""
        if max(self._latest.values()) <= self._round:
            return self._round
        power = 0
        for round, who in sorted(((at, who) for who, at in self._latest.items()), reverse=True):
            power += self._setting.powers[who]
            if round <= self._round or 3 * power >= self._total:
                return round
        return self._round

    def _opinion(self, proposal: Proposal) -> bytes:
        """Return what to prevote for: the proposed block, if no lock is against it."""
        digest = proposal.block.digest
        if self._locked is None or self._locked.digest == digest:
            return digest
        since = -1 if proposal.prevotes is None else proposal.prevotes.view
        return digest if self._locked_round <= since else NIL  # 22, 28

    def _prevoted(self, proposal: Message | None, prevotes: Tally, effects: Effects) -> None:
        round = self._round
        digest = NIL if proposal is None else proposal.block
        votes = prevotes.by_block.get(digest)
        if proposal is not None and votes is not None and self._is_quorum(votes.power):  # 36
            block: Block = proposal.body.block
            shown = Certificate("prevote", block.height, round, digest, tuple(sorted(votes.who)))
            self._take_valid(Valid(block, shown), effects)
            if self._step == PREVOTE:
                self._locked, self._locked_round = block, round
                effects.write("locked", block)
                effects.write("locked round", round)
                self._vote("precommit", digest, effects)
        elif self._step == PREVOTE:
            if self._is_quorum(prevotes.by_block.get(NIL, Votes()).power):  # 44
                self._vote("precommit", NIL, effects)
            elif self._are_enough(prevotes.all):  # 34
                self._wait("prevote", effects)

    def _wait(self, step: str, effects: Effects) -> None:
        if step not in self._waits:
            self._waits.add(step)
            effects.after(step, self._timeout(self._round) // 2)

    def _take_valid(self, valid: Valid, effects: Effects) -> None:
        if self._valid is None or valid.prevotes.view > self._valid.prevotes.view:
            self._valid = valid
            self._blocks[valid.block.digest] = valid.block
            effects.write("valid", valid)

    def _holds(self, valid: Valid) -> bool:
        """Return whether a quorum has prevoted for a block that may come next."""
        shown, block = valid.prevotes, valid.block
        return (
            (shown.kind, shown.height, shown.block) == ("prevote", block.height, block.digest)
            and self._chain.follows(block)
            and self._is_quorum(self._power(shown))
        )  # fmt: skip

    def _power(self, shown: Certificate) -> int:
        return sum(self._setting.powers[who] for who in set(shown.signers))

    # Decisions.

    def _vote_still(self, round: int, digest: bytes, effects: Effects) -> None:
        """Cast the votes of a round that were not needed: others may count on them."""
        if round == self._round:
            if self._step < PREVOTE:
                self._vote("prevote", digest, effects)
            if self._step < PRECOMMIT:
                self._vote("precommit", digest, effects)

    def _decide(self, block: Block, shown: Certificate | None, effects: Effects) -> None:
        """Decide, and forget the height (50 to 54)."""
        self._chain.append(block, shown, effects)
        self._pool.ordered(block.items)
        self._clear()
        self._round, self._locked, self._locked_round, self._valid = -1, None, -1, None
        self._said = ()
        for key in ("round", "locked", "locked round", "valid", "votes"):
            effects.write(key, None)
        for name in TIMEOUTS:
            effects.stop(name)
        if self._setting.interval:
            self._rests = True
            effects.after("interval", self._setting.interval)

    def _begin(self, effects: Effects) -> None:
        """Look at what has come early for the height that is next now."""
        early, self._early = self._early, {}
        height = self._chain.height + 1
        for (sender, _, _), message in early.items():
            if message.height == self._chain.height + 1 == height:
                self._heard(sender, message, effects)
        self._go_on(effects)

    def _caught_up(self, message: Message, effects: Effects) -> None:
        blocks, shown = message.body
        new = self._chain.continued_by(blocks)
        if not new or shown is None:
            return
        effects.computes += len(shown.signers)
        said = shown.kind, shown.height, shown.block
        if said != ("precommit", new[-1].height, new[-1].digest):
            return
        if not self._is_quorum(self._power(shown)):
            return
        if len(new) == 1:
            self._vote_still(shown.view, shown.block, effects)
        for block in new:
            self._decide(block, shown if block is new[-1] else None, effects)
        if message.height > self._chain.height:
            self._chain.ask(ALL, effects)
        self._begin(effects)

    # What may have been lost.

    def _patience(self) -> int:
        return 3 * self._timeout(self._round) << min(self._repeats, LONGEST)

    def _say_again(self, effects: Effects) -> None:
        self._repeat(ALL, self._round, effects)
        effects.after("again", self._patience())
        self._repeats += 1

    def _repeat(self, whom: int, round: int, effects: Effects) -> None:
        """Say again what was voted in a round and in the present one, and the valid value."""
        votes = tuple(one for one in self._said if one.view in (round, self._round))
        size = len(votes) * (HEADER_SIZE + SIGNATURE_SIZE)
        size += 0 if self._valid is None else self._valid.size
        height = self._chain.height + 1
        body = Again(votes, self._valid)
        effects.send(whom, Message("again", height, self._round, body=body, size=size))

    def _heard_again(self, sender: int, message: Message, effects: Effects) -> None:
        body: Again = message.body
        effects.computes += len(body.votes)
        if body.valid is not None:
            effects.computes += len(body.valid.prevotes.signers)
            if self._holds(body.valid):
                self._take_valid(body.valid, effects)
        for one in body.votes:
            if one.kind in ("prevote", "precommit") and one.height == message.height:
                self._count(sender, one)
        self._is_in(sender, message.view)
        if message.view < self._round:
            self._repeat(sender, message.view, effects)
        self._apply(effects)


@dataclass(frozen=True, slots=True)
class Tendermint:
    """The protocol; it satisfies `ConsensusProtocol`."""

    about: str = "rounds of two votes, weighted by power, proposers in turn"
    version: int = 1
    faults: Literal["none", "crash", "byzantine"] = "byzantine"
    bound: str = "f < n/3 of the power"
    finality: Literal["immediate", "probabilistic", "economic"] = "immediate"
    views: Literal["lasting", "each height", "none"] = "each height"
    once: frozenset[str] = frozenset(("proposal", "prevote", "precommit"))
    source: str = "Buchman, Kwon and Milosevic, arXiv:1807.04938"
    defaults: Mapping[str, int] = field(default_factory=dict)

    def tolerated(self, powers: Sequence[int]) -> int:
        """Return how many of the most powerful have less than a third of the power."""
        return quorums(powers).tolerated

    def machine(self, setting: Setting, stored: Stored) -> Process:
        """Return a process."""
        return Process(setting, stored)


TENDERMINT = Tendermint()
