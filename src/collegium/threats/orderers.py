"""Validators that lie in the consensus protocol itself: about order, never about models.

They act on the simulated network alone, for their whole life. What they may say is said in
`consensus.simulator`: anything in their own name, nothing in another's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

import msgspec
import numpy as np

from collegium.consensus.chain import BLOCKS
from collegium.consensus.liars import Held, conspiracy
from collegium.consensus.machine import Block, Effects, Item, Machine, Message, Setting, Stored
from collegium.consensus.pool import ITEMS
from collegium.consensus.simulator import Liar, Make
from collegium.data.table import SiteRows
from collegium.federation.participant import Participant
from collegium.threats.attack import AdversaryContext
from collegium.threats.threat_model import ThreatModel

LATE = 5
"""How many of a protocol's timeouts a delaying orderer may be late."""


@dataclass(frozen=True, slots=True)
class OrderersContext:
    """What orderers who lie know.

    Attributes:
        liars: their numbers; `count` is how many validators there are.
        authors: whose a transaction is, by its digest, as soon as it enters: it is signed.
        rows: what sites train on: a censor chooses its victim by it.
        seed: of what they leave to chance.
    """

    liars: tuple[int, ...]
    count: int
    authors: Mapping[bytes, str]
    rows: Mapping[str, SiteRows]
    seed: int


@dataclass(frozen=True, slots=True)
class Only:
    """The one protocol that an attack goes with, and why it goes with no other."""

    protocol: str
    why: str


@dataclass(frozen=True, slots=True)
class OrdererAttack:
    """An attack by validators on the order; `lies` returns what takes each one's place.

    It goes with every protocol that bears lies, unless `only` one is named.
    """

    name: str
    about: str
    grant: ThreatModel
    lies: Callable[[OrderersContext], Mapping[int, Liar]]
    only: Only | None = None
    role: Literal["orderer"] = "orderer"

    def take_over(self, honest: Participant, place: AdversaryContext) -> Participant:
        """Return the honest participant: the member lies in consensus alone."""
        return honest


class Censor:
    """A validator to which one member's transactions do not exist; it satisfies `Machine`.

    It takes them from nobody, and votes for no block that holds one. What others have decided it
    takes: it would only shut itself out.
    """

    def __init__(
        self, setting: Setting, make: Make, victim: str, authors: Mapping[bytes, str]
    ) -> None:
        self._victim, self._authors = victim, authors
        self._machine = make(setting, {})

    def start(self) -> Effects:
        """Start the machine."""
        return _said(self._machine.start())

    def propose(self, items: Sequence[Item]) -> Effects:
        """Take what enters here, unless it is the victim's."""
        kept = [one for one in items if not self._censors(one)]
        return _said(self._machine.propose(kept)) if kept else Effects()

    def receive(self, sender: int, message: Message) -> Effects:
        """Hear everything that does not hold what is censored."""
        if message.kind == ITEMS:
            kept = tuple(one for one in message.body if not self._censors(one))
            if not kept:
                return Effects()
            message = msgspec.structs.replace(message, body=kept)
        elif message.kind != BLOCKS and self._holds(message.body):
            return Effects()
        return _said(self._machine.receive(sender, message))

    def timer(self, name: str) -> Effects:
        """Hear a timer."""
        return _said(self._machine.timer(name))

    def _censors(self, item: Item) -> bool:
        return self._authors.get(item.digest) == self._victim

    def _holds(self, body: object) -> bool:
        if isinstance(body, Block):
            return any(map(self._censors, body.items))
        if isinstance(body, tuple):
            return any(self._holds(one) for one in body)
        if isinstance(body, msgspec.Struct):
            return self._holds(msgspec.structs.astuple(body))
        return False


