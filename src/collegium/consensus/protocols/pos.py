"""Proof of stake: leaders by lot in slots, and blocks made final by votes on checkpoints.

The chain is as in Ouroboros Praos (David, Gazi, Kiayias and Russell, EUROCRYPT 2018, section 3):
in every slot each validator draws on its own whether it leads, with probability
phi(a) = 1 - (1 - f)^a for a share `a` of the stake (equation 1), so that a slot has no leader, one,
or several; all hold the longest chain. Finality is Casper's (Buterin and Griffith, "Casper the
Friendly Finality Gadget", 2017, arXiv 1710.09437): every `epoch` blocks is a checkpoint; a
validator votes for a link from the last justified checkpoint to a later one; two thirds of the
stake justify it, and a checkpoint is final when its direct child is justified from it. All hold the
chain of the highest justified checkpoint (section 4.1), and of those the longest.

Whoever votes twice for one height, or with one vote around another (section 3, conditions I and
II), is slashable: the two votes are the evidence, which is kept and told to all. The stake of
whoever is named stays in the quorums here; to take it is the contract's part.

The verifiable random function is modelled: a hash of the seed, the slot and the validator, which
everybody can draw, so leaders are known ahead. Slots are counted from the last block, since nobody
has a clock; while nothing waits and all is final, nobody counts them.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Literal

from collegium.consensus.chain import MOST, linked_size
from collegium.consensus.machine import (
    ALL,
    GENESIS,
    HEADER_SIZE,
    SIGNATURE_SIZE,
    Block,
    Certificate,
    Effects,
    Item,
    Message,
    Setting,
    Signed,
    Stored,
    make_block,
)
from collegium.consensus.pool import ITEMS, Pool
from collegium.consensus.tree import BLOCKS, FETCH, Standing, Tree

SLOT = 1_000_000
"""Microseconds of a slot where the setting has no interval: Cardano's."""

PROOF_SIZE = 80
"""Bytes of a proof that a validator leads: of ECVRF (RFC 9381) on Curve25519."""

AGAIN = 4
"""After how many epochs of empty slots a vote is told again."""

DELEGATES = "delegates "
"""How the option begins that gives a validator's stake to another one; its number follows."""


