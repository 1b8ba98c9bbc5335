"""A signed log: what its blocks cost, what a lying sequencer can do, planted bugs."""

from __future__ import annotations

from random import Random

import pytest
from tests.consensus.planted import first_found, planted
from tests.consensus.scenarios import entering, item

from collegium.consensus.liars import conspiracy
from collegium.consensus.machine import Setting
from collegium.consensus.network import Crash, Links, Network, Weather
from collegium.consensus.protocols.signed_log import SIGNED_LOG
from collegium.consensus.simulator import Simulator


def test_a_block_is_there_after_a_cosignature_came_back_and_everywhere_a_delay_later() -> None:
    links = Links(10_000, 10_000, 0, 1 << 60)
    simulator = Simulator(SIGNED_LOG, Setting(0, (1,) * 4), Network(links))
    entering(simulator, blocks=1)
    assert [seat.decided_at[0] for seat in simulator.seats] == [20_000, 30_000, 30_000, 30_000]


def test_nothing_is_ordered_while_the_sequencer_is_down_and_all_of_it_after() -> None:
    weather = Weather(crashes=(Crash(0, 1_000, 50_000_000),))
    simulator = Simulator(SIGNED_LOG, Setting(0, (1,) * 4), Network(weather=weather))
    simulator.enter(2, [item(1)], 2_000)
    simulator.run(lambda: False, 49_999_999)
    assert not simulator.first_decided
    assert simulator.run(lambda: all(seat.decided for seat in simulator.seats), 200_000_000)


@pytest.mark.parametrize(
    ("powers", "count"),
    [((1,) * 4, 1), ((1,) * 7, 2), ((1,) * 10, 3), ((1,) * 3, 0), ((9, 1, 1), 2), ((1, 5, 1), 0)],
)
def test_so_many_cosigners_may_fail(powers: tuple[int, ...], count: int) -> None:
    assert SIGNED_LOG.tolerated(powers) == count


def _split(liars: tuple[int, ...], seed: int) -> bool:
    """Return whether two blocks of one height are final, where these lie together."""
    lying = conspiracy(liars, 4, Random(seed))
    simulator = Simulator(SIGNED_LOG, Setting(0, (1,) * 4), Network(), seed=seed, liars=lying)
    for number in range(4):
        simulator.enter(number, [item(number)], 1_000 * number)
    simulator.run(lambda: bool(simulator.violations), 30_000_000)
    return bool(simulator.violations)


def test_a_sequencer_that_lies_splits_nobody_alone_but_with_another_third_it_does() -> None:
    assert not any(_split((0,), seed) for seed in range(40))
    assert any(_split((0, 1), seed) for seed in range(40))


BUGS = {
    "what is signed is forgotten in a crash": (
        '        effects.write("signed", block)\n', "        pass\n", range(50, 56),
    ),
    "what is ordered is forgotten in a crash": (
        "        for block in self._chain.blocks:\n", "        for block in ():\n", range(400, 406),
    ),
    "a lost cosignature is not said again": (
        "        effects.send(SEQUENCER, cosignature)\n",
        "        if not again:\n            effects.send(SEQUENCER, cosignature)\n", range(12, 16),
    ),
}  # fmt: skip


@pytest.mark.parametrize("bug", BUGS)
def test_planted_bugs_are_found(bug: str) -> None:
    sound, broken, seeds = BUGS[bug]
    assert first_found(planted("signed_log", "SIGNED_LOG", sound, broken), seeds) is not None
