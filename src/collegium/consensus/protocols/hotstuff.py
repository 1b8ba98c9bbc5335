"""HotStuff: votes go to the leader, which shows each phase's quorum certificate to everybody.

Yin, Malkhi, Reiter, Golan Gueta and Abraham, "HotStuff: BFT Consensus with Linearity and
Responsiveness", PODC 2019, algorithms 1 and 2: basic HotStuff. A view decides one block; its leader
is the next in turn. Certificates are lists of signatures, as in the authors' libhotstuff.

Of the pacemaker the paper asks that all come to be in one view for long enough (section 4.4, which
suggests exponential back-off). Here the time for a view doubles with each that was in vain, and a
leader shows whose new-views it goes by, which takes along who was in an earlier view. One of f + 1
leaders in a row is honest, so after as many vain views replicas must have come apart: from then on
new-views go to all, and nobody goes on alone. The new-view after a decision is about its block.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from collegium.consensus.chain import BLOCKS, FETCH, Chain, linked_size
from collegium.consensus.machine import (
    ALL,
    GENESIS,
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

PHASES = ("prepare", "pre-commit", "commit")
NEW_VIEW, DECIDE = "new-view", "decide"

FIRST = Certificate("prepare", 0, -1, GENESIS, ())
"""What vouches for the root of the tree, before view 0."""

LONGEST = 6
"""How often the time for a view is doubled at most."""


class Known(msgspec.Struct, frozen=True):
    """A prepareQC, and the blocks up to its own that its sender has not decided."""

    certificate: Certificate
    branch: tuple[Block, ...] = ()

    @property
    def size(self) -> int:
        """Bytes on the wire."""
        return self.certificate.size + sum(linked_size(one) for one in self.branch)


class Leaf(msgspec.Struct, frozen=True):
    """What a leader says with ``prepare``: a block behind the highest prepareQC.

    Attributes:
        block: it.
        high: what it extends.
        views: a quorum's new-views; None where the prepareQC is of the view before.
    """

    block: Block
    high: Known
    views: Certificate | None

    @property
    def size(self) -> int:
        """Bytes on the wire."""
        shown = 0 if self.views is None else self.views.size
        return linked_size(self.block) + self.high.size + shown


class Replica:
    """One replica; it satisfies `Machine`."""

    def __init__(self, setting: Setting, stored: Stored) -> None:
        self._setting = setting
        self._pool = Pool(setting)
        self._chain = Chain(setting, stored)
        for block in self._chain.blocks:
            self._pool.ordered(block.items)
        self._faulty = (setting.count - 1) // 3
        self._quorum = setting.count - self._faulty
        self._view: int = stored.get("view", 0)
        self._voted: int = stored.get("voted", -1)  # the view of the last vote to prepare
        self._locked: Certificate = stored.get("locked", FIRST)
        known: Known = stored.get("high", Known(FIRST))
        self._high = known.certificate
        self._tree: dict[bytes, Block] = {
            one.digest: one for one in known.branch if one.height > self._chain.height
        }
        # Of the present view.
        self._leaf: Message | None = None
        self._done = 0  # how many phases this replica has voted in
        self._votes: dict[tuple[str, int, bytes], set[int]] = {}
        self._shown: dict[str, Certificate] = {}
        self._new_views: dict[int, dict[int, Message]] = {}
        self._latest: dict[int, int] = {}
        self._told = self._view - 1  # the last view for which a new-view was sent
        self._vain = 0
        self._waits = False
        self._rests = False

    def start(self) -> Effects:
        """Go on where the replica was; whoever was away asks how far the others are."""
        effects = Effects()
        if self._chain.height or self._view or self._voted >= 0:
            self._chain.ask_again(effects)
            self._say_new_view(effects)
        else:
            self._chain.wait(effects)
        self._go_on(effects)
        return effects

    def propose(self, items: Sequence[Item]) -> Effects:
        """Tell the others of transactions, and see that a leader orders them."""
        effects = Effects()
        self._pool.enter(items, effects)
        self._go_on(effects)
        return effects

    def timer(self, name: str) -> Effects:
        """Leave the view, tell transactions again, or make the block that may come now."""
        effects = Effects()
        if name == ITEMS:
            self._pool.again(effects)
        elif name == FETCH:
            self._chain.ask_again(effects)
        elif name == "interval":
            self._rests = False
            self._go_on(effects)
        elif name == "view":
            self._waits = False
            self._next_view(effects)
        return effects

    def receive(self, sender: int, message: Message) -> Effects:
        """Hear another replica."""
        effects = Effects()
        kind = message.kind
        if kind in PHASES and message.body is None:
            self._heard_vote(sender, message, effects)
        elif kind == "prepare":
            self._heard_leaf(sender, message, effects)
        elif kind in PHASES or kind == DECIDE:
            self._heard_certificate(sender, message, effects)
        elif kind == NEW_VIEW:
            self._heard_new_view(sender, message, effects)
        elif kind == ITEMS:
            if self._pool.heard(message):
                self._go_on(effects)
        elif kind == FETCH:
            self._chain.offer(sender, message.height, effects)
        elif kind == BLOCKS:
            self._caught_up(message, effects)
        return effects

    def _leader(self, view: int) -> int:
        return view % self._setting.count

    # The tree of blocks.

    def _path(self, digest: bytes) -> tuple[Block, ...] | None:
        """Return the blocks after the last decided one up to this one; None if they do not link."""
        path: list[Block] = []
        while digest != self._chain.tip:
            block = self._tree.get(digest)
            if block is None:
                return None
            path.append(block)
            digest = block.parent
        return tuple(reversed(path))

    def _grow(self, branch: Sequence[Block]) -> None:
        for one in branch:
            if one.height > self._chain.height:
                self._tree[one.digest] = one

    def _raise_high(self, shown: Certificate, effects: Effects) -> None:
        """Keep the highest prepareQC, with the blocks that it vouches for."""
        if shown.view > self._high.view:
            self._high = shown
            effects.write("high", Known(shown, self._path(shown.block) or ()))

    def _extends(self, digest: bytes, of: Certificate) -> bool:
        """Return whether a block is behind the one of a certificate, or is it."""
        if of.height <= self._chain.height:
            decided = self._chain.blocks[of.height - 1].digest if of.height else GENESIS
            return decided == of.block and self._path(digest) is not None
        return any(one.digest == of.block for one in self._path(digest) or ())

    def _is_safe(self, block: Block, justify: Certificate) -> bool:
        """safeNode: the block extends the locked one, or there is a later prepareQC."""
        return self._extends(block.digest, self._locked) or justify.view > self._locked.view

    def _is_sound(self, block: Block, before: Sequence[Block]) -> bool:
        """Return whether a block orders nothing twice, and something if nothing is left to do."""
        ordered = {one.digest for other in before for one in other.items}
        digests = {one.digest for one in block.items}
        return (
            len(digests) == len(block.items)
            and not digests & ordered
            and not any(self._pool.is_ordered(one) for one in block.items)
            and bool(digests or before)
        )

    def _vouches(self, shown: Certificate, *phases: str) -> bool:
        return shown.kind in phases and len(set(shown.signers)) >= self._quorum

    def _justifies(self, shown: Certificate) -> bool:
        """Return whether a block may be extended: where it is committed, it was prepared before."""
        return shown == FIRST or self._vouches(shown, "prepare", "commit")

    # What a leader does.

    def _go_on(self, effects: Effects) -> None:
        """Make a block as the leader; otherwise see that somebody does."""
        if self._rests:
            return
        undecided = self._high.height > self._chain.height
        if not (self._pool or undecided):
            return
        if not self._waits:
            self._wait(effects)
        me, view = self._setting.me, self._view
        if self._leader(view) != me or self._voted >= view:
            return
        found = self._new_views.get(view, {})
        others = [who for who in found if who != me]
        if view and len(others) + 1 < self._quorum:
            return
        further = sum(_height(found[who]) > self._chain.height for who in others)
        if further > self._faulty:
            return  # it catches up first
        before = self._path(self._high.block)
        if before is None:
            return
        taken = {one.digest for other in before for one in other.items}
        items = [one for one in self._pool.next_items() if one.digest not in taken]
        if not (items or before):
            return
        views = None
        if view and self._high.view != view - 1:
            # Those that came after a decision are about its block; here its prepareQC is unknown.
            plain = tuple(sorted(who for who in others if not found[who].block))
            views = Certificate(NEW_VIEW, 0, view, b"", plain)
        height = self._high.height + 1
        block = make_block(height, self._high.block, me, view, items)
        leaf = Leaf(block, Known(self._high, before), views)
        message = Message("prepare", height, view, block.digest, leaf, leaf.size)
        effects.send(ALL, message)
        self._take_leaf(message, effects)

    def _heard_vote(self, sender: int, message: Message, effects: Effects) -> None:
        if message.view == self._view and self._leader(self._view) == self._setting.me:
            self._count(sender, message.kind, message.block, effects)

    def _count(self, voter: int, phase: str, block: bytes, effects: Effects) -> None:
        """Count a vote; show the certificate of a phase once there is a quorum."""
        votes = self._votes.setdefault((phase, self._view, block), set())
        if voter in votes or self._leaf is None or self._leaf.block != block:
            return
        votes.add(voter)
        if len(votes) != self._quorum:
            return
        height = self._leaf.height
        shown = Certificate(phase, height, self._view, block, tuple(sorted(votes)))
        kind = (*PHASES, DECIDE)[PHASES.index(phase) + 1]
        effects.send(ALL, Message(kind, height, self._view, block, shown, shown.size))
        self._take_certificate(kind, shown, effects)

    # What a replica does.

    def _heard_leaf(self, sender: int, message: Message, effects: Effects) -> None:
        view, leaf = message.view, message.body
        block, justify = leaf.block, leaf.high.certificate
        if sender != self._leader(view) or view < self._view or message.block != block.digest:
            return
        effects.computes += len(justify.signers) + (len(leaf.views.signers) if leaf.views else 0)
        if not self._justifies(justify) or (block.view, block.proposer) != (view, sender):
            return
        if (block.parent, block.height) != (justify.block, justify.height + 1):
            return
        if justify.view >= view or not self._is_due(view, justify, leaf.views):
            return
        self._grow((*leaf.high.branch, block))
        if view > self._view:
            self._enter(view, effects)
        if self._leaf is None:
            self._take_leaf(message, effects)

    def _is_due(self, view: int, justify: Certificate, shown: Certificate | None) -> bool:
        """Return whether a quorum is in a view: has left the one before."""
        if view == 0 or justify.view == view - 1:
            return True
        if shown is None or (shown.kind, shown.view) != (NEW_VIEW, view):
            return False
        return len({*shown.signers, self._leader(view)}) >= self._quorum

    def _take_leaf(self, message: Message, effects: Effects) -> None:
        """Vote to prepare the view's block, if it is safe."""
        leaf: Leaf = message.body
        block, justify = leaf.block, leaf.high.certificate
        self._grow((*leaf.high.branch, block))
        before = self._path(justify.block)
        if before is None:
            if justify.height > self._chain.height:
                self._leaf = message  # it may be voted for once the blocks before are here
                self._chain.ask(self._leader(message.view), effects)
            return
        self._leaf = message
        if self._voted >= self._view or not self._is_sound(block, before):
            return
        if not self._is_safe(block, justify):
            return
        self._raise_high(justify, effects)
        self._voted, self._done = self._view, 1
        effects.write("voted", self._voted)
        self._wait(effects)
        self._vote("prepare", message, effects)
        for kind, shown in list(self._shown.items()):
            self._take_certificate(kind, shown, effects)

    def _vote(self, phase: str, leaf: Message, effects: Effects) -> None:
        leader = self._leader(leaf.view)
        if leader == self._setting.me:
            self._count(leader, phase, leaf.block, effects)
        else:
            effects.send(leader, Message(phase, leaf.height, leaf.view, leaf.block))

    def _heard_certificate(self, sender: int, message: Message, effects: Effects) -> None:
        kind, shown = message.kind, message.body
        phase = PHASES[(*PHASES, DECIDE).index(kind) - 1]
        effects.computes += len(shown.signers)
        said = shown.height, shown.view, shown.block
        if not self._vouches(shown, phase) or (
            said != (message.height, message.view, message.block)
        ):
            return
        if kind == DECIDE:
            self._heard_decision(sender, shown, effects)
        elif sender == self._leader(shown.view) and shown.view == self._view:
            self._take_certificate(kind, shown, effects)

    def _take_certificate(self, kind: str, shown: Certificate, effects: Effects) -> None:
        """Vote in the next phase, one after the other: what has come early waits."""
        if kind == DECIDE:
            self._heard_decision(self._setting.me, shown, effects)
            return
        self._shown[kind] = shown
        leaf = self._leaf
        if leaf is None or leaf.block != shown.block or leaf.view != self._view:
            return
        while 0 < self._done < len(PHASES) and PHASES[self._done] in self._shown:
            phase = PHASES[self._done]
            found = self._shown[phase]
            self._done += 1
            if phase == "pre-commit":
                self._raise_high(found, effects)
            else:
                self._locked = found
                effects.write("locked", found)
            self._vote(phase, leaf, effects)

    # Decisions.

    def _heard_decision(self, sender: int, shown: Certificate, effects: Effects) -> None:
        if shown.height <= self._chain.height:
            return
        path = self._path(shown.block)
        if path is None:
            self._chain.ask(sender, effects)
            return
        leaf = self._leaf
        if shown.view == self._view and leaf is not None and leaf.block == shown.block:
            # Who decides before it was asked for all its votes still gives them.
            for phase in PHASES[self._done :]:
                self._vote(phase, leaf, effects)
        self._decide(path, shown, effects)
        self._after_decision(shown, effects)

    def _decide(self, blocks: Sequence[Block], shown: Certificate | None, effects: Effects) -> None:
        for block in blocks:
            self._chain.append(block, shown if block is blocks[-1] else None, effects)
            self._pool.ordered(block.items)
        height = self._chain.height
        self._tree = {at: one for at, one in self._tree.items() if one.height > height}
        self._vain = 0
        self._waits = False
        effects.stop("view")
        if self._setting.interval:
            self._rests = True
            effects.after("interval", self._setting.interval)

    def _after_decision(self, shown: Certificate, effects: Effects) -> None:
        """Go on to the view after a decision; tell its leader, about the block decided."""
        view = shown.view + 1
        leader = self._leader(view)
        if view > self._view:
            self._enter(view, effects)
        if self._told < view:
            self._told = max(self._told, view)
            known, height = self._known(), self._chain.height
            body = height, known
            message = Message(NEW_VIEW, height, view, shown.block, body, known.size)
            if leader != self._setting.me:
                effects.send(leader, message)
        self._go_on(effects)

    def _known(self) -> Known:
        return Known(self._high, self._path(self._high.block) or ())

    def _caught_up(self, message: Message, effects: Effects) -> None:
        blocks, shown = message.body
        new = self._chain.continued_by(blocks)
        effects.computes += len(shown.signers) if shown else 0
        if not new or shown is None or not self._vouches(shown, "commit"):
            return
        if (shown.height, shown.block) != (new[-1].height, new[-1].digest):
            return
        self._decide(new, shown, effects)
        self._raise_high(shown, effects)
        if message.height > self._chain.height:
            self._chain.ask(ALL, effects)
        if shown.view >= self._view:
            self._enter(shown.view + 1, effects)
            self._say_new_view(effects)
        elif self._leaf is not None and self._done == 0:
            self._take_leaf(self._leaf, effects)
        self._go_on(effects)

    # The pacemaker.

    def _enter(self, view: int, effects: Effects) -> None:
        self._view = view
        effects.write("view", view)
        self._leaf, self._done = None, 0
        self._shown, self._votes = {}, {}
        self._new_views = {at: one for at, one in self._new_views.items() if at >= view}
        self._waits = False
        effects.stop("view")

    def _wait(self, effects: Effects) -> None:
        """Give the view its time; anew once there is a block, however long its quorum took."""
        self._waits = True
        effects.after("view", self._setting.timeout << min(self._vain, LONGEST))

    def _next_view(self, effects: Effects) -> None:
        """Leave a view that was in vain; say again where this replica is if it must not."""
        self._pool.all_again(effects)
        there = 1 + sum(view >= self._view for view in self._latest.values())
        self._vain += 1
        if self._vain <= self._faulty + 1 or there >= self._quorum:
            self._enter(self._view + 1, effects)
        self._say_new_view(effects)
        self._go_on(effects)

    def _say_new_view(self, effects: Effects) -> None:
        """Tell the leader of this view what is prepared; everybody, if views have come apart."""
        view, known = self._view, self._known()
        self._told = max(self._told, view)
        message = Message(NEW_VIEW, 0, view, b"", (self._chain.height, known), known.size)
        leader = self._leader(view)
        if self._vain > self._faulty:
            effects.send(ALL, message)
        elif leader != self._setting.me:
            effects.send(leader, message)

    def _heard_new_view(self, sender: int, message: Message, effects: Effects) -> None:
        view = message.view
        height, known = _height(message), message.body[1]
        alike = len(self._new_views.get(view, {}))
        if height > self._chain.height:
            if not message.block or alike + 2 >= self._quorum:  # else the decision is on its way
                self._chain.ask(sender, effects)
        elif height < self._chain.height:
            self._chain.offer(sender, height, effects)
        self._latest[sender] = max(self._latest.get(sender, -1), view)
        effects.computes += len(known.certificate.signers)
        if not self._justifies(known.certificate):
            return
        self._grow(known.branch)
        if self._path(known.certificate.block) is not None:
            self._raise_high(known.certificate, effects)
        if view >= self._view and self._leader(view) == self._setting.me:
            found = self._new_views.setdefault(view, {})
            found[sender] = message
            if view > self._view and len(found) + 1 >= self._quorum:
                self._enter(view, effects)
                self._told = max(self._told, view)
        # f + 1 others are in later views, so an honest one is.
        later = sorted((at for at in self._latest.values() if at > self._view), reverse=True)
        if len(later) > self._faulty:
            self._enter(later[self._faulty], effects)
            self._say_new_view(effects)
        self._go_on(effects)


def _height(new_view: Message) -> int:
    height: int = new_view.body[0]
    return height


@dataclass(frozen=True, slots=True)
class HotStuff:
    """The protocol; it satisfies `ConsensusProtocol`."""

    about: str = "three phases through the leader, a view for each block"
    version: int = 1
    faults: Literal["none", "crash", "byzantine"] = "byzantine"
    bound: str = "f < n/3"
    finality: Literal["immediate", "probabilistic", "economic"] = "immediate"
    views: Literal["lasting", "each height", "each block", "none"] = "each block"
    once: frozenset[str] = frozenset(PHASES)
    source: str = "Yin, Malkhi, Reiter, Golan Gueta and Abraham, PODC 2019"
    defaults: Mapping[str, int] = field(default_factory=dict)

    def tolerated(self, powers: Sequence[int]) -> int:
        """Return f = floor((n - 1) / 3)."""
        return (len(powers) - 1) // 3

    def machine(self, setting: Setting, stored: Stored) -> Replica:
        """Return a replica."""
        return Replica(setting, stored)


HOTSTUFF = HotStuff()
