"""HotStuff on the simulated network: counts, views, drawn faults, planted bugs."""

from __future__ import annotations

import pytest
from tests.consensus.scenarios import entering, item

from collegium.consensus.machine import Setting
from collegium.consensus.network import PRESETS, Crash, Links, Network, Weather
from collegium.consensus.protocols.hotstuff import HOTSTUFF
from collegium.consensus.simulator import Simulator
from collegium.consensus.trials import run_trial


@pytest.mark.parametrize(("count", "messages"), [(4, 24), (7, 48), (10, 72), (31, 240)])
@pytest.mark.parametrize("preset", ["lan", "wan"])
def test_a_block_costs_eight_messages_for_each_replica_but_the_leader(
    preset: str, count: int, messages: int
) -> None:
    """Three phases of a certificate and a vote, the decision, and the new-view: 8(n - 1)."""
    simulator = Simulator(HOTSTUFF, Setting(0, (1,) * count), Network(PRESETS[preset]), seed=1)
    entering(simulator, blocks=5)
    counts = [simulator.counted.messages[one.digest] for one in simulator.first_decided]
    assert counts == [messages] * 5


def test_a_block_takes_seven_delays_and_its_leader_six() -> None:
    network = Network(Links(10_000, 10_000, 0, 1 << 60))
    simulator = Simulator(HOTSTUFF, Setting(0, (1,) * 4), network)
    entering(simulator, blocks=1)
    assert [seat.decided_at[0] for seat in simulator.seats] == [60_000, 70_000, 70_000, 70_000]


def test_leaders_change_with_every_block_and_no_view_is_in_vain() -> None:
    simulator = Simulator(HOTSTUFF, Setting(0, (1,) * 4), Network())
    entering(simulator, blocks=6)
    assert [one.proposer for one in simulator.first_decided] == [0, 1, 2, 3, 0, 1]
    assert simulator.view_changes == 0


def test_a_leader_that_is_down_costs_a_view_and_a_linear_number_of_messages() -> None:
    count = 31
    network = Network(weather=Weather(crashes=(Crash(0, 0),)))
    simulator = Simulator(HOTSTUFF, Setting(0, (1,) * count), network)
    entering(simulator, blocks=1, at=(1,))
    assert simulator.view_changes == 1
    # Transactions, from all that wait, are most of it: blocks are told to nobody twice.
    assert simulator.counted.messages[b""] <= (count - 1) * (count - 1) + 3 * count


def test_a_day_without_transactions_is_quiet() -> None:
    simulator = Simulator(HOTSTUFF, Setting(0, (1,) * 10), Network())
    entering(simulator, blocks=1)
    before = simulator.counted.delivered
    simulator.run(lambda: False, 86_400_000_000)
    assert simulator.counted.delivered - before < 5_000


def test_a_leader_that_waits_for_the_interval_is_not_left() -> None:
    setting = Setting(0, (1,) * 4, timeout=200_000, interval=1_000_000)
    simulator = Simulator(HOTSTUFF, setting, Network(Links(100, 100, 0, 1 << 60)))
    for number in range(5):
        simulator.enter(number % 4, [item(number)], 300_000 * number)
    assert simulator.run(lambda: simulator.seats[0].decided == 3, 60_000_000)
    assert simulator.view_changes == 0


def test_one_liar_more_than_it_bears_splits_it() -> None:
    trial = run_trial(HOTSTUFF, 35, beyond=1)
    assert {one.what for one in trial.violations} == {"two blocks decided"}
