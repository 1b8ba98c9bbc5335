"""Trials: one protocol under drawn faults, and what must hold at every step and after healing.

A trial is drawn from its seed alone: how many validators, who lies and how, what is lost, who is
cut off or stops and when. Then the network heals, and what entered must be ordered by everybody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from random import Random

from collegium.consensus.liars import LIARS, conspiracy
from collegium.consensus.machine import ConsensusProtocol, Item, Needs, Setting
from collegium.consensus.network import Crash, Links, Network, Partition, Weather
from collegium.consensus.simulator import Liar, Simulator, Violation
from collegium.plugins import find

HEALS = (2_000_000, 20_000_000)
"""When the network heals, one of these: much at a time, or less."""

PATIENCE = 4_000_000_000
LINKS = Links(1_000, 20_000, 2_000, 1_000_000_000)
TIMEOUT = 200_000
SIZES = (4, 7, 10)
STORM = 5_000_000
"""How long everybody may stop again and again."""

STEPS = 400_000
"""Events after which a trial that makes no progress is given up."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of a trial.

    Attributes:
        seed: what it was drawn from.
        violations: of agreement and validity.
        stuck: the validators that have not decided everything that entered at whoever lives.
        decided: heights.
        deliveries: messages delivered.
        seconds: virtual ones.
        validators: how many there were.
        liars: who of them lied.
        weather: what else went wrong.
    """

    seed: int
    violations: tuple[Violation, ...]
    stuck: tuple[int, ...]
    decided: int
    deliveries: int
    seconds: float
    validators: int
    liars: tuple[int, ...]
    weather: Weather

    @property
    def holds(self) -> bool:
        """Return whether nothing was violated, and all went on after healing."""
        return not self.violations and not self.stuck


def run_trial(
    protocol: ConsensusProtocol,
    seed: int,
    *,
    liars: Mapping[str, Callable[[Random], Liar]] = LIARS,
    beyond: int = 0,
    options: Mapping[str, int] | None = None,
    interval: int = 0,
    weighted: bool = False,
    storms: bool = False,
    watch: Callable[[str], None] | None = None,
) -> Trial:
    """Run a protocol through one drawn history of faults.

    Args:
        protocol: the protocol.
        seed: of the history.
        liars: ways to lie, by name, from which each liar draws one; nobody lies under a protocol
            that bears no liars.
        beyond: how many more faulty ones there are than the protocol bears.
        options: the protocol's own, over its defaults.
        interval: microseconds between blocks; the protocol's own where it is 0.
        weighted: whether validators differ in power.
        storms: whether all who bear nothing worse stop again and again at first.
        watch: is told every event in a line.
    """
    drawn = Random(f"trial {seed}")
    count = drawn.choice(SIZES)
    weights = Random(f"weights {seed}")
    powers = tuple(weights.randint(1, 9) if weighted else 1 for _ in range(count))
    setting = Setting(
        0, powers, seed, TIMEOUT, interval, block_bytes=2_000,
        options={**protocol.defaults, **(options or {})},
    )  # fmt: skip
    needed = protocol.needs if isinstance(protocol, Needs) else ()
    may_fail = [who for who in range(count) if who not in needed]
    wanted = protocol.tolerated(setting.powers) + beyond
    faulty = drawn.sample(may_fail, min(wanted, len(may_fail)))
    lying: dict[int, Liar] = {}
    if liars and protocol.faults == "byzantine":
        if beyond or drawn.random() < 0.3:
            lying = conspiracy(faulty, count, drawn)
        else:
            chosen = [who for who in faulty if drawn.random() < 0.7]
            lying = {who: liars[drawn.choice(sorted(liars))](drawn) for who in chosen}
    gone = [who for who in faulty if who not in lying]
    heals = drawn.choice(HEALS)
    network = Network(LINKS, _weather(drawn, storms, count, gone, lying, heals))
    simulator = Simulator(protocol, setting, network, seed=seed, liars=lying, watch=watch)
    entered = _enter(simulator, drawn, count, heals)
    lasting = {
        one.validator for one in network.weather.crashes if one.until is None
    }  # fmt: skip
    live = [seat for seat in simulator.seats if not seat.lies and seat.setting.me not in lasting]
    expected = {digest for who, digest in entered if who not in lasting and who not in lying}

    def stuck() -> tuple[int, ...]:
        return tuple(seat.setting.me for seat in live if not expected <= seat.ordered_finally())

    simulator.run(lambda: bool(simulator.violations), heals)
    if not simulator.violations:
        simulator.run(lambda: bool(simulator.violations) or not stuck(), PATIENCE, STEPS)
    return Trial(
        seed, tuple(simulator.violations), () if simulator.violations else stuck(),
        len(simulator.first_decided), simulator.counted.delivered, simulator.now / 1e6,
        count, tuple(sorted(lying)), network.weather,
    )  # fmt: skip


def failing_trials(
    name: str,
    seeds: Iterable[int],
    *,
    options: Mapping[str, int] | None = None,
    interval: int = 0,
    weighted: bool = False,
) -> list[str]:
    """Return the commands of those trials of a protocol, by its name, that do not hold."""
    protocol: ConsensusProtocol = find("protocols", name)
    trials = (
        run_trial(protocol, seed, options=options, interval=interval, weighted=weighted)
        for seed in seeds
    )
    return [
        trial_command(name, one.seed, options=options, interval=interval, weighted=weighted)
        for one in trials if not one.holds
    ]  # fmt: skip


def trial_command(
    protocol: str,
    seed: int,
    *,
    beyond: int = 0,
    options: Mapping[str, int] | None = None,
    interval: int = 0,
    weighted: bool = False,
) -> str:
    """Return the command that runs a trial of a protocol, by its name, once more."""
    words = [f"collegium bench consensus --trial {seed} --protocols {protocol}"]
    words += [f"--beyond {beyond}"] if beyond else []
    words += [f"--option {name}={value}" for name, value in (options or {}).items()]
    words += [f"--intervals {interval / 1e6:g}"] if interval else []
    words += ["--weighted"] if weighted else []
    return " ".join([*words, "--trace"])


def _weather(
    drawn: Random,
    storms: bool,
    count: int,
    gone: Sequence[int],
    lying: Mapping[int, object],
    heals: int,
) -> Weather:
    """Draw what goes wrong until the network heals, and who never comes back."""
    crashes = []
    for who in gone:
        at = drawn.randrange(heals)
        back = None if drawn.random() < 0.5 else at + drawn.randrange(1, heals)
        crashes.append(Crash(who, at, back))
    steady = [who for who in range(count) if who not in gone and who not in lying]
    # Anybody may stop for a while before the network heals: it is late, not faulty.
    often, longest = drawn.choice((0, 1, 4)), drawn.choice((50_000, heals))
    others = []
    for who in steady:
        back = 0
        for _ in range(drawn.randint(0, often)):
            at = back + drawn.randrange(heals)
            back = at + drawn.randint(1, longest)
            if back >= heals:
                break
            others.append(Crash(who, at, back))
    crashes += _storm(drawn, steady, heals) if storms else others
    partitions = []
    for _ in range(drawn.randrange(3)):
        cut = drawn.sample(range(count), drawn.randint(1, count - 1))
        start = drawn.randrange(heals - 1_000)
        partitions.append(Partition(start, drawn.randrange(start + 1, heals), (tuple(cut),)))
    return Weather(
        loss=drawn.choice((0, 10, 100, 300)), duplicate=drawn.choice((0, 50)),
        reorder=drawn.choice((0, 20_000, 400_000)), skew=drawn.choice((0, 50)),
        sync=drawn.choice((0, 2_000)), partitions=tuple(partitions), crashes=tuple(crashes),
        heals=heals,
    )  # fmt: skip


def _storm(drawn: Random, steady: Sequence[int], heals: int) -> list[Crash]:
    """Draw that all stop again and again: what they forget then is seen."""
    crashes, until = [], min(heals, STORM)
    apart, longest = drawn.choice((100_000, 400_000)), drawn.choice((5_000, 100_000))
    for who in steady:
        at = drawn.randrange(apart)
        while at + longest < until:
            crashes.append(Crash(who, at, at + drawn.randint(1, longest)))
            at += longest + drawn.randrange(apart)
    return crashes


def _enter(simulator: Simulator, drawn: Random, count: int, heals: int) -> list[tuple[int, bytes]]:
    """Let transactions enter at drawn validators and times; return where each did."""
    entered = []
    for number in range(drawn.randint(3, 25)):
        who, digest = drawn.randrange(count), sha256(b"%d" % number).digest()
        simulator.enter(who, [Item(digest, drawn.randrange(1_000))], drawn.randrange(heals))
        entered.append((who, digest))
    return entered