class Validator:
    """One validator; it satisfies `Machine`."""

    def __init__(self, setting: Setting, stored: Stored) -> None:
        self._setting, self._slot = setting, setting.interval or SLOT
        self._epoch = setting.options["epoch"]
        self._active = setting.options["active"]
        self._stakes = stakes_of(setting.powers, setting.options)
        whole = sum(self._stakes)
        self._chances: list[float] = [
            1 - (1 - self._active / 1000) ** (one / whole) for one in self._stakes
        ]
        self._pool = Pool(replace(setting, timeout=max(setting.timeout, self._slot)))
        self._tree = Tree(setting, stored, 8 * max(self._mean, setting.timeout))
        for block in self._tree.chain:
            self._pool.ordered(block.items)
        self._proposed: int = stored.get("proposed", 0)
        self._leads: tuple[int, int] = 0, 0  # from which slot on, the next one that it leads
        self._waits_on: bytes | None = None
        # Justified checkpoints, and what justified each: the links of a supermajority.
        self._justified: dict[bytes, int] = {GENESIS: 0}
        self._links: list[Certificate] = list(stored.get("links", ()))
        self._justified.update((one.block, one.height) for one in self._links)
        self._last_justified = max(self._justified.items(), key=lambda one: one[1])
        self._voted: Message | None = stored.get("voted")
        self._votes: dict[tuple[int, int, bytes], set[int]] = {}
        self._ripe: set[tuple[int, int, bytes]] = set()  # those that two thirds have said
        self._said: dict[int, list[Message]] = {}  # by voter, in the order of their heights
        self._evidence: dict[int, tuple[Message, Message]] = {
            who: stored[f"evidence {who}"]
            for who in range(setting.count) if f"evidence {who}" in stored
        }  # fmt: skip
        self._tells_votes = False

    def start(self) -> Effects:
        """Go on where the validator was; whoever was away asks for what the others have."""
        effects = Effects()
        if self._tree.chain:
            self._tree.ask_again(self._standing, effects)
        else:
            self._tree.wait(effects)
        self._go_on(effects)
        return effects

    def propose(self, items: Sequence[Item]) -> Effects:
        """Tell the others of transactions, and wait for a slot."""
        effects = Effects()
        self._pool.enter(items, effects)
        self._go_on(effects)
        return effects

    def timer(self, name: str) -> Effects:
        """Lead a slot, tell transactions or a vote again, or ask for blocks."""
        effects = Effects()
        if name == "slot":
            self._lead(effects)
        elif name == "vote":
            self._tells_votes = False
            self._vote_again(effects)
        elif name == ITEMS:
            self._pool.again(effects)
        elif name == FETCH:
            self._tree.ask_again(self._standing, effects)
        return effects

    def receive(self, sender: int, message: Message) -> Effects:
        """Hear another validator."""
        effects = Effects()
        kind = message.kind
        if kind == "block":
            self._announced(sender, message.body, effects)
        elif kind == "vote":
            self._heard_vote(sender, message, effects)
            self._adopt(effects)
        elif kind == "again":
            self._heard_again(sender, message, effects)
        elif kind == ITEMS:
            if self._pool.heard(message):
                self._go_on(effects)
        elif kind == FETCH:
            self._offer(sender, message, effects)
        elif kind == BLOCKS:
            self._caught_up(sender, message, effects)
        elif kind == "evidence":
            first, second = message.body
            effects.computes += 2
            if first.signer == second.signer:
                self._conflict(first.signer, first.message, second.message, effects, tell=False)
        return effects

    @property
    def slashable(self) -> Mapping[int, tuple[Message, Message]]:
        """By validator, two votes that nobody may cast both."""
        return self._evidence

    @property
    def _mean(self) -> int:
        """Microseconds between blocks, on average."""
        return self._slot * 1000 // self._active

    @property
    def _standing(self) -> Standing:
        return self._last_justified[1], len(self._tree.chain)

    # Slots.

    def _go_on(self, effects: Effects) -> None:
        """Wait for a slot to lead while something waits, for a block or to be final."""
        tip = self._tree.tip
        if not self._pool and not self._tree.unsettled:
            self._waits_on, self._tells_votes = None, False
            effects.stop("slot")
            effects.stop("vote")
            return
        if self._waits_on != tip and self._stakes[self._setting.me]:
            self._waits_on = tip
            since = max(self._slot_of(tip), self._proposed)
            effects.after("slot", (self._next_led(since) - since) * self._slot)
        if not self._tells_votes:
            self._tells_votes = True
            effects.after("vote", AGAIN * self._epoch * self._mean)

    def _wins(self, validator: int, slot: int) -> bool:
        """Return whether a validator leads a slot."""
        drawn = sha256(b"%d %d %d" % (self._setting.seed, slot, validator)).digest()
        return int.from_bytes(drawn[:6]) < self._chances[validator] * (1 << 48)

    def _next_led(self, since: int) -> int:
        """Return the first slot after another one that this validator leads."""
        known, slot = self._leads
        if not known <= since < slot:
            slot = since + 1
            while not self._wins(self._setting.me, slot):
                slot += 1
            self._leads = since, slot
        return slot

    def _slot_of(self, digest: bytes) -> int:
        return 0 if digest == GENESIS else self._tree[digest].view

    def _lead(self, effects: Effects) -> None:
        tree, me, self._waits_on = self._tree, self._setting.me, None
        tip, height = tree.tip, len(tree.chain) + 1
        slot = self._next_led(max(self._slot_of(tip), self._proposed))
        self._proposed = slot
        effects.write("proposed", slot)
        block = make_block(height, tip, me, slot, self._pool.next_items())
        size = linked_size(block) + PROOF_SIZE
        effects.send(ALL, Message("block", height, slot, block.digest, block, size))
        self._connect(block, effects)
        self._adopt(effects)

    # The longest chain of the highest justified checkpoint.

    def _announced(self, sender: int, block: Block, effects: Effects) -> None:
        """Take a block, or ask who has it for what is before it."""
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
            effects.computes += 1
            tree.link(one, 1, effects)
            new += tree.children_of(one.digest)

    def _is_sound(self, block: Block) -> bool:
        return (
            block.height == self._tree.height_of(block.parent) + 1
            and block.view > self._slot_of(block.parent)
            and self._wins(block.proposer, block.view)
            and not self._tree.repeats(block)
        )

    def _ancestor(self, digest: bytes, height: int) -> bytes | None:
        """Return the digest of a block's ancestor at a height; None where it is not that high."""
        if not height:
            return GENESIS
        for block in self._tree.back_from(digest):
            if block.height <= height:
                return block.digest if block.height == height else None
            if self._tree.holds(block):
                return self._tree.chain[height - 1].digest
        return None

    def _adopt(self, effects: Effects) -> None:
        """Justify what can be, hold the best chain, and vote for its last checkpoint."""
        self._justify(effects)
        tree = self._tree
        root, height = self._last_justified
        best = tree.tip
        if self._ancestor(best, height) != root:
            best = root
        for block in tree.above(tree.height_of(best)):
            if block.height > tree.height_of(best) and self._ancestor(block.digest, height) == root:
                best = block.digest
        if best != tree.tip:
            tree.hold(best, self._pool, effects)
        self._vote(effects)
        self._finalise(effects)
        self._go_on(effects)

    # Votes on checkpoints.

    def _vote(self, effects: Effects) -> None:
        """Vote for the last checkpoint of the chain: once for each height, never backwards."""
        target = len(self._tree.chain) // self._epoch * self._epoch
        last, me = self._voted, self._setting.me
        _, source = self._last_justified
        if not self._stakes[me] or target <= source:
            return
        if last is not None and (target <= last.height or source < last.view):
            return
        digest = self._tree.chain[target - 1].digest
        self._voted = Message("vote", target, source, digest)
        effects.write("voted", self._voted)
        effects.send(ALL, self._voted)
        self._heard_vote(me, self._voted, effects)
        self._justify(effects)

    def _vote_again(self, effects: Effects) -> None:
        if self._voted is not None:
            body = Signed(self._setting.me, self._voted)
            size = HEADER_SIZE + SIGNATURE_SIZE
            _, justified = self._last_justified
            said = Message("again", self._voted.height, justified, body=body, size=size)
            effects.send(ALL, said)
        self._go_on(effects)

    def _heard_vote(self, voter: int, vote: Message, effects: Effects) -> None:
        """Count a vote, and compare it with the voter's others."""
        place = vote.height, vote.view, vote.block
        voters = self._votes.setdefault(place, set())
        if voter in voters:
            return
        voters.add(voter)
        if self._has_two_thirds(voters):
            self._ripe.add(place)
        said = self._said.setdefault(voter, [])
        for other in reversed(said):
            if other.height <= vote.view:
                break  # neither it nor any before it can be in conflict
            self._conflict(voter, other, vote, effects)
        insort(said, vote, key=lambda one: one.height)

    def _heard_again(self, sender: int, message: Message, effects: Effects) -> None:
        """Count a vote, and show its voter what has been justified that it does not know of."""
        shown: Signed = message.body
        if shown.signer == sender:
            self._heard_vote(sender, shown.message, effects)
            self._adopt(effects)
        links = tuple(one for one in self._links if one.height > message.view)[:MOST]
        if links:
            size = sum(one.size for one in links)
            said = Message(BLOCKS, len(self._tree.chain), body=((), links), size=size)
            effects.send(sender, said)

    def _conflict(
        self, who: int, first: Message, second: Message, effects: Effects, *, tell: bool = True
    ) -> None:
        """Keep two votes of one validator as evidence if no honest one casts both."""
        if who in self._evidence or not are_slashable(first, second):
            return
        self._evidence[who] = first, second
        effects.write(f"evidence {who}", (first, second))
        if tell:
            body = Signed(who, first), Signed(who, second)
            size = 2 * (HEADER_SIZE + SIGNATURE_SIZE)
            effects.send(ALL, Message("evidence", body=body, size=size))

    def _has_two_thirds(self, voters: set[int]) -> bool:
        return 3 * sum(self._stakes[one] for one in voters) >= 2 * sum(self._stakes)

    def _justify(self, effects: Effects) -> None:
        """Justify targets of two thirds of the stake whose source is justified."""
        for place in sorted(self._ripe):
            target, source, digest = place
            if digest in self._justified:
                continue
            if target % self._epoch or source >= target or self._tree.height_of(digest) != target:
                continue
            if self._ancestor(digest, source) not in self._justified:
                continue
            link = Certificate("vote", target, source, digest, tuple(sorted(self._votes[place])))
            self._links.append(link)
            self._justified[digest] = target
            self._last_justified = max(
                self._last_justified, (digest, target), key=lambda one: one[1]
            )
            effects.write("links", tuple(self._links))

    def _finalise(self, effects: Effects) -> None:
        """Take a justified checkpoint as final when its direct child is justified from it."""
        for link in reversed(self._links):
            if link.view <= self._tree.decided:
                break
            if (
                link.height == link.view + self._epoch
                and self._ancestor(self._tree.tip, link.height) == link.block
            ):
                self._tree.decide(link.view, effects)
                self._votes = {at: who for at, who in self._votes.items() if at[0] > link.view}
                self._ripe = {at for at in self._ripe if at in self._votes}
                break

    # Those who are behind.

    def _offer(self, whom: int, asked: Message, effects: Effects) -> None:
        since = asked.body[0][0]
        shown = [one for one in self._links if since < one.height <= asked.height + MOST]
        self._tree.offer(whom, asked, self._standing, effects, shown)

    def _caught_up(self, sender: int, message: Message, effects: Effects) -> None:
        blocks, shown = message.body
        for block in blocks:
            self._connect(block, effects)
        for link in shown:
            effects.computes += len(link.signers)
            for voter in link.signers:
                vote = Message("vote", link.height, link.view, link.block)
                self._heard_vote(voter, vote, effects)
        self._adopt(effects)
        self._tree.ask_on(sender, message, self._standing, effects)


