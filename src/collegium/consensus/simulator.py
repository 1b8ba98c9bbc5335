"""Validators' machines on a network, by discrete events in virtual time.

The one generator is seeded anew at every height that is decided first, by the run's seed and that
height; so nothing depends on how long a run has been going on in this process.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from random import Random
from typing import Any

import msgspec

from collegium.consensus.machine import (
    ALL,
    HEADER_SIZE,
    SIGNATURE_SIZE,
    Block,
    Certificate,
    ConsensusProtocol,
    Effects,
    Item,
    Machine,
    Message,
    Setting,
    Signed,
    Stored,
)
from collegium.consensus.network import Network, delays_of

DELIVER, FIRE, LEAVE, ENTER, STOP, REVIVE = range(6)

Make = Callable[[Setting, Stored], Machine]
"""What makes a validator's honest machine, from what it has written."""

Liar = Callable[[Setting, Make], Machine]
"""What makes a machine that does something else, perhaps with honest ones inside."""


@dataclass(slots=True)
class Counted:
    """What was sent: messages and bytes, by the block that they are about; others under ``b""``."""

    messages: dict[bytes, int] = field(default_factory=dict)
    bytes: dict[bytes, int] = field(default_factory=dict)
    delivered: int = 0


@dataclass(slots=True)
class Seat:
    """One validator: its machine, and what it has told so far.

    Attributes:
        stored: what outlasts a crash.
        entered: transactions that entered here: after a crash their authors hand them over again.
        chain: the blocks that it holds, by height from 1 on; those up to `decided` are final.
        decided_at: when it decided each.
        alive: whether it runs; `life` counts how often it was made.
        signed: how many messages it has signed, `verified` how many signatures it has verified, and
            `heard` how many bytes have reached it.
        broken: whether what was final for it was taken back, or decided anew.
    """

    setting: Setting
    machine: Machine
    stored: dict[str, Any] = field(default_factory=dict)
    unsynced: list[tuple[str, Any]] = field(default_factory=list)
    entered: list[Item] = field(default_factory=list)
    chain: list[Block] = field(default_factory=list)
    decided: int = 0
    decided_at: list[int] = field(default_factory=list)
    alive: bool = True
    life: int = 0
    timers: dict[str, int] = field(default_factory=dict)
    leaves: int = 0
    link_free: int = 0
    pace: int = 1000
    lies: bool = False
    signed: int = 0
    verified: int = 0
    heard: int = 0

    def ordered_finally(self) -> set[bytes]:
        """Return the digests of the transactions that are final for it."""
        return {one.digest for block in self.chain[: self.decided] for one in block.items}


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that must never be: what, at which height, and of which validators."""

    what: str
    height: int
    validators: tuple[int, ...]


class Simulator:
    """One run of a protocol.

    Attributes:
        now: virtual microseconds since the beginning.
        seats: the validators.
        counted: what was sent.
        violations: of agreement and validity, among those who do not lie.
        changes: how often what an honest validator holds has changed.
        retracted: how many blocks honest validators have taken back.
    """

    def __init__(
        self,
        protocol: ConsensusProtocol,
        setting: Setting,
        network: Network,
        *,
        seed: int = 0,
        liars: Mapping[int, Liar] | None = None,
        watch: Callable[[str], None] | None = None,
    ) -> None:
        """Make the validators' machines and start them.

        Args:
            protocol: whose machines.
            setting: of validator 0; `me` is set for each.
            network: links and weather.
            seed: of delays, losses and whatever else is left to chance.
            liars: by validator, what makes its machine; it forgets everything in a crash.
            watch: is told every event in a line, for traces.
        """
        self.protocol, self.network = protocol, network
        self.now = 0
        self.counted = Counted()
        self.violations: list[Violation] = []
        self._seed, self._liars, self._watch = seed, dict(liars or {}), watch
        self._random = Random(f"{seed} 0")
        self._events: list[tuple[int, int, int, int, Any, Any]] = []
        self._sequence = 0
        self.changes = self.retracted = 0
        self._first: list[Block] = []  # by height, what was decided first by an honest one
        self._entered: set[bytes] = set()
        self._ordered: list[set[bytes]] = [set() for _ in setting.powers]
        self._said: set[tuple[int, Message]] = set()
        self._vouched: set[tuple[int, str, int, int, bytes]] = set()
        self._delays = delays_of(network.links, setting.count, seed)
        self.seats = [self._seat(setting, number) for number in range(setting.count)]
        for crash in network.weather.crashes:
            self._push(crash.at, STOP, crash.validator, None, None)
            if crash.until is not None:
                self._push(crash.until, REVIVE, crash.validator, None, None)
        for seat in self.seats:
            self._take(seat, seat.machine.start())

    def enter(self, validator: int, items: Sequence[Item], at: int | None = None) -> None:
        """Let transactions enter at a validator, now or later; if it is down, when it is back."""
        self._entered.update(one.digest for one in items)
        self._push(self.now if at is None else max(at, self.now), ENTER, validator, items, None)

    @property
    def first_decided(self) -> Sequence[Block]:
        """By height from 1 on, the block that an honest validator decided first."""
        return self._first

    @property
    def view_changes(self) -> int:
        """How many views, rounds or terms beyond the first the decided blocks needed."""
        views = [one.view for one in self._first]
        kind = self.protocol.views
        last = max(views, default=0)
        vain = last + 1 - len(views) if views else 0
        return {"each height": sum(views), "lasting": last, "each block": vain}.get(kind, 0)

    @property
    def pending(self) -> bool:
        """Return whether anything will ever happen."""
        return bool(self._events)

    @property
    def honest(self) -> list[Seat]:
        """The seats of those who do not lie."""
        return [seat for seat in self.seats if not seat.lies]

    def run(self, done: Callable[[], bool], until: int, events: int = 1 << 62) -> bool:
        """Go on until something holds, a time has come, or so many events are over.

        Returns whether it holds. `done` is asked whenever something was decided.
        """
        if done():
            return True
        queue = self._events
        decided = self._decisions
        while queue and queue[0][0] <= until and events:
            events -= 1
            self.step()
            if self._decisions != decided:
                decided = self._decisions
                if done():
                    return True
        if not queue or queue[0][0] > until:
            self.now = max(self.now, until)
        return False

    _decisions = 0

    def step(self) -> None:
        """Let the next event happen; time goes on to it."""
        self.now, _, kind, number, first, second = heappop(self._events)
        seat = self.seats[number]
        if kind == DELIVER:
            if not seat.alive:
                return
            self.counted.delivered += 1
            if self._watch is not None:
                self._watch(f"{self.now} {number} hears {_said(second)} from {first}")
            seat.heard += HEADER_SIZE + SIGNATURE_SIZE + second.size
            self._take(seat, seat.machine.receive(first, second), 1)
        elif kind == FIRE:
            if seat.alive and seat.timers.get(first) == second:
                del seat.timers[first]
                if self._watch is not None:
                    self._watch(f"{self.now} {number} timer {first}")
                self._take(seat, seat.machine.timer(first))
        elif kind == LEAVE:
            if seat.alive and seat.life == second:
                self._leave(seat, first)
        elif kind == ENTER:
            if not seat.alive:
                revival = self._revival(number)
                if revival is not None:
                    self._push(revival + 1, ENTER, number, first, None)
                return
            if self._watch is not None:
                self._watch(f"{self.now} {number} enters {len(first)}")
            seat.entered.extend(first)
            self._take(seat, seat.machine.propose(first))
        elif kind == STOP:
            seat.alive = False
            seat.timers.clear()
            seat.unsynced.clear()
            if self._watch is not None:
                self._watch(f"{self.now} {number} stops")
        else:
            self._revive(seat)

    def _seat(self, setting: Setting, number: int) -> Seat:
        own = _mine(setting, number)
        skew = self.network.weather.skew
        seat = Seat(own, self.protocol.machine(own, {}))
        seat.pace = 1000 + (self._random.randint(-skew, skew) if skew else 0)
        if number in self._liars:
            seat.machine, seat.lies = self._liars[number](own, self.protocol.machine), True
        return seat

    def _revive(self, seat: Seat) -> None:
        seat.alive, seat.life = True, seat.life + 1
        seat.leaves = self.now
        seat.machine = self.protocol.machine(seat.setting, dict(seat.stored))
        if seat.lies:
            seat.machine = self._liars[seat.setting.me](seat.setting, self.protocol.machine)
        if self._watch is not None:
            self._watch(f"{self.now} {seat.setting.me} is back")
        self._take(seat, seat.machine.start())
        ordered = self._ordered[seat.setting.me]
        again = [one for one in seat.entered if one.digest not in ordered]
        if again:
            self._take(seat, seat.machine.propose(again))

    def _revival(self, number: int) -> int | None:
        ends = [
            one.until for one in self.network.weather.crashes
            if one.validator == number and one.until is not None and one.until >= self.now
        ]  # fmt: skip
        return min(ends, default=None)

    def _take(self, seat: Seat, effects: Effects, verified: int = 0) -> None:
        """Set timers now; the rest leaves when the work is done and what is written is durable."""
        for name, after in effects.timers:
            if after is None:
                seat.timers.pop(name, None)
            else:
                self._sequence += 1
                seat.timers[name] = self._sequence
                due = self.now + after * seat.pace // 1000
                heappush(
                    self._events, (due, self._sequence, FIRE, seat.setting.me, name, self._sequence)
                )
        weather = self.network.weather
        cost = weather.verify * (verified + effects.computes)
        seat.verified += verified + effects.computes
        leaves = max(seat.leaves, self.now) + cost
        if effects.writes:
            leaves += weather.sync
        if not (effects.sends or effects.writes or effects.unsynced or effects.extends
                or effects.decides or effects.retracts is not None):  # fmt: skip
            seat.leaves = leaves
            return
        seat.leaves = leaves
        if leaves == self.now:
            self._leave(seat, effects)
        else:
            self._push(leaves, LEAVE, seat.setting.me, effects, seat.life)

    def _leave(self, seat: Seat, effects: Effects) -> None:
        if effects.writes:
            for key, value in (*seat.unsynced, *effects.writes):
                if value is None:
                    seat.stored.pop(key, None)
                else:
                    seat.stored[key] = value
            seat.unsynced.clear()
        seat.unsynced.extend(effects.unsynced)
        if effects.retracts is not None:
            self._retract(seat, effects.retracts)
        for block in effects.extends:
            self._extend(seat, block)
        for block in effects.decides:
            self._decide(seat, block)
        me = seat.setting.me
        for receiver, message in effects.sends:
            if self._liars:
                if seat.lies and not self._possible(me, message):
                    continue
                self._note(me, message)
                if seat.lies and isinstance(message.body, Signed):
                    self._note(me, message.body.message)
            seat.signed += 1
            if receiver == ALL:
                for other in range(len(self.seats)):
                    if other != me:
                        self._send(seat, me, other, message)
            elif receiver != me:
                self._send(seat, me, receiver, message)

    def _send(self, seat: Seat, me: int, receiver: int, message: Message) -> None:
        size = HEADER_SIZE + SIGNATURE_SIZE + message.size
        counted, block = self.counted, message.block
        counted.messages[block] = counted.messages.get(block, 0) + 1
        counted.bytes[block] = counted.bytes.get(block, 0) + size
        links, weather, random = self.network.links, self.network.weather, self._random
        left = max(seat.link_free, self.now)
        seat.link_free = left = left + size * 8_000_000 // links.bandwidth
        arrives = left + self._delays[me][receiver]
        if links.jitter:
            arrives += int(random.expovariate(1.0) * links.jitter)
        for partition in weather.partitions:
            if partition.start <= left < partition.end and partition.parts(me, receiver):
                return
        if weather.heals is None or self.now < weather.heals:
            if weather.loss and random.randrange(1000) < weather.loss:
                return
            if weather.reorder:
                arrives += random.randrange(weather.reorder)
            if weather.duplicate and random.randrange(1000) < weather.duplicate:
                self._push(
                    arrives + random.randrange(links.high + 1), DELIVER, receiver, me, message
                )
        self._sequence += 1
        heappush(self._events, (arrives, self._sequence, DELIVER, receiver, me, message))

    def _push(self, at: int, kind: int, number: int, first: Any, second: Any) -> None:
        self._sequence += 1
        heappush(self._events, (at, self._sequence, kind, number, first, second))

    # What validators hold, compared.

    def _extend(self, seat: Seat, block: Block) -> None:
        if self._watch is not None:
            self._watch(f"{self.now} {seat.setting.me} holds {_named(block)}")
        if block.height != len(seat.chain) + 1:
            self._violated("a gap", block.height, seat)
        seat.chain.append(block)
        self.changes += not seat.lies
        ordered = self._ordered[seat.setting.me]
        for one in block.items:
            if one.digest in ordered:
                self._violated("a transaction twice", block.height, seat)
            if one.digest not in self._entered:
                self._violated("a transaction of nobody", block.height, seat)
            ordered.add(one.digest)

    def _retract(self, seat: Seat, height: int) -> None:
        if self._watch is not None:
            self._watch(f"{self.now} {seat.setting.me} takes back from {height} on")
        if height <= seat.decided:
            self._violated("a decision taken back", height, seat)
            seat.decided = height - 1
            del seat.decided_at[height - 1 :]
        for block in seat.chain[height - 1 :]:
            self._ordered[seat.setting.me].difference_update(one.digest for one in block.items)
        if not seat.lies:
            self.changes += 1
            self.retracted += len(seat.chain) - height + 1
        del seat.chain[height - 1 :]

    def _decide(self, seat: Seat, block: Block) -> None:
        if block.height > len(seat.chain):
            self._extend(seat, block)
        if self._watch is not None:
            self._watch(f"{self.now} {seat.setting.me} decides {_named(block)}")
        if block.height <= seat.decided:
            # A machine made anew may tell again what it knew; never something else.
            if seat.chain[block.height - 1].digest != block.digest:
                self._violated("two decisions", block.height, seat)
            return
        if block.height != seat.decided + 1 or seat.chain[block.height - 1].digest != block.digest:
            self._violated("a gap", block.height, seat)
            return
        seat.decided = block.height
        seat.decided_at.append(self.now)
        self._decisions += 1
        self.changes += not seat.lies
        if seat.lies:
            return
        if block.height <= len(self._first):
            if self._first[block.height - 1].digest != block.digest:
                self._violated("two blocks decided", block.height, seat)
            return
        self._first.append(block)
        self._random.seed(f"{self._seed} {block.height}")

    def _violated(self, what: str, height: int, seat: Seat) -> None:
        if not seat.lies:
            self.violations.append(Violation(what, height, (seat.setting.me,)))

    def equivocators(self) -> dict[int, tuple[str, int, int]]:
        """Return who has signed two blocks where an honest one signs one: what, height and view.

        Whoever holds both messages can show it; which is why nobody need be believed.
        """
        first: dict[tuple[int, str, int, int], bytes] = {}
        found: dict[int, tuple[str, int, int]] = {}
        for who, kind, height, view, block in sorted(self._vouched):
            if kind in self.protocol.once and block:
                place = who, kind, height, view
                if first.setdefault(place, block) != block:
                    found.setdefault(who, (kind, height, view))
        return found

    # What a liar may show of others: what they have really said.

    def _note(self, me: int, message: Message) -> None:
        self._said.add((me, message))
        self._vouched.add((me, message.kind, message.height, message.view, message.block))

    def _possible(self, me: int, shown: Any) -> bool:
        """Return whether everything that bears another one's signature was signed by it."""
        if isinstance(shown, Signed):
            own = shown.signer == me or (shown.signer, shown.message) in self._said
            return own and self._possible(me, shown.message)
        if isinstance(shown, Certificate):
            said = (shown.kind, shown.height, shown.view, shown.block)
            return all(one == me or (one, *said) in self._vouched for one in shown.signers)
        if isinstance(shown, Item):
            return shown.shown is None or self._possible(me, shown.shown)
        if isinstance(shown, msgspec.Struct):
            return self._possible(me, msgspec.structs.astuple(shown))
        if isinstance(shown, tuple):
            return all(self._possible(me, one) for one in shown)
        return True


def _mine(setting: Setting, number: int) -> Setting:
    return Setting(
        number, setting.powers, setting.seed, setting.timeout, setting.interval,
        setting.block_bytes, setting.worth, setting.options,
    )  # fmt: skip


def _named(block: Block) -> str:
    return f"{block.height}:{block.digest.hex()[:8]} ({len(block.items)})"


def _said(message: Message) -> str:
    about = f" {message.block.hex()[:8]}" if message.block else ""
    return f"{message.kind} {message.height}/{message.view}{about}"
