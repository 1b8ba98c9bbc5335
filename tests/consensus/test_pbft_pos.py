"""PBFT by committees: who is drawn, how often liars capture one, what a block costs, bugs."""

from __future__ import annotations

from collections import Counter

import pytest
from tests.consensus.planted import first_found, planted
from tests.consensus.scenarios import entering

from collegium.consensus.lottery import draw_committee
from collegium.consensus.machine import Setting
from collegium.consensus.network import Network
from collegium.consensus.protocols.pbft_pos import EPOCH, PBFT_POS
from collegium.consensus.simulator import Simulator
from collegium.consensus.trials import run_trial


@pytest.mark.parametrize(
    ("bad", "size", "probability"), [(20, 4, 0.178), (20, 7, 0.141), (30, 21, 0.449)]
)
def test_liars_capture_a_committee_as_often_as_is_calculated(
    bad: int, size: int, probability: float
) -> None:
    """At least a third of a committee drawn from 100: the hypergeometric distribution."""
    draws = 4_000
    captured = sum(
        3 * sum(who < bad for who in draw_committee((1,) * 100, size, 7, epoch)) >= size
        for epoch in range(draws)
    )
    deviation = (probability * (1 - probability) / draws) ** 0.5
    assert abs(captured / draws - probability) < 3 * deviation + 0.0005


def test_the_first_seat_is_drawn_by_power_and_nobody_sits_twice() -> None:
    powers, draws = (5, 3, 1, 1), 4_000
    found = [draw_committee(powers, 3, 1, epoch) for epoch in range(draws)]
    assert all(len(set(one)) == 3 for one in found)
    first = Counter(one[0] for one in found)
    for who, power in enumerate(powers):
        mean = draws * power / 10
        assert abs(first[who] - mean) < 3 * (mean * (1 - power / 10)) ** 0.5


def test_those_without_power_come_last() -> None:
    assert draw_committee((0, 0, 7, 0), 3, 1) == (2, 0, 1)


def test_only_the_committee_of_its_epoch_decides_a_block() -> None:
    simulator = Simulator(
        PBFT_POS, Setting(0, (1,) * 7, options=PBFT_POS.defaults), Network(), seed=2
    )
    entering(simulator, blocks=3 * EPOCH, at=range(7))
    for block in simulator.first_decided:
        committee = draw_committee((1,) * 7, 4, 0, (block.height - 1) // EPOCH)
        assert block.proposer == committee[block.view % 4]
        assert simulator.counted.messages[block.digest] == 24 + 3


@pytest.mark.parametrize("options", [{"epoch": 1}, {"epoch": 2, "committee": 7}])
def test_it_holds_where_committees_change_often_and_stakes_differ(options: dict[str, int]) -> None:
    trials = (run_trial(PBFT_POS, seed, options=options, weighted=True) for seed in range(140, 190))
    assert [one.seed for one in trials if not one.holds] == []


def test_two_liars_who_come_into_one_committee_split_it() -> None:
    trial = run_trial(PBFT_POS, 13, beyond=1)
    assert {one.what for one in trial.violations} == {"two blocks decided"}


BUGS = {
    "blocks of an earlier epoch are held against the present committee": (
        "self._committee(self._epoch_of(block.height))", "self._members", range(4, 6),
    ),
    "a new committee waits to be told": (
        "        self._replica.go_on(effects)\n", "", range(12, 14),
    ),
    "a follower does not note what is ordered": (
        "                self._pool.ordered(block.items)\n            self._next_epoch",
        "            self._next_epoch", range(3, 6),
    ),
}  # fmt: skip


@pytest.mark.parametrize("bug", BUGS)
def test_planted_bugs_are_found(bug: str) -> None:
    sound, broken, seeds = BUGS[bug]
    assert first_found(planted("pbft_pos", "PBFT_POS", sound, broken), seeds) is not None