def are_slashable(first: Message, second: Message) -> bool:
    """Return whether two votes break condition I or II: one height twice, or one around another."""
    low, high = sorted((first, second), key=lambda one: one.height)
    if first.kind != "vote" or second.kind != "vote" or first == second:
        return False
    return low.height == high.height or high.view < low.view


def stakes_of(powers: Sequence[int], options: Mapping[str, int]) -> tuple[int, ...]:
    """Return the stake that each validator votes and leads with: its own, and what is delegated.

    Whoever delegates has none left; what is delegated to it stays with it, so that a chain of
    delegates passes on each one's own stake alone.
    """
    found = [0] * len(powers)
    for who, power in enumerate(powers):
        found[options.get(f"{DELEGATES}{who}", who)] += power
    return tuple(found)


@dataclass(frozen=True, slots=True)
class ProofOfStake:
    """The protocol; it satisfies `ConsensusProtocol`."""

    about: str = "leaders by lot and stake, two thirds of the stake make checkpoints final"
    version: int = 1
    faults: Literal["none", "crash", "byzantine"] = "byzantine"
    bound: str = "less than a third of the stake"
    finality: Literal["immediate", "probabilistic", "economic"] = "economic"
    views: Literal["lasting", "each height", "none"] = "none"
    once: frozenset[str] = frozenset({"block", "vote"})
    source: str = "David et al., EUROCRYPT 2018; Buterin and Griffith 2017"
    defaults: Mapping[str, int] = field(default_factory=lambda: {"active": 250, "epoch": 4})
    delegation: str = DELEGATES

    def tolerated(self, powers: Sequence[int]) -> int:
        """Return how many have less than a third of the stake, the most powerful ones."""
        found, together = 0, 0
        for power in sorted(powers, reverse=True):
            together += power
            if 3 * together >= sum(powers):
                break
            found += 1
        return found

    def machine(self, setting: Setting, stored: Stored) -> Validator:
        """Return a validator."""
        return Validator(setting, stored)


POS = ProofOfStake()
