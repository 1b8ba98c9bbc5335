"""Votes by stake: who proposes, what a block costs, weights, planted bugs."""

from __future__ import annotations

from collections import Counter

import pytest
from tests.consensus.planted import first_found, planted
from tests.consensus.scenarios import entering

from collegium.consensus.lottery import draw
from collegium.consensus.machine import Setting
from collegium.consensus.network import Links, Network
from collegium.consensus.protocols.pos_vote import POS_VOTE
from collegium.consensus.simulator import Simulator
from collegium.consensus.trials import failing_trials, run_trial


def test_a_block_takes_three_delays_at_its_proposer_and_the_others() -> None:
    links = Links(10_000, 10_000, 0, 1 << 60)
    simulator = Simulator(POS_VOTE, Setting(0, (1,) * 4), Network(links))
    proposer = draw((1,) * 4, 0, 1, 0)
    entering(simulator, blocks=1, at=(proposer,))
    assert {seat.decided_at[0] for seat in simulator.seats} == {30_000}


def test_blocks_are_proposed_by_stake() -> None:
    powers, blocks = (5, 3, 1, 1), 400
    simulator = Simulator(POS_VOTE, Setting(0, powers), Network(), seed=1)
    entering(simulator, blocks=blocks)
    found = Counter(one.proposer for one in simulator.first_decided)
    for who, power in enumerate(powers):
        mean = blocks * power / 10
        assert abs(found[who] - mean) < 3 * (mean * (1 - power / 10)) ** 0.5


def test_so_many_of_the_most_powerful_may_lie() -> None:
    found = [POS_VOTE.tolerated(powers) for powers in ((1,) * 7, (3, 3, 3), (2, 2, 2, 1, 1, 1, 1))]
    assert found == [2, 0, 1]


def test_it_holds_where_stakes_differ() -> None:
    assert failing_trials("pos_vote", range(60), weighted=True) == []


def test_one_liar_more_than_it_bears_splits_it() -> None:
    trial = run_trial(POS_VOTE, 35, beyond=1)
    assert {one.what for one in trial.violations} == {"two blocks decided"}


BUGS = {
    "a quorum of a half": (
        "3 * self._power(set(voters)) > 2 * self._total",
        "2 * self._power(set(voters)) > self._total", range(170, 180),
    ),
    "a new attempt forgets the lock": (
        "        self._keep(effects, attempt=attempt)\n",
        "        self._kept = Kept(self._kept.height, attempt)\n", range(655, 670),
    ),
    "nobody gives an attempt up": (
        "            self._leave(self._kept.attempt + 1, effects)\n",
        "            self._say_next(effects)\n", range(2, 4),
    ),
}  # fmt: skip


@pytest.mark.parametrize("bug", BUGS)
def test_planted_bugs_are_found(bug: str) -> None:
    sound, broken, seeds = BUGS[bug]
    assert first_found(planted("pos_vote", "POS_VOTE", sound, broken), seeds) is not None
