"""Proof of authority on the simulated network: turns, forks, and who can split it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
from tests.consensus.planted import planted
from tests.consensus.scenarios import item

from collegium.consensus.chain import linked_size
from collegium.consensus.liars import TWIN, Twins
from collegium.consensus.machine import (
    GENESIS,
    Block,
    ConsensusProtocol,
    Effects,
    Item,
    Message,
    Setting,
    Signed,
    make_block,
)
from collegium.consensus.network import Crash, Links, Network, Partition, Weather
from collegium.consensus.protocols.poa import PERIOD, POA
from collegium.consensus.simulator import Make, Simulator
from collegium.consensus.trials import failing_trials, run_trial

SECOND = 1_000_000
HOUR = 3_600 * SECOND
DENSE = {**POA.defaults, "confirmations": 40}
"""For trials with a block every half second: no partition is as long."""


def signed(
    count: int,
    seconds: int,
    *,
    weather: Weather | None = None,
    options: dict[str, int] | None = None,
) -> Simulator:
    """Let all sign for a while; a transaction enters at the first one every ten seconds."""
    network = Network(Links(20_000, 20_000, 0, 1 << 60), weather or Weather())
    setting = Setting(0, (1,) * count, 3, options=POA.defaults)
    simulator = Simulator(POA, setting, network)
    for number in range(seconds // 10):
        simulator.enter(0, [item(number)], 10 * number * SECOND)
    simulator.run(lambda: False, seconds * SECOND)
    return simulator


def test_signers_take_turns_and_a_block_comes_with_each_period() -> None:
    simulator = signed(4, 1_000)
    chain = simulator.seats[0].chain
    assert all(block.proposer == block.height % 4 for block in chain)
    assert len(chain) == 1_000 * SECOND // (PERIOD + 20_000)
    # Who is not in turn draws less than a message takes once in fifty times.
    assert simulator.retracted < 5


def test_a_signer_that_is_away_is_late_by_a_wiggle_and_nobody_signs_twice_in_a_majority() -> None:
    """EIP-225: of floor(n/2) + 1 consecutive blocks each is another signer's."""
    simulator = signed(7, 3_000, weather=Weather(crashes=(Crash(3, 0), Crash(4, 0))))
    chain = simulator.seats[0].chain
    for start in range(len(chain) - 3):
        assert len({block.proposer for block in chain[start : start + 4]}) == 4
    away = [block for block in chain if block.height % 7 in {3, 4}]
    assert not {block.proposer for block in away} & {3, 4}
    weights = [0, *(block.view for block in chain)]
    for block, (before, after) in zip(chain, pairwise(weights), strict=True):
        assert after - before == (2 if block.proposer == block.height % 7 else 1)
    # Two in seven are out of turn, and late by the least of several draws of up to 3.5 s.
    assert 3_000 / 16 < len(chain) < 3_000 / 15


@pytest.mark.parametrize(("stopped", "goes_on"), [(3, True), (4, False)])
def test_it_goes_on_while_more_than_half_sign(stopped: int, goes_on: bool) -> None:
    crashes = tuple(Crash(who, 0) for who in range(1, 1 + stopped))
    seat = signed(7, 1_000, weather=Weather(crashes=crashes)).seats[0]
    assert (seat.decided > 20) is goes_on
    assert goes_on or len(seat.chain) == 3, "each who is left signs once, and waits for others"


def test_a_block_is_final_with_its_confirmations_and_then_all_rest() -> None:
    simulator = Simulator(POA, Setting(0, (1,) * 4, options=POA.defaults), Network())
    simulator.enter(0, [item(1)])
    simulator.run(lambda: False, HOUR)
    assert {(seat.decided, len(seat.chain)) for seat in simulator.seats} == {(1, 7)}
    assert "sign" not in simulator.seats[0].timers


def _heard(*blocks: Block) -> Sequence[Block]:
    machine = POA.machine(Setting(3, (1,) * 4, options=POA.defaults), {})
    held: list[Block] = []
    for block in blocks:
        said = Message("block", block.height, block.view, block.digest, block, linked_size(block))
        held += machine.receive(block.proposer, said).extends
    return held


def test_a_signer_that_has_signed_lately_or_claims_more_difficulty_is_not_followed() -> None:
    first = make_block(1, GENESIS, 1, 2, [item(1)])
    for signer, total, sound in ((1, 3, False), (2, 4, True), (2, 3, False), (0, 3, True)):
        block = make_block(2, first.digest, signer, total, [item(2)])
        assert (block in _heard(first, block)) is sound
    second = make_block(2, first.digest, 2, 4, [item(2)])
    assert make_block(3, second.digest, 1, 5, []) not in _heard(
        first, second, make_block(3, second.digest, 1, 5, [])
    )


def _halved(protocol: ConsensusProtocol) -> Simulator:
    """Let two and two sign apart until all of them wait, on chains of the same difficulty."""
    weather = Weather(partitions=(Partition(0, 60 * SECOND, ((1, 3),)),))
    setting = Setting(0, (1,) * 4, seed=HALVED, options=POA.defaults)
    simulator = Simulator(protocol, setting, Network(weather=weather))
    simulator.enter(0, [item(1)])
    simulator.enter(1, [item(2)])
    simulator.run(lambda: False, 50 * SECOND)
    assert [[block.view for block in seat.chain] for seat in simulator.seats] == [
        [1, 3], [2, 3], [1, 3], [2, 3],
    ]  # fmt: skip
    simulator.run(lambda: False, HOUR)
    return simulator


HALVED = 0
"""A seed with which 0 is earlier than 2, whose turn is the next one."""

CHOICE = "return self._tree.weight(digest), -height, since_its_turn, low"


