"""Validators that lie where blocks are held before they are final: miners, and leaders by lot.

Each attack goes with one protocol, whose own messages and timers it knows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import takewhile

from collegium.consensus.chain import linked_size
from collegium.consensus.machine import ALL, Block, Effects, Item, Machine, Message, Setting
from collegium.consensus.protocols.pos import SLOT
from collegium.consensus.simulator import Liar, Make
from collegium.consensus.tree import BLOCKS
from collegium.threats.orderers import Only, OrdererAttack, OrderersContext
from collegium.threats.threat_model import ThreatModel


class SelfishMiner:
    """One of a pool that keeps its blocks until they push others' out; it satisfies `Machine`.

    Eyal and Sirer, "Majority is not Enough: Bitcoin Mining is Vulnerable", FC 2014, algorithm 1. A
    lead of two or more is kept; with each block that others find, as many of the pool's are told,
    and all of them when the lead is one. Where both are level, it is a race: those who heard of the
    pool's block first mine on it. All of the pool tell each other of blocks at once, and each of
    them follows the algorithm by itself.
    """

    def __init__(self, setting: Setting, make: Make, pool: frozenset[int]) -> None:
        self._machine, self._pool = make(setting, {}), pool
        self._mates = sorted(pool - {setting.me})
        self._secret: dict[bytes, Block] = {}  # the pool's blocks that nobody else has
        self._tip: Block | None = None  # of the chain that is mined on
        self._public = 0  # the height of the longest chain that all have
        self._races = False

    def start(self) -> Effects:
        """Start the machine."""
        return self._kept(self._machine.start())

    def propose(self, items: Sequence[Item]) -> Effects:
        """Take transactions."""
        return self._kept(self._machine.propose(items))

    def receive(self, sender: int, message: Message) -> Effects:
        """Hear everybody; what the pool alone tells of its own blocks is secret."""
        blocks = (message.body,) if message.kind == "block" else ()
        if message.kind == BLOCKS:
            blocks = message.body[0]
        effects = self._kept(self._machine.receive(sender, message))
        for block in blocks:
            if sender in self._pool and block.proposer in self._pool:
                self._found(block, effects)
            else:
                self._secret.pop(block.digest, None)
                self._others_found(block.height, effects)
        return effects

    def timer(self, name: str) -> Effects:
        """Hear a timer."""
        return self._kept(self._machine.timer(name))

    def _found(self, block: Block, effects: Effects) -> None:
        """Keep a block of the pool, unless it wins a race."""
        if block.height > self._public:
            self._secret[block.digest] = block
            if self._races and block.height == self._public + 1:
                self._publish(block.height, effects)

    def _others_found(self, height: int, effects: Effects) -> None:
        """Answer a block of the others."""
        if height <= self._public:
            return
        self._public, self._races = height, False
        if self._tip is None or self._tip.digest not in self._secret:
            self._secret.clear()  # the pool mines on the others' block now
            return
        lead = self._tip.height - height
        self._publish(height if lead > 1 else self._tip.height, effects)
        self._races = lead == 0

    def _publish(self, height: int, effects: Effects) -> None:
        """Tell all of the secret blocks up to a height, the lowest first."""
        for block in sorted(self._secret.values(), key=lambda one: one.height):
            if block.height <= height:
                del self._secret[block.digest]
                effects.send(ALL, _told(block))
        self._public, self._races = max(self._public, height), False

    def _kept(self, effects: Effects) -> Effects:
        """Tell the pool alone of what is found, and nobody else what is secret."""
        said = Effects(timers=effects.timers)
        if effects.extends:
            self._tip = effects.extends[-1]
        for receiver, message in effects.sends:
            if receiver == ALL and message.kind == "block":
                for mate in self._mates:
                    said.send(mate, message)
                self._found(message.body, said)
            elif receiver in self._pool:
                said.send(receiver, message)
            elif (shown := self._public_part(message)) is not None:
                said.send(receiver, shown)
        return said

    def _public_part(self, message: Message) -> Message | None:
        if message.kind == "block":
            return None if message.body.digest in self._secret else message
        if message.kind != BLOCKS:
            return message
        blocks, shown = message.body
        known = tuple(takewhile(lambda one: one.digest not in self._secret, blocks))
        if len(known) == len(blocks):
            return message
        size = sum(map(linked_size, known))
        return Message(BLOCKS, self._public, body=(known, shown), size=size) if known else None


class GrindingLeader:
    """A leader that claims the next slot it leads without waiting for it; it satisfies `Machine`.

    Nobody can grind the lots: each is a hash of the seed, the slot and the validator, and no block
    changes it. The slot itself can be tried like a nonce, since nobody has a clock that says which
    one it is. Half a slot after a block the next one is claimed, before any honest leader may.
    """

    def __init__(self, setting: Setting, make: Make) -> None:
        self._machine, self._pause = make(setting, {}), (setting.interval or SLOT) // 2

    def start(self) -> Effects:
        """Start the machine."""
        return self._hurried(self._machine.start())

    def propose(self, items: Sequence[Item]) -> Effects:
        """Take transactions."""
        return self._hurried(self._machine.propose(items))

    def receive(self, sender: int, message: Message) -> Effects:
        """Hear everybody."""
        return self._hurried(self._machine.receive(sender, message))

    def timer(self, name: str) -> Effects:
        """Hear a timer."""
        return self._hurried(self._machine.timer(name))

    def _hurried(self, effects: Effects) -> Effects:
        timers = [
            (name, self._pause if name == "slot" and after is not None else after)
            for name, after in effects.timers
        ]
        return Effects(sends=effects.sends, timers=timers)


def _told(block: Block) -> Message:
    size = linked_size(block)
    return Message("block", block.height, block.view, block.digest, block, size)


def _selfish(context: OrderersContext) -> Mapping[int, Liar]:
    pool = frozenset(context.liars)

    def around(setting: Setting, make: Make) -> Machine:
        return SelfishMiner(setting, make, pool)

    return dict.fromkeys(pool, around)


def _grinding(context: OrderersContext) -> Mapping[int, Liar]:
    def honest(setting: Setting, make: Make) -> Machine:
        return make(setting, {})

    # Two who claim slots would only fork each other's blocks.
    first, *others = sorted(context.liars)
    return {first: GrindingLeader, **dict.fromkeys(others, honest)}


SELFISH = OrdererAttack(
    "selfish_miner", "keeps the blocks that it finds until they push others' out",
    ThreatModel(
        "more of the blocks than its share of the power", ("published",), ("messages",),
        "defence-aware", together=True,
    ),
    _selfish, Only("pow", "elsewhere nobody mines, and a block that is kept to oneself is none"),
)  # fmt: skip
GRINDING = OrdererAttack(
    "grinding_leader", "tries slots until it leads one, and claims it without waiting",
    ThreatModel(
        "all blocks, whatever its stake", ("published",), ("messages",), "defence-aware",
        together=True,
    ),
    _grinding,
    Only("pos", "elsewhere who proposes is fixed before, or mined: there is nothing to try"),
)  # fmt: skip
