"""PBFT on the simulated network: counts, drawn faults, planted bugs, a golden trace."""

from __future__ import annotations

from itertools import pairwise

import pytest
from tests.consensus.planted import first_found, planted
from tests.consensus.scenarios import entering, item

from collegium.consensus.machine import Setting
from collegium.consensus.network import Links, Network
from collegium.consensus.protocols.pbft import CHECKPOINT, PBFT
from collegium.consensus.simulator import Simulator
from collegium.consensus.trials import run_trial


@pytest.mark.parametrize(("count", "messages"), [(4, 24), (7, 84), (10, 180), (31, 1860)])
def test_a_block_costs_two_n_squared_less_two_n_messages(count: int, messages: int) -> None:
    """Castro and Liskov, section 4.2: n - 1 pre-prepares, (n - 1)^2 prepares, n(n - 1) commits."""
    simulator = Simulator(PBFT, Setting(0, (1,) * count), Network(), seed=1)
    entering(simulator, blocks=3)
    counts = [simulator.counted.messages[one.digest] for one in simulator.first_decided]
    assert counts == [messages] * 3


def test_a_block_takes_three_delays_at_the_primary_and_the_replicas() -> None:
    links = Links(10_000, 10_000, 0, 1 << 60)
    simulator = Simulator(PBFT, Setting(0, (1,) * 4), Network(links))
    entering(simulator, blocks=1)
    assert {seat.decided_at[0] for seat in simulator.seats} == {30_000}


def test_a_primary_that_waits_for_its_interval_is_not_suspected() -> None:
    setting = Setting(0, (1,) * 4, timeout=200_000, interval=1_000_000)
    simulator = Simulator(PBFT, setting, Network(Links(100, 100, 0, 1 << 60)))
    for number in range(5):
        simulator.enter(number % 4, [item(number)], 300_000 * number)
    simulator.run(lambda: len(simulator.seats[0].ordered_finally()) == 5, 60_000_000)
    times = simulator.seats[0].decided_at
    assert min(later - one for one, later in pairwise(times)) >= 1_000_000
    assert simulator.view_changes == 0


def test_one_liar_more_than_it_bears_splits_it() -> None:
    trial = run_trial(PBFT, 54, beyond=1)
    assert {one.what for one in trial.violations} == {"two blocks decided"}


def test_commits_below_a_stable_checkpoint_are_dropped_and_a_late_replica_still_catches_up() -> (
    None
):
    simulator = Simulator(PBFT, Setting(0, (1,) * 4), Network(), seed=2)
    entering(simulator, blocks=CHECKPOINT + 2, at=range(3))
    stored = simulator.seats[0].machine._chain._blocks  # type: ignore[attr-defined]
    assert [at for at, (_, shown) in enumerate(stored, 1) if shown is None] == [
        *range(1, CHECKPOINT)
    ]


BUGS = {
    "a quorum of a half": (
        "return (count + (count - 1) // 3) // 2 + 1", "return count // 2",
        range(30, 40),
    ),
    "a new view forgets what was prepared": (
        "return None if latest is None else latest.block", "return None", range(330, 340),
    ),
    "a replica goes by its own word and another one's": (
        "        if len(votes) < self._quorum:\n", "        if len(votes) < 2:\n", range(12, 14),
    ),
    "one replica alone runs ahead of the others": (
        "        if self._active or len(came) >= self._quorum:", "        if True:", range(25, 35),
    ),
    "nobody suspects the primary": (
        "            self._suspect(effects)\n", "            pass\n", range(10),
    ),
    "a replica commits in a view that it has left": (
        "elif self._active and self._committed_in < view == self._accepted_in == self._view:",
        "elif self._committed_in < view == self._accepted_in:", range(181, 184),
    ),
    "a replica runs ahead of all others": (
        "        if self._active or len(came) >= self._quorum:\n", "        if True:\n",
        range(72, 75),
    ),
}  # fmt: skip


@pytest.mark.parametrize("bug", BUGS)
def test_planted_bugs_are_found(bug: str) -> None:
    sound, broken, seeds = BUGS[bug]
    assert first_found(planted("pbft", "PBFT", sound, broken), seeds) is not None


def test_a_prepared_block_that_is_forgotten_in_a_crash_is_found_in_storms() -> None:
    sound = '            effects.write("prepared", self._prepared)\n'
    assert first_found(planted("pbft", "PBFT", sound, ""), range(414, 417), storms=True) is not None
