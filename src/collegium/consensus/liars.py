"""Ways to lie that fit every protocol, for trials; nobody can speak as another.

`Twins` runs two honest machines under one name, each of which talks to some of the others: so it
votes twice, proposes two blocks and forgets what it has promised, without a line of any protocol
(Bano et al., "Twins: BFT Systems Made Robust", OPODIS 2021). Several who conspire agree on who is
told what, and each half of them talks to its like.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from random import Random

from collegium.consensus.machine import ALL, Effects, Item, Machine, Message, Setting, Signed
from collegium.consensus.simulator import Liar, Make

MACHINES = "machines"
"""The option that tells how many machines share their validator's power, where that counts."""

TWIN = "twin "
"""How the kind of what one half of a twin says to its like begins; its number follows."""


class Twins:
    """Two machines of one validator; it satisfies `Machine`.

    Each of `sides` are those that one of the two talks to; `others` are twins too.
    """

    def __init__(
        self,
        setting: Setting,
        make: Make,
        sides: tuple[frozenset[int], frozenset[int]],
        others: frozenset[int] = frozenset(),
    ) -> None:
        self._setting, self._sides, self._others = setting, sides, others
        half = replace(setting, options={**setting.options, MACHINES: 2})
        self._pair = make(half, {}), make(half, {})

    def start(self) -> Effects:
        """Start both."""
        return self._both(*(one.start() for one in self._pair))

    def propose(self, items: Sequence[Item]) -> Effects:
        """Give them to one in order, and to the other one in reverse."""
        return self._both(self._pair[0].propose(items), self._pair[1].propose(items[::-1]))

    def receive(self, sender: int, message: Message) -> Effects:
        """Both hear everything, but for what is said between halves of twins."""
        if message.kind.startswith(TWIN):
            half = int(message.kind.removeprefix(TWIN))
            return self._one(half, self._pair[half].receive(sender, message.body.message))
        return self._both(*(one.receive(sender, message) for one in self._pair))

    def timer(self, name: str) -> Effects:
        """A timer is of one of them."""
        half, _, own = name.partition(" ")
        return self._one(int(half), self._pair[int(half)].timer(own))

    def _both(self, first: Effects, second: Effects) -> Effects:
        together, other = self._one(0, first), self._one(1, second)
        together.sends += other.sends
        together.timers += other.timers
        return together

    def _one(self, half: int, effects: Effects) -> Effects:
        said = Effects(timers=[(f"{half} {name}", after) for name, after in effects.timers])
        me = self._setting.me
        for receiver, message in effects.sends:
            to = range(self._setting.count) if receiver == ALL else (receiver,)
            for other in to:
                if other in self._others:
                    own = Signed(me, message)
                    shown = Message(f"{TWIN}{half}", block=message.block, body=own)
                    said.send(other, shown)
                elif other in self._sides[half]:
                    said.send(other, message)
        return said


class Held:
    """A machine some of whose messages are late, or never leave; it satisfies `Machine`."""

    def __init__(
        self, setting: Setting, machine: Machine, drawn: Random, dropped: Sequence[int], late: int
    ) -> None:
        self._setting, self._machine, self._drawn = setting, machine, drawn
        self._dropped, self._late = frozenset(dropped), late
        self._kept: dict[str, tuple[int, Message]] = {}

    def start(self) -> Effects:
        """Start the machine."""
        return self._held(self._machine.start())

    def propose(self, items: Sequence[Item]) -> Effects:
        """Take transactions."""
        return self._held(self._machine.propose(items))

    def receive(self, sender: int, message: Message) -> Effects:
        """Hear everybody."""
        return self._held(self._machine.receive(sender, message))

    def timer(self, name: str) -> Effects:
        """Let go of what was held back."""
        kept = self._kept.pop(name, None)
        if kept is None:
            return self._held(self._machine.timer(name))
        effects = Effects()
        effects.send(*kept)
        return effects

    def _held(self, effects: Effects) -> Effects:
        sends, effects.sends = effects.sends, []
        me = self._setting.me
        for receiver, message in sends:
            others = range(self._setting.count) if receiver == ALL else (receiver,)
            for other in others:
                if other == me or other in self._dropped:
                    continue
                if self._late:
                    name = f"held {len(self._kept)} {self._drawn.random()}"
                    self._kept[name] = other, message
                    effects.after(name, self._drawn.randrange(self._late))
                else:
                    effects.send(other, message)
        return _only_said(effects)


def twins(drawn: Random) -> Liar:
    """Draw which of the others either of the two talks to."""
    cut = drawn.random()

    def around(setting: Setting, make: Make) -> Machine:
        return Twins(setting, make, _sides(range(setting.count), cut))

    return around


def conspiracy(liars: Collection[int], count: int, drawn: Random) -> dict[int, Liar]:
    """Return twins who tell the same half of all honest ones the same."""
    sides = _sides([one for one in range(count) if one not in liars], drawn.random())

    def around(setting: Setting, make: Make) -> Machine:
        return Twins(setting, make, sides, frozenset(liars) - {setting.me})

    return dict.fromkeys(liars, around)


def _sides(others: Sequence[int], cut: float) -> tuple[frozenset[int], frozenset[int]]:
    mixed = Random(f"{cut}").sample(others, len(others))
    at = round(cut * len(mixed))
    return frozenset(mixed[:at]), frozenset(mixed[at:])


def withholding(drawn: Random) -> Liar:
    """Draw to whom nothing is sent."""
    share = drawn.random()

    def around(setting: Setting, make: Make) -> Machine:
        dropped = Random(f"{share}").sample(range(setting.count), int(share * setting.count))
        return Held(setting, make(setting, {}), Random(f"{share}"), dropped, 0)

    return around


def delaying(drawn: Random) -> Liar:
    """Draw how late everything is."""
    late = drawn.randrange(1, 3_000_000)

    def around(setting: Setting, make: Make) -> Machine:
        return Held(setting, make(setting, {}), Random(f"{late}"), (), late)

    return around


class Forgetful:
    """A machine that is made anew from nothing, again and again; it satisfies `Machine`."""

    def __init__(self, setting: Setting, make: Make, every: int) -> None:
        self._setting, self._make, self._every = setting, make, every
        self._machine, self._heard = make(setting, {}), 0

    def start(self) -> Effects:
        """Start the machine."""
        return _only_said(self._machine.start())

    def propose(self, items: Sequence[Item]) -> Effects:
        """Take transactions."""
        return _only_said(self._machine.propose(items))

    def receive(self, sender: int, message: Message) -> Effects:
        """Hear everybody, and forget it now and then."""
        self._heard += 1
        if self._heard % self._every == 0:
            self._machine = self._make(self._setting, {})
            return self.start()
        return _only_said(self._machine.receive(sender, message))

    def timer(self, name: str) -> Effects:
        """Hear a timer, perhaps of a machine that is forgotten."""
        return _only_said(self._machine.timer(name))


def forgetful(drawn: Random) -> Liar:
    """Draw how often it forgets everything."""
    every = drawn.randrange(2, 60)

    def around(setting: Setting, make: Make) -> Machine:
        return Forgetful(setting, make, every)

    return around


def _only_said(effects: Effects) -> Effects:
    """Leave out what a liar says to itself: what it holds is of no interest."""
    return Effects(sends=effects.sends, timers=effects.timers)


LIARS: Mapping[str, Callable[[Random], Liar]] = {
    "twins": twins, "withholding": withholding, "delaying": delaying, "forgetful": forgetful,
}  # fmt: skip
