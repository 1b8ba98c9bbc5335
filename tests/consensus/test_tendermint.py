"""Tendermint on the simulated network: counts, turns and quorums by power, planted bugs."""

from __future__ import annotations

from collections import Counter

import pytest
from tests.consensus.planted import first_found, planted
from tests.consensus.scenarios import entering, item

from collegium.consensus.machine import Setting
from collegium.consensus.network import PRESETS, Crash, Links, Network, Weather
from collegium.consensus.protocols.tendermint import TENDERMINT
from collegium.consensus.simulator import Simulator
from collegium.consensus.trials import run_trial
from collegium.consensus.votes import Turns


@pytest.mark.parametrize(("count", "messages"), [(4, 27), (7, 90), (10, 189), (31, 1890)])
@pytest.mark.parametrize("preset", ["lan", "wan"])
def test_a_block_costs_a_proposal_and_two_votes_of_everybody(
    preset: str, count: int, messages: int
) -> None:
    """(n - 1) + 2n(n - 1), also where votes overtake the proposal or the votes before."""
    simulator = Simulator(TENDERMINT, Setting(0, (1,) * count), Network(PRESETS[preset]), seed=1)
    entering(simulator, blocks=5)
    counts = [simulator.counted.messages[one.digest] for one in simulator.first_decided]
    assert counts == [messages] * 5


def test_a_block_takes_three_delays() -> None:
    simulator = Simulator(
        TENDERMINT, Setting(0, (1,) * 4), Network(Links(10_000, 10_000, 0, 1 << 60))
    )
    entering(simulator, blocks=1)
    assert {seat.decided_at[0] for seat in simulator.seats} == {30_000}


def test_proposers_take_turns_by_power() -> None:
    turns = Turns((1, 2, 3))
    assert [turns[at] for at in range(6)] == [2, 1, 0, 2, 1, 2]
    powers = (5, 30, 10, 20)
    turns = Turns(powers)
    assert turns[13 * 10**9 + 4] == turns[4]
    assert Counter(turns[at] for at in range(13)) == dict(enumerate(one // 5 for one in powers))
    simulator = Simulator(TENDERMINT, Setting(0, (1, 2, 3)), Network())
    entering(simulator, blocks=6)
    assert [one.proposer for one in simulator.first_decided] == [2, 1, 0, 2, 1, 2]


@pytest.mark.parametrize(("power", "decides"), [(4, False), (3, True)])
def test_it_is_power_that_makes_a_quorum(power: int, decides: bool) -> None:
    """Who is down has 4 of 12, or 3 of 11: the others need more than 2/3."""
    weather = Weather(crashes=(Crash(0, 0),))
    setting = Setting(0, (power, 4, 2, 1, 1), timeout=200_000)
    simulator = Simulator(TENDERMINT, setting, Network(weather=weather))
    simulator.enter(1, [item(1)], 1_000)
    assert simulator.run(lambda: simulator.seats[4].decided > 0, 600_000_000) is decides


def test_faults_that_it_bears_are_of_the_most_powerful() -> None:
    assert TENDERMINT.tolerated((1,) * 10) == 3
    assert TENDERMINT.tolerated((5, 3, 1, 1, 1)) == 0
    assert TENDERMINT.tolerated((3, 3, 3, 3, 1)) == 1


def test_with_unlike_powers_it_holds_too() -> None:
    assert all(run_trial(TENDERMINT, seed, weighted=True).holds for seed in range(60))


def test_a_proposer_that_waits_for_its_interval_needs_no_second_round() -> None:
    setting = Setting(0, (1,) * 4, timeout=200_000, interval=1_000_000)
    simulator = Simulator(TENDERMINT, setting, Network(Links(100, 100, 0, 1 << 60)))
    for number in range(5):
        simulator.enter(number % 4, [item(number)], 300_000 * number)
    assert simulator.run(lambda: simulator.seats[0].decided == 3, 60_000_000)
    assert {one.view for one in simulator.first_decided} == {0}
    assert simulator.seats[0].decided_at[2] - simulator.seats[0].decided_at[1] >= 1_000_000


def test_a_day_without_transactions_is_quiet() -> None:
    simulator = Simulator(TENDERMINT, Setting(0, (1,) * 10), Network())
    entering(simulator, blocks=1)
    before = simulator.counted.delivered
    simulator.run(lambda: False, 86_400_000_000)
    assert simulator.counted.delivered - before < 5_000


def test_one_liar_more_than_it_bears_splits_it() -> None:
    trial = run_trial(TENDERMINT, 24, beyond=1)
    assert {one.what for one in trial.violations} == {"two blocks decided"}


BUGS = {
    "a quorum of a half": (
        "return 3 * power > 2 * self._total", "return 2 * power > self._total", range(205, 215),
    ),
    "a lock that is forgotten (22, 28)": (
        "return digest if self._locked_round <= since else NIL", "return digest", range(230, 240),
    ),
    "a proposer makes a new block while one is valid (16)": (
        "        if self._valid is not None:  # 16", "        if False:", range(10),
    ),
    "nobody waits for the rest of the prevotes (34)": (
        'self._wait("prevote", effects)', "pass", range(10),
    ),
    "nobody waits for the rest of the precommits (47)": (
        "if precommits is not None and self._are_enough(precommits.all):", "if False:", range(10),
    ),
    "nothing that was lost is said again": (
        '            self._say_again(effects)\n        elif', "            pass\n        elif",
        range(10),
    ),
    "who has left a round without a vote is waited for": (
        "            if round > self._round and who not in votes.who:", "            if False:",
        range(2390, 2400),
    ),
}  # fmt: skip


@pytest.mark.parametrize("bug", BUGS)
def test_planted_bugs_are_found(bug: str) -> None:
    sound, broken, seeds = BUGS[bug]
    assert first_found(planted("tendermint", "TENDERMINT", sound, broken), seeds) is not None
