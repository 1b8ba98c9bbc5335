"""PBFT: practical Byzantine fault tolerance, with view changes and checkpoints.

Castro and Liskov, "Practical Byzantine Fault Tolerance", OSDI 1999, sections 4.1 to 4.4; the names
of messages are theirs. Blocks take the place of requests, one height after the other (a window of
one), so that a view change carries over at most one block. A quorum is as many as make two of them
meet in an honest one, with f = floor((n - 1) / 3).

A replica that is behind asks for blocks (the state transfer of section 5.3.2, as blocks): they are
linked, and the last one comes with the commits of a quorum. Every `CHECKPOINT` heights replicas
sign where they stand, and drop the commits of what is below.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import msgspec

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
    Signed,
    Stored,
    make_block,
)
from collegium.consensus.pool import ITEMS, Pool

CHECKPOINT = 64
"""Heights between checkpoints."""

LONGEST = 6
"""How often the time that a replica waits is doubled at most."""


OF_A_TERM = (
    "view", "active", "accepted", "accepted in", "prepared", "committed in", "floor", "carried",
)  # fmt: skip
"""What is written beside blocks."""


class Prepared(msgspec.Struct, frozen=True):
    """A block that a quorum has prepared in a view."""

    block: Block
    certificate: Certificate

    @property
    def size(self) -> int:
        """Bytes on the wire."""
        return linked_size(self.block) + self.certificate.size


class ViewChange(msgspec.Struct, frozen=True):
    """What a replica says with ``view-change``: its last block, and what it has prepared after."""

    tip: bytes
    decided: Certificate | None
    prepared: Prepared | None


class NewView(msgspec.Struct, frozen=True):
    """What the primary of a new view says: whose word it goes by, and the block that follows."""

    changes: tuple[Signed, ...]
    block: Block | None


@dataclass(frozen=True, slots=True)
class Term:
    """Heights that some validators alone decide; with what their replicas share with others.

    Attributes:
        members: who they are; the primary of a view is found by their order.
        base, last: the height before the first one, and the last one.
        view: where the views begin.
        pool, chain: what waits, and what is decided, these heights and those before.
    """

    members: tuple[int, ...]
    base: int
    last: int
    view: int
    pool: Pool
    chain: Chain


Leads = Callable[[int, int], int]
"""Who is primary at a height and view."""


class Replica:
    """One replica; it satisfies `Machine`."""

    def __init__(
        self, setting: Setting, stored: Stored, term: Term | None = None, leads: Leads | None = None
    ) -> None:
        """Make a replica from what it has written.

        Args:
            setting: of the validator.
            stored: what it has written.
            term: which heights whose replicas decide; all of everybody's if not given.
            leads: who is primary at a height and view, the same for all replicas that have decided
                all below; the term's members by turns if not given, as in section 4.1.
        """
        self._setting, self._leads = setting, leads
        if term is None:
            everybody = tuple(range(setting.count))
            term = Term(everybody, 0, 1 << 62, 0, Pool(setting), Chain(setting, stored))
            for block in term.chain.blocks:
                term.pool.ordered(block.items)
        self._term, self._pool, self._chain = term, term.pool, term.chain
        self._members = frozenset(term.members)
        self._quorum = quorum_of(len(term.members))
        self._view: int = stored.get("view", term.view)
        self._active: bool = stored.get("active", True)
        self._accepted: Block | None = _still(stored.get("accepted"), self._chain)
        self._accepted_in: int = stored.get("accepted in", -1)
        self._prepared: Prepared | None = stored.get("prepared")
        if self._prepared is not None and not self._chain.follows(self._prepared.block):
            self._prepared = None
        self._committed_in: int = stored.get("committed in", -1)
        # Of the present view: the height that its primary had, and the block that must come next.
        self._floor: int = stored.get("floor", 0)
        self._carried: Block | None = stored.get("carried")
        self._stable = 0
        # Votes by kind, height, view and block.
        self._votes: dict[tuple[str, int, int, bytes], set[int]] = {}
        self._stands: dict[tuple[int, bytes], set[int]] = {}
        self._proposals: dict[tuple[int, int], Block] = {}
        self._blocks: dict[bytes, Block] = {}
        self._changes: dict[int, dict[int, Message]] = {}
        self._opening: Message | None = None
        self._suspicions = 0
        self._waits = False
        self._may_propose = True

    def start(self) -> Effects:
        """Go on where the replica was; whoever was away asks how far the others are."""
        effects = Effects()
        if self._chain.height or self._view or self._accepted is not None:
            self._chain.ask_again(effects)
        else:
            self._chain.wait(effects)
        self.go_on(effects)
        return effects

    def go_on(self, effects: Effects) -> None:
        """Go on with the view, if the replica was at something."""
        if not self._active:
            self._say_change(effects)
        elif self._accepted is not None:
            self._wait(effects)
        self._go_on(effects)

    def end(self, effects: Effects) -> None:
        """Forget the views: the term is over."""
        for key in OF_A_TERM:
            effects.write(key, None)
        for timer in ("suspect", "interval"):
            effects.stop(timer)

    def propose(self, items: Sequence[Item]) -> Effects:
        """Tell the others of transactions, and see that the primary orders them."""
        effects = Effects()
        self._pool.enter(items, effects)
        self._go_on(effects)
        return effects

    def timer(self, name: str) -> Effects:
        """Suspect the primary, tell transactions again, or make the block that may come now."""
        effects = Effects()
        if name == ITEMS:
            self._pool.again(effects)
        elif name == FETCH:
            self._chain.ask_again(effects)
        elif name == "interval":
            self._may_propose = True
            self._go_on(effects)
        elif name == "suspect":
            self._waits = False
            self._suspect(effects)
        return effects

    def receive(self, sender: int, message: Message) -> Effects:
        """Hear another replica."""
        effects = Effects()
        kind = message.kind
        if kind in ("prepare", "commit"):
            self._voted(sender, message, effects)
        elif kind == "pre-prepare":
            self._pre_prepared(sender, message, effects)
        elif kind == ITEMS:
            if self._pool.heard(message):
                self._go_on(effects)
        elif kind == "view-change":
            self._heard_change(sender, message, effects)
        elif kind == "new-view":
            self._heard_new_view(sender, message, effects)
        elif kind == FETCH:
            self._chain.offer(sender, message.height, effects)
        elif kind == BLOCKS:
            self._caught_up(message, effects)
        elif kind == "checkpoint":
            self._stand(sender, message.height, message.body, effects)
        return effects

    # The normal case.

    def _primary(self, height: int, view: int) -> int:
        if self._leads is not None:
            return self._leads(height, view)
        return self._term.members[view % len(self._members)]

    def _tell(self, message: Message, effects: Effects) -> None:
        if len(self._members) == self._setting.count:
            effects.send(ALL, message)
            return
        for other in self._term.members:
            if other != self._setting.me:
                effects.send(other, message)

    def _is_quorum(self, signers: Iterable[int]) -> bool:
        return len(self._members.intersection(signers)) >= self._quorum

    def _go_on(self, effects: Effects) -> None:
        """Propose if it is this replica's turn; otherwise see that somebody does."""
        if not self._pool and self._accepted is None:
            return
        if not self._waits:
            self._wait(effects)
        me, height = self._setting.me, self._chain.height + 1
        if not self._active or self._primary(height, self._view) != me or not self._may_propose:
            return
        if not self._is_open(height) or not self._pool or self._accepted_in == self._view:
            return
        block = make_block(height, self._chain.tip, me, self._view, self._pool.next_items())
        if self._setting.interval:
            self._may_propose = False
            effects.after("interval", self._setting.interval)
        self._pre_prepare(block, effects)

    def _wait(self, effects: Effects) -> None:
        """Wait for the primary, twice as long each time it was in vain (section 4.5.2).

        It may let an interval pass before it proposes.
        """
        self._waits = True
        timeout = self._setting.timeout << min(self._suspicions, LONGEST)
        effects.after("suspect", self._setting.interval + timeout)

    def _pre_prepare(self, block: Block, effects: Effects) -> None:
        message = Message(
            "pre-prepare", block.height, self._view, block.digest, block, linked_size(block)
        )
        self._tell(message, effects)
        self._accept(block, effects)

    def _pre_prepared(self, sender: int, message: Message, effects: Effects) -> None:
        block = message.body
        if sender != self._primary(message.height, message.view) or block.digest != message.block:
            return
        if message.height > self._chain.height + 1:
            self._chain.ask(sender, effects)
        if message.height > self._chain.height:
            # It may be early: of a view that this replica has not heard to be new yet.
            self._proposals.setdefault((message.height, message.view), block)
            self._blocks[block.digest] = block
            self._recount(block, effects)
            self._try_accept(effects)

    def _try_accept(self, effects: Effects) -> None:
        """Accept the view's proposal for the next height, if it is there."""
        height = self._chain.height + 1
        block = self._proposals.get((height, self._view))
        if block is None or not self._active or not self._chain.follows(block):
            return
        if self._accepted_in == self._view or not self._is_open(height):
            return
        carried = self._carried
        if carried is not None and carried.height == height:
            if block.digest != carried.digest:
                return
        elif block.view != self._view or not self._pool.may_follow(block.items):
            return
        self._accept(block, effects)

    def _is_open(self, height: int) -> bool:
        """Return whether blocks of a height may be accepted in the present view."""
        return self._floor < height <= self._term.last

    def _accept(self, block: Block, effects: Effects) -> None:
        """Vouch for a block of the present view: once for each height and view."""
        self._accepted, self._accepted_in = block, self._view
        effects.write("accepted", block)
        effects.write("accepted in", self._view)
        self._blocks[block.digest] = block
        if not self._waits:
            self._wait(effects)
        me = self._setting.me
        if self._primary(block.height, self._view) != me:
            self._tell(Message("prepare", block.height, self._view, block.digest), effects)
        self._count("prepare", block, me, effects)
        self._count("prepare", block, self._primary(block.height, self._view), effects)

    def _voted(self, sender: int, message: Message, effects: Effects) -> None:
        if message.height <= self._chain.height:
            return
        if message.kind == "prepare" and sender == self._primary(message.height, message.view):
            return  # its word is the pre-prepare
        place = message.kind, message.height, message.view, message.block
        votes = self._votes.setdefault(place, set())
        votes.add(sender)
        if len(votes) < self._quorum - 1:
            return
        block = self._blocks.get(message.block)
        if block is not None:
            self._advance(message.kind, block, message.view, votes, effects)
        elif message.kind == "commit" and len(votes) >= self._quorum:
            self._chain.ask(sender, effects)

    def _count(self, kind: str, block: Block, voter: int, effects: Effects) -> None:
        votes = self._votes.setdefault((kind, block.height, self._view, block.digest), set())
        votes.add(voter)
        self._advance(kind, block, self._view, votes, effects)

    def _advance(
        self, kind: str, block: Block, view: int, votes: set[int], effects: Effects
    ) -> None:
        """Commit to what a quorum has prepared; decide what a quorum has committed to."""
        if len(votes) < self._quorum:
            return
        signers = tuple(sorted(votes))
        if kind == "commit":
            certificate = Certificate("commit", block.height, view, block.digest, signers)
            self._decide(block, certificate, effects)
        elif self._active and self._committed_in < view == self._accepted_in == self._view:
            if self._accepted is None or self._accepted.digest != block.digest:
                return
            # The primary's word among them is its pre-prepare, which says the same.
            primary = self._primary(block.height, view)
            shown = tuple(one for one in signers if one != primary)
            certificate = Certificate("prepare", block.height, view, block.digest, shown)
            self._prepared, self._committed_in = Prepared(block, certificate), view
            effects.write("prepared", self._prepared)
            effects.write("committed in", view)
            self._tell(Message("commit", block.height, view, block.digest), effects)
            self._count("commit", block, self._setting.me, effects)

    def _decide(self, block: Block, certificate: Certificate | None, effects: Effects) -> None:
        if not self._chain.follows(block):
            return
        self._chain.append(block, certificate, effects)
        self._pool.ordered(block.items)
        self._accepted, self._accepted_in, self._committed_in = None, -1, -1
        self._prepared, self._suspicions = None, 0
        for key in ("accepted", "accepted in", "prepared", "committed in"):
            effects.write(key, None)
        height = block.height
        self._votes = {place: who for place, who in self._votes.items() if place[1] > height}
        self._proposals = {at: one for at, one in self._proposals.items() if at[0] > height}
        self._blocks = {at: one for at, one in self._blocks.items() if one.height > height}
        self._waits = False
        effects.stop("suspect")
        if height % CHECKPOINT == 0:
            self._tell(Message("checkpoint", height, 0, b"", block.digest, DIGEST_SIZE), effects)
            self._stand(self._setting.me, height, block.digest, effects)
        self._try_accept(effects)
        for one in list(self._blocks.values()):
            self._recount(one, effects)
        self._go_on(effects)

    def _recount(self, block: Block, effects: Effects) -> None:
        """Look at votes that came before the block that they are for."""
        for (kind, _, view, digest), votes in list(self._votes.items()):
            if digest == block.digest:
                self._advance(kind, block, view, votes, effects)

    # View changes.

    def _suspect(self, effects: Effects) -> None:
        """Leave the view; whoever has left already goes on only when a quorum has come along.

        Otherwise one replica alone would run ahead of all others (section 4.5.2). It says again
        what may have been lost.
        """
        self._pool.all_again(effects)
        came = {who for view, found in self._changes.items() if view >= self._view for who in found}
        if self._active or len(came) >= self._quorum:
            self._change_view(self._view + 1, effects)
        else:
            self._say_change(effects)

    def _change_view(self, view: int, effects: Effects) -> None:
        """Leave a view whose primary does nothing; from now on this replica vouches for nothing."""
        if view <= self._view:
            return
        self._view, self._active = view, False
        self._suspicions += 1
        effects.write("view", view)
        effects.write("active", False)
        self._say_change(effects)
        self._lead(view, effects)

    def _say_change(self, effects: Effects) -> None:
        view, chain, prepared = self._view, self._chain, self._prepared
        body = ViewChange(chain.tip, chain.certificate, prepared)
        size = sum(one.size for one in (chain.certificate, prepared) if one is not None)
        message = Message("view-change", chain.height, view, body=body, size=size)
        self._tell(message, effects)
        self._wait(effects)
        self._changes.setdefault(view, {})[self._setting.me] = message

    def _heard_change(self, sender: int, message: Message, effects: Effects) -> None:
        if message.height > self._chain.height:
            self._chain.ask(sender, effects)
        if message.height < self._chain.height:
            self._chain.offer(sender, message.height, effects)
        if self._active and message.view <= self._view:
            if self._opening is not None and self._opening.view == self._view:
                effects.send(sender, self._opening)
            return
        if message.view < self._view or not self._sound(message):
            return
        self._changes.setdefault(message.view, {})[sender] = message
        # f + 1 others are past this view, so an honest one is: do not wait for the own timer.
        later = {
            who: view for view, found in self._changes.items() if view > self._view for who in found
        }
        faulty = (len(self._members) - 1) // 3
        if len(later) > faulty:
            self._change_view(sorted(later.values(), reverse=True)[faulty], effects)
        self._lead(message.view, effects)

    def _sound(self, message: Message) -> bool:
        """Return whether what a view change says of its sender's height and blocks is shown."""
        change, height = message.body, message.height
        shown, prepared = change.decided, change.prepared
        known = height == self._term.base
        if not known and (shown is None or not self._decides(shown, height, change.tip)):
            return False
        return prepared is None or (
            self._holds(prepared)
            and (prepared.block.height, prepared.block.parent) == (height + 1, change.tip)
        )

    def _decides(self, shown: Certificate, height: int, block: bytes) -> bool:
        return (
            (shown.kind, shown.height, shown.block) == ("commit", height, block)
            and self._is_quorum(shown.signers)
        )  # fmt: skip

    def _holds(self, prepared: Prepared) -> bool:
        block, shown = prepared.block, prepared.certificate
        return (
            shown.kind == "prepare"
            and (shown.height, shown.block) == (block.height, block.digest)
            and self._is_quorum((*shown.signers, self._primary(shown.height, shown.view)))
        )

    def _lead(self, view: int, effects: Effects) -> None:
        """Open the new view as its primary, once a quorum has left the ones before."""
        me, found = self._setting.me, self._changes.get(view, {})
        if self._active or view != self._view or self._primary(self._chain.height + 1, view) != me:
            return
        if len(found) < self._quorum:
            return
        if max(one.height for one in found.values()) > self._chain.height:
            return  # it catches up first
        changes = tuple(sorted(found.items()))
        effects.computes += len(changes)
        chosen = _chosen(changes, self._chain.height + 1)
        size = sum(DIGEST_SIZE + one.size for _, one in changes)
        body = NewView(tuple(Signed(who, one) for who, one in changes), chosen)
        height = self._chain.height
        self._opening = Message("new-view", height, view, body=body, size=size)
        self._tell(self._opening, effects)
        self._enter_view(view, height, chosen, effects)
        if chosen is not None:
            self._pre_prepare(chosen, effects)
        else:
            self._go_on(effects)

    def _heard_new_view(self, sender: int, message: Message, effects: Effects) -> None:
        view, body = message.view, message.body
        late = view < self._view or (view == self._view and self._active)
        if late or sender != self._primary(message.height + 1, view):
            return
        said = {one.signer: one.message for one in body.changes}
        effects.computes += len(said)
        if not self._is_quorum(said) or any(
            one.kind != "view-change" or one.view != view or not self._sound(one)
            for one in said.values()
        ):
            return
        if message.height != max(one.height for one in said.values()):
            return
        if _chosen(tuple(said.items()), message.height + 1) != body.block:
            return
        if message.height > self._chain.height:
            self._chain.ask(sender, effects)
        if body.block is not None:
            self._proposals[body.block.height, view] = body.block
        self._enter_view(view, message.height, body.block, effects)
        self._try_accept(effects)
        self._go_on(effects)

    def _enter_view(self, view: int, height: int, carried: Block | None, effects: Effects) -> None:
        self._view, self._active, self._may_propose = view, True, True
        self._floor, self._carried = height, carried
        state = {"view": view, "active": True, "floor": height, "carried": carried}
        for key, value in state.items():
            effects.write(key, value)
        self._changes = {at: found for at, found in self._changes.items() if at > view}
        self._wait(effects)

    # Those who are behind.

    def _caught_up(self, message: Message, effects: Effects) -> None:
        blocks, shown = message.body
        new = self._chain.continued_by(blocks)
        effects.computes += len(shown.signers) if shown else 0
        if not new or shown is None or not self._decides(shown, new[-1].height, new[-1].digest):
            return
        self.take(new, shown, effects)
        if message.height > self._chain.height:
            self._chain.ask(ALL, effects)
        self._lead(self._view, effects)

    def take(self, blocks: Sequence[Block], shown: Certificate | None, effects: Effects) -> None:
        """Take blocks of the term that others have decided; what is shown is of the last one."""
        for block in blocks:
            self._decide(block, shown if block is blocks[-1] else None, effects)

    def _stand(self, who: int, height: int, digest: bytes, effects: Effects) -> None:
        """Count where replicas stand; what a quorum has passed needs no commits of its own."""
        votes = self._stands.setdefault((height, digest), set())
        votes.add(who)
        if len(votes) >= self._quorum and self._stable < height <= self._chain.height:
            self._stable = height
            self._chain.forget_below(height)
            self._stands = {at: found for at, found in self._stands.items() if at[0] > height}


