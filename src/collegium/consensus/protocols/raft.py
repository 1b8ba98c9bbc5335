"""Raft: a leader's log, copied to a majority; crashes only, since nobody doubts what it is told.

Ongaro and Ousterhout, "In Search of an Understandable Consensus Algorithm (Extended Version)",
2014 (USENIX ATC 2014), sections 5.1 to 5.5 and 8; pre-votes and leaders that step down without a
majority are of Ongaro's thesis, "Consensus: Bridging Theory and Practice", 2014, sections 9.6 and
6.2. Blocks are the entries of the log: a block's view is the term in which its leader made it.

Heartbeats and election timeouts rest where nothing waits and everybody has what is committed. So a
follower suspects its leader only while it waits for something, and one that has heard of no new
block for a while asks for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Literal

import msgspec

from collegium.consensus.chain import BLOCKS, FETCH, MOST, Chain, linked_size
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

BEATS = 4
"""Heartbeats in an election timeout."""

LONGEST = 10
"""How often the time between two elections, or between heartbeats to the absent, is doubled."""

NUMBER = 8
"""Bytes of an index or a term."""

Role = Literal["follower", "pre-candidate", "candidate", "leader"]


class Entries(msgspec.Struct, frozen=True):
    """What ``append-entries`` says beside the term and the index before its entries.

    Attributes:
        previous: the term of the entry at that index (prevLogTerm).
        blocks: the entries after it; none in a heartbeat.
        commit: up to which index the leader knows entries to be committed (leaderCommit).
    """

    previous: int
    blocks: tuple[Block, ...]
    commit: int

    @property
    def size(self) -> int:
        """Bytes on the wire."""
        return 2 * NUMBER + sum(linked_size(one) for one in self.blocks)


class LastEntry(msgspec.Struct, frozen=True):
    """What a request for a vote says beside the index of the last entry: its term, and commits."""

    term: int
    commit: int


class Appended(msgspec.Struct, frozen=True):
    """Whether a follower's log matches its leader's up to an index, and what it has committed."""

    matches: bool
    commit: int


@dataclass(slots=True)
class Peer:
    """What a leader knows of a follower: up to where its log matches, and what it committed."""

    match: int | None = None
    commit: int = -1


class Server:
    """One server; it satisfies `Machine`."""

    def __init__(self, setting: Setting, stored: Stored) -> None:
        self._setting = setting
        self._majority = setting.count // 2 + 1
        self._pool = Pool(setting)
        self._chain = Chain(setting, stored)  # the committed entries
        for block in self._chain.blocks:
            self._pool.ordered(block.items)
        self._tail: list[Block] = []  # the entries after them
        while (found := stored.get(_entry_key(self._last + 1))) is not None:
            self._tail.append(found)
            self._want(found)
        self._term: int = stored.get("term", 0)
        self._voted: int | None = stored.get("voted")
        self._role: Role = "follower"
        self._trusts = False  # a leader that has not been silent for too long
        self._waits = False
        self._attempts = 0
        self._votes: set[int] = set()
        self._peers: dict[int, Peer] = {}
        self._heard: set[int] = set()
        self._beats = 0
        self._may_propose = True

    def start(self) -> Effects:
        """Begin as a follower; whoever was away asks how far the others are."""
        effects = Effects()
        if self._term:
            self._chain.ask_again(effects)
        else:
            self._chain.wait(effects)
        self._watch(effects)
        return effects

    def propose(self, items: Sequence[Item]) -> Effects:
        """Tell the others of transactions, and see that a leader orders them."""
        effects = Effects()
        self._pool.enter(items, effects)
        self._go_on(effects)
        return effects

    def timer(self, name: str) -> Effects:
        """Beat, suspect the leader, stand for election, tell transactions again, or ask."""
        effects = Effects()
        if name == "heartbeat":
            self._beat_again(effects)
        elif name == "silence":
            self._trusts = False
            effects.after("election", self._drawn())
        elif name == "election":
            self._waits = False
            self._ask_whether_to_stand(effects)
        elif name == "interval":
            self._may_propose = True
            self._go_on(effects)
        elif name == ITEMS:
            self._pool.again(effects)
        elif name == FETCH:
            self._chain.ask_again(effects)
        return effects

    def receive(self, sender: int, message: Message) -> Effects:
        """Hear another server; a later term makes a follower of everybody (section 5.1)."""
        effects = Effects()
        kind = message.kind
        if message.view > self._term and kind not in ("request-pre-vote", "pre-vote"):
            self._enter_term(message.view, effects)
        if kind == "append-entries":
            self._append(sender, message, effects)
        elif kind == "appended":
            self._appended(sender, message, effects)
        elif kind == ITEMS:
            if self._pool.heard(message):
                self._go_on(effects)
        elif kind == "request-pre-vote":
            self._answer_whether_to_stand(sender, message, effects)
        elif kind == "pre-vote":
            if self._role == "pre-candidate" and message.view == self._term + 1:
                self._votes.add(sender)
                self._stand_if_chosen(effects)
        elif kind == "request-vote":
            self._vote(sender, message, effects)
        elif kind == "vote":
            if self._role == "candidate" and message.view == self._term and message.body:
                self._votes.add(sender)
                self._lead_if_elected(effects)
        elif kind == FETCH:
            self._chain.offer(sender, message.height, effects)
        elif kind == BLOCKS:
            self._caught_up(message, effects)
        return effects

    # The log.

    @property
    def _last(self) -> int:
        """The index of the last entry."""
        return self._chain.height + len(self._tail)

    def _entry(self, index: int) -> Block:
        at = index - self._chain.height
        return self._tail[at - 1] if at > 0 else self._chain.block(index)

    def _term_at(self, index: int) -> int:
        return self._entry(index).view if index else 0

    def _add(self, block: Block, effects: Effects) -> None:
        self._tail.append(block)
        self._want(block)
        effects.write(_entry_key(block.height), block)

    def _want(self, block: Block) -> None:
        """Want what an entry has ordered, if the entry should be overwritten."""
        self._pool.returned(one for one in block.items if not self._pool.is_ordered(one))

    def _cut(self, index: int, effects: Effects) -> None:
        """Drop the entries from an index on."""
        at = index - self._chain.height - 1
        for block in self._tail[at:]:
            effects.write(_entry_key(block.height), None)
        del self._tail[at:]

    def _commit(self, block: Block, effects: Effects) -> None:
        if self._tail:
            if self._tail[0].digest == block.digest:
                effects.write(_entry_key(block.height), None)
                del self._tail[0]
            else:
                self._cut(block.height, effects)
        self._chain.append(block, None, effects)
        self._pool.ordered(block.items)

    # The leader's part (section 5.3).

    def _go_on(self, effects: Effects) -> None:
        """Make the next block, as the leader; otherwise see that there is one."""
        if self._role != "leader":
            self._watch(effects)
            return
        if self._tail:
            # Entries of earlier terms are committed with one of this term, if an empty one (8).
            if self._tail[-1].view != self._term:
                self._add_block(effects)
        elif self._pool:
            if self._may_propose:
                self._add_block(effects)
            else:
                self._beat_later(effects)

    def _add_block(self, effects: Effects) -> None:
        there = {one.digest for block in self._tail for one in block.items}
        items = [one for one in self._pool.next_items() if one.digest not in there]
        before = self._last
        parent = self._entry(before).digest if before else GENESIS
        previous = self._term_at(before)
        block = make_block(before + 1, parent, self._setting.me, self._term, items)
        self._add(block, effects)
        if self._setting.interval:
            self._may_propose = False
            effects.after("interval", self._setting.interval)
        body = Entries(previous, (block,), self._chain.height)
        effects.send(
            ALL, Message("append-entries", before, self._term, block.digest, body, body.size)
        )
        self._beat_later(effects)
        self._commit_what_a_majority_has(effects)

    def _append_after(self, index: int, whom: int, effects: Effects) -> None:
        """Send a follower the entries after an index, or none: a heartbeat."""
        index = min(index, self._last)  # a leader of the past has fewer
        end = min(self._last, index + MOST)
        blocks = tuple(self._entry(at) for at in range(index + 1, end + 1))
        body = Entries(self._term_at(index), blocks, self._chain.height)
        effects.send(whom, Message("append-entries", index, self._term, b"", body, body.size))

    def _appended(self, sender: int, message: Message, effects: Effects) -> None:
        if self._role != "leader" or message.view != self._term:
            return
        body, peer = message.body, self._peers[sender]
        self._heard.add(sender)
        peer.commit = max(peer.commit, body.commit)
        if not body.matches:
            if body.commit <= self._last:
                self._append_after(body.commit, sender, effects)
            return
        peer.match = max(peer.match or 0, message.height)
        if peer.match > self._chain.height:
            self._commit_what_a_majority_has(effects)
        elif message.height + MOST <= self._last:
            self._append_after(message.height, sender, effects)

    def _commit_what_a_majority_has(self, effects: Effects) -> None:
        """Commit entries by counting copies, but only up to one of this term (section 5.4.2)."""
        matches = sorted((one.match or 0 for one in self._peers.values()), reverse=True)
        # The leader itself is one of the majority.
        index = matches[self._majority - 2] if self._majority > 1 else self._last
        if index <= self._chain.height or self._term_at(index) != self._term:
            return
        while self._chain.height < index:
            self._commit(self._tail[0], effects)
        self._beats = 0
        self._go_on(effects)
        if not self._tail:
            self._beat(effects)  # no other block tells the followers now

    def _settled(self, peer: Peer) -> bool:
        return peer.commit >= self._chain.height

    def _beat(self, effects: Effects) -> None:
        """Tell whoever may not know how far the leader is; say again what was lost."""
        works = bool(self._pool or self._tail)
        for who, peer in self._peers.items():
            if works or not self._settled(peer):
                self._append_after(self._last if peer.match is None else peer.match, who, effects)
        self._beat_later(effects)

    def _beat_later(self, effects: Effects) -> None:
        """Beat again while something waits; ever less often for who does not answer."""
        pause = self._setting.timeout // BEATS
        if not self._pool and not self._tail:
            if all(self._settled(one) for one in self._peers.values()):
                effects.stop("heartbeat")
                return
            pause <<= min(self._beats, BEATS + LONGEST)
        effects.after("heartbeat", pause)

    def _beat_again(self, effects: Effects) -> None:
        self._beats += 1
        if (self._pool or self._tail) and self._beats % (2 * BEATS) == 0:
            if len(self._heard) + 1 < self._majority:
                self._step_down(effects)
                self._go_on(effects)
                return
            self._heard.clear()
        self._beat(effects)

    def _step_down(self, effects: Effects) -> None:
        if self._role == "leader":
            effects.stop("heartbeat")
            effects.stop("interval")
            self._may_propose = True
        self._role = "follower"

    # A follower's part.

    def _append(self, sender: int, message: Message, effects: Effects) -> None:
        if message.view < self._term:
            self._answer(sender, message, False, effects)
            return
        if self._role != "follower":
            self._step_down(effects)
        body, before = message.body, message.height
        matches = before <= self._last and self._term_at(before) == body.previous
        if matches:
            upto = before + len(body.blocks)
            for block in body.blocks:
                self._take(block, effects)
            while self._chain.height < min(body.commit, upto):
                self._commit(self._tail[0], effects)
        self._answer(sender, message, matches, effects)
        self._trust(effects)

    def _take(self, block: Block, effects: Effects) -> None:
        """Take an entry of the leader's, in the place of one that conflicts with it."""
        if block.height <= self._chain.height:
            return
        if block.height <= self._last:
            if self._entry(block.height).view == block.view:
                return
            self._cut(block.height, effects)
        self._add(block, effects)

    def _answer(self, whom: int, message: Message, matches: bool, effects: Effects) -> None:
        upto = message.height + len(message.body.blocks) if matches else self._chain.height
        body = Appended(matches, self._chain.height)
        effects.send(whom, Message("appended", upto, self._term, message.block, body, NUMBER + 1))

    def _trust(self, effects: Effects) -> None:
        """Trust the leader that was heard: for an election timeout, while anything waits."""
        self._trusts, self._attempts = True, 0
        if self._waits:
            effects.stop("election")
            effects.stop("silence")
        self._waits = False
        self._watch(effects)

    @property
    def _needs_leader(self) -> bool:
        return bool(self._pool or self._tail or not self._term)

    def _watch(self, effects: Effects) -> None:
        """See that a leader is heard, if one is needed."""
        if not self._waits and self._needs_leader and self._role != "leader":
            self._waits = True
            effects.after("silence", self._setting.timeout)

    # Elections (sections 5.2 and 5.4.1).

    def _drawn(self) -> int:
        """Return what an election timeout has beyond the least one, of its length at most."""
        me, seed = self._setting.me, self._setting.seed
        drawn = sha256(b"raft %d %d %d %d" % (seed, self._term, me, self._attempts)).digest()
        return int.from_bytes(drawn[:8]) % self._setting.timeout

    def _enter_term(self, term: int, effects: Effects) -> None:
        self._step_down(effects)
        self._term, self._voted = term, None
        effects.write("term", term)
        effects.write("voted", None)
        self._watch(effects)

    def _ask_whether_to_stand(self, effects: Effects) -> None:
        """Ask for pre-votes: a term that cannot be won disturbs nobody."""
        if not self._needs_leader or self._role == "leader":
            return
        self._pool.all_again(effects)
        self._role, self._votes = "pre-candidate", {self._setting.me}
        self._attempts += 1
        self._waits = True
        pause = self._setting.timeout + self._drawn()
        effects.after("election", pause << min(self._attempts - 1, LONGEST))
        self._request("request-pre-vote", self._term + 1, effects)
        self._stand_if_chosen(effects)

    def _request(self, kind: str, term: int, effects: Effects) -> None:
        body = LastEntry(self._term_at(self._last), self._chain.height)
        effects.send(ALL, Message(kind, self._last, term, body=body, size=2 * NUMBER))

    def _answer_whether_to_stand(self, sender: int, message: Message, effects: Effects) -> None:
        if self._role == "leader":
            self._append_after(message.body.commit, sender, effects)
            return
        self._chain.offer(sender, message.body.commit, effects)
        if message.view <= self._term:
            effects.send(sender, Message("vote", view=self._term, body=False, size=1))
        elif not self._trusts and self._is_up_to_date(message):
            effects.send(sender, Message("pre-vote", view=message.view))

    def _stand_if_chosen(self, effects: Effects) -> None:
        if len(self._votes) < self._majority:
            return
        self._enter_term(self._term + 1, effects)
        self._role, self._votes = "candidate", {self._setting.me}
        self._voted = self._setting.me
        effects.write("voted", self._voted)
        self._request("request-vote", self._term, effects)
        self._lead_if_elected(effects)

    def _is_up_to_date(self, message: Message) -> bool:
        """Return whether somebody's log has at least what this one has (section 5.4.1)."""
        return (message.body.term, message.height) >= (self._term_at(self._last), self._last)

    def _vote(self, sender: int, message: Message, effects: Effects) -> None:
        """Vote for one candidate in a term, whose log is up to date."""
        granted = (
            message.view == self._term
            and self._voted in (None, sender)
            and self._is_up_to_date(message)
        )
        if granted:
            self._voted = sender
            effects.write("voted", sender)
            if self._waits:
                effects.stop("election")
                effects.after("silence", self._setting.timeout)
        effects.send(sender, Message("vote", view=self._term, body=granted, size=1))

    def _lead_if_elected(self, effects: Effects) -> None:
        if len(self._votes) < self._majority:
            return
        self._role = "leader"
        effects.stop("election")
        effects.stop("silence")
        self._waits, self._attempts, self._beats = False, 0, 0
        me = self._setting.me
        self._peers = {who: Peer() for who in range(self._setting.count) if who != me}
        self._heard = set()
        self._go_on(effects)
        if not self._tail:
            self._beat(effects)  # who has won tells so, though there is no block yet

    # Those who are behind.

    def _caught_up(self, message: Message, effects: Effects) -> None:
        new = self._chain.continued_by(message.body[0])
        if not new:
            return
        if new[-1].view > self._term:
            self._enter_term(new[-1].view, effects)
        for block in new:
            self._commit(block, effects)
        self._go_on(effects)


def _entry_key(index: int) -> str:
    return f"entry {index}"


@dataclass(frozen=True, slots=True)
class Raft:
    """The protocol; it satisfies `ConsensusProtocol`."""

    about: str = "a leader's log, copied to a majority; bears no liars"
    version: int = 1
    faults: Literal["none", "crash", "byzantine"] = "crash"
    bound: str = "f < n/2"
    finality: Literal["immediate", "probabilistic", "economic"] = "immediate"
    views: Literal["lasting", "each height", "none"] = "lasting"
    once: frozenset[str] = frozenset()
    source: str = "Ongaro and Ousterhout, USENIX ATC 2014"
    defaults: Mapping[str, int] = field(default_factory=dict)

    def tolerated(self, powers: Sequence[int]) -> int:
        """Return f = floor((n - 1) / 2)."""
        return (len(powers) - 1) // 2

    def machine(self, setting: Setting, stored: Stored) -> Server:
        """Return a server."""
        return Server(setting, stored)


RAFT = Raft()