class Belated:
    """A machine that hears of transactions when the next ones come; it satisfies `Machine`."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._last: tuple[int, Message] | None = None
        self._entered: Sequence[Item] = ()

    def start(self) -> Effects:
        """Start the machine."""
        return self._machine.start()

    def propose(self, items: Sequence[Item]) -> Effects:
        """Take what entered the last time."""
        before, self._entered = self._entered, items
        return self._machine.propose(before) if before else Effects()

    def receive(self, sender: int, message: Message) -> Effects:
        """Hear everybody, and of transactions what was told the last time."""
        if message.kind == ITEMS:
            before, self._last = self._last, (sender, message)
            return Effects() if before is None else self._machine.receive(*before)
        return self._machine.receive(sender, message)

    def timer(self, name: str) -> Effects:
        """Hear a timer."""
        return self._machine.timer(name)


def outlier(rows: Mapping[str, SiteRows]) -> str:
    """Return the site whose rows are least like all rows: the farthest mean, in spreads of inputs.

    The last one by name where several are as far.
    """
    everything = np.concatenate([one.x.reshape(len(one.x), -1) for one in rows.values()])
    center, spread = everything.mean(axis=0), everything.std(axis=0)
    scale = np.where(spread > 0, spread, 1.0)
    far = {
        name: float(np.square((one.x.reshape(len(one.x), -1).mean(axis=0) - center) / scale).sum())
        for name, one in rows.items()
        if len(one.x)
    }
    return max(sorted(far), key=lambda name: (far[name], name))


def _equivocating(context: OrderersContext) -> Mapping[int, Liar]:
    twins = conspiracy(context.liars, context.count, Random(f"equivocating {context.seed}"))

    def apart(twin: Liar) -> Liar:
        # Two halves that know the same at the same time would propose the same.
        def around(setting: Setting, make: Make) -> Machine:
            made: list[Machine] = []

            def make_half(own: Setting, stored: Stored) -> Machine:
                machine = make(own, stored)
                made.append(Belated(machine) if made else machine)
                return made[-1]

            return twin(setting, make_half)

        return around

    return {who: apart(twin) for who, twin in twins.items()}


def _withholding(context: OrderersContext) -> Mapping[int, Liar]:
    def around(setting: Setting, make: Make) -> Machine:
        drawn = Random(f"withholding {context.seed} {setting.me}")
        others = [one for one in range(setting.count) if one != setting.me]
        return Held(setting, make(setting, {}), drawn, drawn.sample(others, len(others) // 2), 0)

    return dict.fromkeys(context.liars, around)


def _delaying(context: OrderersContext) -> Mapping[int, Liar]:
    def around(setting: Setting, make: Make) -> Machine:
        drawn = Random(f"delaying {context.seed} {setting.me}")
        return Held(setting, make(setting, {}), drawn, (), LATE * setting.timeout)

    return dict.fromkeys(context.liars, around)


def _censoring(context: OrderersContext) -> Mapping[int, Liar]:
    victim = outlier(context.rows)

    def around(setting: Setting, make: Make) -> Machine:
        return Censor(setting, make, victim, context.authors)

    return dict.fromkeys(context.liars, around)


def _said(effects: Effects) -> Effects:
    """Leave out what a liar holds itself: nobody asks it."""
    return Effects(sends=effects.sends, timers=effects.timers)


EQUIVOCATING = OrdererAttack(
    "equivocating_orderer", "shows two halves of the validators two orders, and votes for both",
    ThreatModel("two decisions of one height", ("published",), ("messages",), together=True),
    _equivocating,
)  # fmt: skip
WITHHOLDING = OrdererAttack(
    "withholding_orderer", "speaks to half of the validators alone",
    ThreatModel("slow consensus down", ("published",), ("messages",)), _withholding,
)  # fmt: skip
DELAYING = OrdererAttack(
    "delaying_orderer", f"says everything late, by up to {LATE} timeouts",
    ThreatModel("slow consensus down", ("published",), ("messages",)), _delaying,
)  # fmt: skip
CENSORING = OrdererAttack(
    "censoring_orderer", "orders nothing of the site whose rows are least like all others'",
    ThreatModel(
        "a model without the site that differs most", ("published", "others"), ("messages",),
        "defence-aware", together=True,
    ),
    _censoring,
)  # fmt: skip