def quorum_of(count: int) -> int:
    """Return how many of so many replicas make two quorums meet in an honest one."""
    return (count + (count - 1) // 3) // 2 + 1


def _still(block: Block | None, chain: Chain) -> Block | None:
    return block if block is not None and chain.follows(block) else None


def _chosen(changes: Sequence[tuple[int, Message]], height: int) -> Block | None:
    """Return the block that may have been decided at a height: prepared in the latest view."""
    found = [
        one.body.prepared for _, one in changes
        if one.body.prepared is not None and one.body.prepared.block.height == height
    ]  # fmt: skip
    latest = max(found, key=lambda one: one.certificate.view, default=None)
    return None if latest is None else latest.block


@dataclass(frozen=True, slots=True)
class Pbft:
    """The protocol; it satisfies `ConsensusProtocol`."""

    about: str = "three phases, a primary, view changes"
    version: int = 1
    faults: Literal["none", "crash", "byzantine"] = "byzantine"
    bound: str = "f < n/3"
    finality: Literal["immediate", "probabilistic", "economic"] = "immediate"
    views: Literal["lasting", "each height", "none"] = "lasting"
    once: frozenset[str] = frozenset(("pre-prepare", "prepare", "commit"))
    source: str = "Castro and Liskov, OSDI 1999"
    defaults: Mapping[str, int] = field(default_factory=dict)

    def tolerated(self, powers: Sequence[int]) -> int:
        """Return f = floor((n - 1) / 3)."""
        return (len(powers) - 1) // 3

    def machine(self, setting: Setting, stored: Stored) -> Replica:
        """Return a replica."""
        return Replica(setting, stored)


PBFT = Pbft()
