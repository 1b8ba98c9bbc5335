"""Proof of work on the simulated network: rate, forks, difficulty, and what takes a block back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from math import sqrt

import pytest
from tests.consensus.planted import planted
from tests.consensus.scenarios import item

from collegium.consensus.analysis import fork_probability
from collegium.consensus.liars import MACHINES
from collegium.consensus.machine import (
    ALL,
    GENESIS,
    Effects,
    Item,
    Machine,
    Message,
    Setting,
    make_block,
)
from collegium.consensus.network import Crash, Links, Network, Partition, Weather
from collegium.consensus.pool import ITEMS
from collegium.consensus.protocols.pow import POW, Miner
from collegium.consensus.simulator import Make, Simulator
from collegium.consensus.trials import failing_trials, run_trial

SECOND = 1_000_000
ENDLESS = {"confirmations": 1 << 40, "retarget": 1 << 40}
"""Nothing is ever confirmed, so that all mine on and on, and the difficulty stays."""

DENSE = {"confirmations": 40, "retarget": 8}
"""For trials with a block every half second: forks everywhere, and no partition is as long."""


def mined(
    powers: Sequence[int], delay: int, seconds: int, options: dict[str, int], *crashes: Crash
) -> Simulator:
    """Let all mine for a while, with a block a second on average."""
    network = Network(Links(delay, delay, 0, 1 << 60), Weather(crashes=crashes))
    setting = Setting(0, tuple(powers), seed=5, interval=SECOND, options=options)
    simulator = Simulator(POW, setting, network)
    simulator.enter(0, [item(1)])
    simulator.run(lambda: False, seconds * SECOND)
    return simulator


def test_blocks_come_as_often_as_they_should_and_fork_as_the_model_says() -> None:
    """A fork is a height at which another miner found a block before it heard of the first one."""
    simulator = mined([1] * 10, SECOND // 10, 2_500, ENDLESS)
    seat = simulator.seats[0]
    assert isinstance(seat.machine, Miner)
    at = Counter(block.height for block in seat.machine._tree.above(0))
    heights = len(seat.chain)
    forks = sum(found > 1 for found in at.values()) / heights
    expected = fork_probability(1 / 10, 10, 0.1, "all")
    assert abs(forks - expected) < 3 * sqrt(expected * (1 - expected) / heights)
    # While a block spreads, its miner alone works on it.
    seconds = 2_500 / heights
    assert abs(seconds - (1 + 0.9 * 0.1)) < 3 / sqrt(heights)
    assert simulator.retracted > 0


def test_miners_find_blocks_as_their_power_is() -> None:
    chain = mined([1, 2, 3, 4], 0, 2_000, ENDLESS).seats[0].chain
    found = Counter(block.proposer for block in chain)
    for miner, share in enumerate((0.1, 0.2, 0.3, 0.4)):
        spread = sqrt(share * (1 - share) / len(chain))
        assert abs(found[miner] / len(chain) - share) < 3 * spread


def test_what_a_block_holds_changes_nobodys_lot() -> None:
    """Else its miner would try forms of it, until the next block is soon its own."""
    miner = Miner(Setting(0, (1,) * 4, options=POW.defaults), {})
    time = miner._drawn(1, GENESIS)
    first, other = (make_block(1, GENESIS, 1, time, [item(number)]) for number in range(2))
    for block in (first, other):
        miner.receive(1, Message("block", 1, time, block.digest, block))
    lots = [[miner._drawn(who, block.digest) for who in range(4)] for block in (first, other)]
    assert lots[0] == lots[1]
    assert len({*lots[0], time}) == 5


def test_the_difficulty_follows_the_power_that_is_left() -> None:
    """Six of eight stop: blocks come four times slower, and then as often as before."""
    gone = [Crash(miner, 400 * SECOND) for miner in range(2, 8)]
    options = {"confirmations": 6, "retarget": 32}
    network = Network(Links(0, 0, 0, 1 << 60), Weather(crashes=tuple(gone)))
    setting = Setting(0, (1,) * 8, seed=1, interval=SECOND, options=options)
    simulator = Simulator(POW, setting, network)
    heights = {}
    for number in range(2_000):
        simulator.enter(0, [item(number)], number * SECOND)
    for until in (400, 440, 1_000, 2_000):
        simulator.run(lambda: False, until * SECOND)
        heights[until] = len(simulator.seats[0].chain)
    assert 330 < heights[400] < 470
    assert heights[440] - heights[400] < 20
    assert 850 < heights[2_000] - heights[1_000] < 1_150


def test_a_block_is_final_with_its_confirmations_and_then_all_rest() -> None:
    simulator = Simulator(POW, Setting(0, (1,) * 4, options=POW.defaults), Network())
    simulator.enter(0, [item(1)])
    simulator.run(lambda: False, 2_000 * SECOND)
    assert {seat.decided for seat in simulator.seats} == {1}
    assert {len(seat.chain) for seat in simulator.seats} == {7}


def test_who_runs_two_machines_has_half_the_power_for_each() -> None:
    options = {**ENDLESS, MACHINES: 2}
    whole = len(mined([1] * 4, 0, 1_000, ENDLESS).seats[0].chain)
    halves = len(mined([1] * 4, 0, 1_000, options).seats[0].chain)
    assert abs(whole / halves - 2) < 0.3


@pytest.mark.parametrize(
    ("powers", "tolerated"), [((1,) * 4, 1), ((1,) * 7, 3), ((5, 1, 1, 1), 0), ((3, 3, 2, 2), 1)]
)
def test_it_bears_less_than_half_of_the_power(powers: tuple[int, ...], tolerated: int) -> None:
    assert POW.tolerated(powers) == tolerated


class Private:
    """A miner who mines with its like in private, and tells everybody at an hour."""

    def __init__(self, setting: Setting, make: Make, like: frozenset[int], release: int) -> None:
        endless = {**setting.options, "confirmations": 1 << 40}
        self._machine: Machine = make(replace(setting, options=endless), {})
        self._like, self._release, self._private = like, release, True

    def start(self) -> Effects:
        effects = self._said(self._machine.start())
        effects.after("release", self._release)
        return effects

    def propose(self, items: Sequence[Item]) -> Effects:
        return self._said(self._machine.propose(items))

    def receive(self, sender: int, message: Message) -> Effects:
        if self._private and sender not in self._like and message.kind != ITEMS:
            return Effects()
        return self._said(self._machine.receive(sender, message))

    def timer(self, name: str) -> Effects:
        if name == "release":
            self._private = False
            return Effects()
        return self._said(self._machine.timer(name))

    def _said(self, effects: Effects) -> Effects:
        sends = effects.sends
        if self._private:
            sends = [(who, said) for who, said in sends if who in self._like]
            sends += [
                (one, said) for who, said in effects.sends if who == ALL for one in self._like
            ]
        return Effects(sends=sends, timers=effects.timers)


@pytest.mark.parametrize(
    ("liars", "last", "taken_back"), [(1, 900, False), (4, 900, True), (1, 1, True)]
)
def test_most_of_the_power_takes_back_what_was_final(
    liars: int, last: int, taken_back: bool
) -> None:
    """A seventh of it does so with a probability of 0.001, unless the honest rest meanwhile."""
    like = frozenset(range(liars))
    lying = dict.fromkeys(like, lambda setting, make: Private(setting, make, like, 400 * SECOND))
    setting = Setting(0, (1,) * 7, seed=1, options=POW.defaults)
    simulator = Simulator(POW, setting, Network(), liars=lying)
    for second in range(0, last, 10):
        simulator.enter(6, [item(second)], second * SECOND)
    simulator.run(lambda: False, 900 * SECOND)
    assert any(one.what == "a decision taken back" for one in simulator.violations) is taken_back


def test_a_partition_that_outlasts_the_confirmations_forks_it_for_good() -> None:
    """Unlike PBFT, which would stop: both sides mine on, and one of them is taken back."""
    weather = Weather(partitions=(Partition(0, 300 * SECOND, ((0, 1, 2),)),))
    simulator = Simulator(POW, Setting(0, (1,) * 6, options=POW.defaults), Network(weather=weather))
    simulator.enter(0, [item(1)])
    simulator.enter(5, [item(2)])
    simulator.run(lambda: False, 600 * SECOND)
    assert {one.what for one in simulator.violations} >= {"two blocks decided"}


def test_trials_in_which_blocks_come_so_fast_that_they_fork_everywhere() -> None:
    assert failing_trials("pow", range(60), interval=SECOND // 2, options=DENSE) == []


BUGS = {
    "a block is final as soon as it is held": (
        "len(self._tree.chain) - self._confirmations, effects", "len(self._tree.chain), effects",
        range(10, 20), False,
    ),
    "miners rest before the last blocks are confirmed": (
        "if not self._pool and not self._tree.unsettled:", "if not self._pool:", range(5), False,
    ),
    "nobody asks for a block's parents": (
        "            tree.ask(sender, self._standing, effects)\n", "", range(60, 70), False,
    ),
    "the chain that was heard of last is held": (
        "if tree.weight(one.digest) > tree.weight(self._heaviest):", "if True:", range(610, 620),
        False,
    ),
    "the lottery does not see the parent": (
        "self._tree.height_of(parent), self._time(parent), finder", "0, 0, 0", range(135, 145),
        False,
    ),
    "the difficulty goes the wrong way": (
        "former * expected // took", "former * took // expected", range(10, 20), True,
    ),
}  # fmt: skip


@pytest.mark.parametrize("bug", BUGS)
def test_planted_bugs_are_found(bug: str) -> None:
    sound, broken, seeds, dense = BUGS[bug]
    protocol = planted("pow", "POW", sound, broken)
    more = {"interval": SECOND // 2, "options": DENSE} if dense else {}
    assert any(not run_trial(protocol, seed, **more).holds for seed in seeds)  # type: ignore[arg-type]