def test_chains_of_the_same_difficulty_stop_nobody_as_they_did_on_goerli() -> None:
    """EIP-3436: where whoever came first is held, all four wait for the other two for ever."""
    assert {seat.decided for seat in _halved(POA).seats} == {3}
    first = planted("poa", "POA", CHOICE, "return self._tree.weight(digest), 0, 0, 0")
    assert {seat.decided for seat in _halved(first).seats} == {0}


# Who can split it.


@dataclass(frozen=True, slots=True)
class Parted(Partition):
    """A partition with a clone on either side of it."""

    clone: int = -1

    def parts(self, one: int, other: int) -> bool:
        return self.clone not in (one, other) and Partition.parts(self, one, other)


class Clone:
    """One signer in two places, each of which hears and tells one half of the others alone."""

    def __init__(
        self, setting: Setting, make: Make, halves: tuple[frozenset[int], frozenset[int]]
    ) -> None:
        self._twins, self._halves = Twins(setting, make, halves), halves

    def start(self) -> Effects:
        return self._twins.start()

    def propose(self, items: Sequence[Item]) -> Effects:
        return self._twins.propose(items)

    def receive(self, sender: int, message: Message) -> Effects:
        place = int(sender in self._halves[1])
        there = Message(f"{TWIN}{place}", body=Signed(sender, message))
        return self._twins.receive(sender, there)

    def timer(self, name: str) -> Effects:
        return self._twins.timer(name)


def parted(minutes: int, *, cloned: bool, confirmations: int) -> set[str]:
    """Part six signers in halves, the seventh on one side or on both; return what was violated."""
    halves = frozenset({1, 2, 3}), frozenset({4, 5, 6})
    cut = Parted(0, 60 * minutes * SECOND, ((1, 2, 3),), 0 if cloned else -1)
    liars = {0: lambda setting, make: Clone(setting, make, halves)} if cloned else {}
    setting = Setting(0, (1,) * 7, options={**POA.defaults, "confirmations": confirmations})
    simulator = Simulator(POA, setting, Network(weather=Weather(partitions=(cut,))), liars=liars)
    for number in range(minutes):
        for who in (1, 4):
            simulator.enter(who, [item(10 * number + who)], 60 * number * SECOND)
    simulator.run(lambda: False, 2 * HOUR)
    assert simulator.violations or len(simulator.seats[1].ordered_finally()) == 2 * minutes
    return {one.what for one in simulator.violations}


def test_one_clone_on_both_sides_of_a_partition_splits_it() -> None:
    """Ekparinya, Gramoli and Jourjon 2020: either side has a majority with it, and signs on."""
    split = {"two blocks decided", "a decision taken back"}
    assert parted(10, cloned=True, confirmations=6) == split
    assert parted(10, cloned=True, confirmations=60) == set()


def test_a_partition_alone_stops_the_smaller_side_unlike_under_proof_of_work() -> None:
    """Each of three signs once, so nothing there has three blocks on top."""
    assert parted(60, cloned=False, confirmations=3) == set()


@pytest.mark.parametrize(("beyond", "seed"), [(2, 46), (3, 70)])
def test_liars_beyond_the_bound_keep_two_chains_level_without_a_partition(
    beyond: int, seed: int
) -> None:
    trial = run_trial(POA, seed, beyond=beyond)
    assert (len(trial.liars), trial.validators) == (1 + beyond, 7)
    assert {one.what for one in trial.violations} == {"two blocks decided"}


@pytest.mark.parametrize(("count", "tolerated"), [(4, 0), (6, 1), (7, 1), (10, 1), (12, 2)])
def test_it_bears_a_sixth_who_lie(count: int, tolerated: int) -> None:
    """A third of the consecutive blocks in which each signs once, and no more."""
    assert POA.tolerated((1,) * count) == tolerated
    assert 3 * tolerated < count // 2 + 1 <= 3 * (tolerated + 1)


def test_trials_in_which_blocks_come_so_fast_that_they_fork_everywhere() -> None:
    assert failing_trials("poa", range(30), interval=SECOND // 2, options=DENSE) == []


def test_trials_in_which_more_stop_than_may_lie() -> None:
    """Of four, seven and ten signers one, two and two."""
    assert [one for one in range(60) if not run_trial(POA, one, liars={}, beyond=1).holds] == []


FAST = {"interval": SECOND // 2, "options": DENSE}
STOPPED: dict[str, Any] = {"liars": {}, "beyond": 1}
BUGS: dict[str, tuple[str, str, range, dict[str, Any]]] = {
    "a block is final as soon as it is held": (
        "len(self._tree.chain) - self._confirmations, effects", "len(self._tree.chain), effects",
        range(5, 10), {},
    ),
    "signers rest before the last blocks are confirmed": (
        "if not self._pool and not self._tree.unsettled:", "if not self._pool:", range(5), {},
    ),
    "the wait for a former parent goes on": (
        "elif self._waits_on != tip:", "elif self._waits_on is None:", range(5), {},
    ),
    "one block more is recent": (
        "self._setting.count // 2)", "self._setting.count // 2 + 1)", range(10, 15), STOPPED,
    ),
    "who is recent is looked up in the chain that is held": (
        "self._tree.back_from(parent)", "reversed(self._tree.chain)", range(30, 35), FAST,
    ),
    "of chains of the same difficulty the first one is held": (
        CHOICE, "return self._tree.weight(digest), 0, 0, 0", range(220, 225), FAST,
    ),
}  # fmt: skip


@pytest.mark.parametrize("bug", BUGS)
def test_planted_bugs_are_found(bug: str) -> None:
    sound, broken, seeds, more = BUGS[bug]
    protocol = planted("poa", "POA", sound, broken)
    assert any(not run_trial(protocol, seed, **more).holds for seed in seeds)
    assert all(run_trial(POA, seed, **more).holds for seed in seeds)
