"""HotStuff on the simulated network: counts, views, drawn faults, planted bugs."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import pytest
from tests.consensus.planted import first_found, planted
from tests.consensus.scenarios import entering, item

from collegium.consensus.machine import Effects, Item, Machine, Message, Setting
from collegium.consensus.network import PRESETS, Crash, Links, Network, Weather
from collegium.consensus.protocols.hotstuff import DECIDE, HOTSTUFF
from collegium.consensus.simulator import Liar, Make, Simulator
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


class Treacherous:
    """A leader that shows a decision to few, and is deaf to what others have prepared.

    So the next one like it proposes behind an old prepareQC, though some have decided: what locks
    are for. No honest machine does so, not even two under one name.
    """

    def __init__(self, setting: Setting, machine: Machine, drawn: Random) -> None:
        self._setting, self._machine, self._drawn = setting, machine, drawn

    def start(self) -> Effects:
        return self._few(self._machine.start())

    def propose(self, items: Sequence[Item]) -> Effects:
        return self._few(self._machine.propose(items))

    def receive(self, sender: int, message: Message) -> Effects:
        return self._few(self._machine.receive(sender, message))

    def timer(self, name: str) -> Effects:
        return self._few(self._machine.timer(name))

    def _few(self, effects: Effects) -> Effects:
        said = Effects(timers=effects.timers)
        for receiver, message in effects.sends:
            if message.kind != DECIDE:
                said.send(receiver, message)
                continue
            for other in range(self._setting.count):
                if self._drawn.random() < 0.25:
                    said.send(other, message)
        return said


def treacherous(drawn: Random) -> Liar:
    raised = "if shown.view > self._high.view"
    deaf = planted(
        "hotstuff", "HOTSTUFF", raised, f"{raised} and shown.height <= self._chain.height"
    )
    key = f"{drawn.random()}"

    def around(setting: Setting, make: Make) -> Machine:
        return Treacherous(setting, deaf.machine(setting, {}), Random(key))

    return around


TREASON = {"treacherous": treacherous}


def test_leaders_who_pass_over_what_is_prepared_split_nobody() -> None:
    assert all(run_trial(HOTSTUFF, seed, liars=TREASON).holds for seed in range(40))


BUGS = {
    "a quorum of a half": (
        "self._quorum = setting.count - self._faulty", "self._quorum = setting.count // 2 + 1",
        range(30, 40),
    ),
    "a new-view does not tell what was prepared": (
        """            if phase == "pre-commit":
                self._raise_high(found, effects)""",
        """            if phase == "pre-commit":
                pass""",
        range(10),
    ),
    "a leader proposes before a quorum has come": (
        "        if view and len(others) + 1 < self._quorum:\n            return\n", "", range(10),
    ),
    "nobody waits for the others": (
        "if self._vain <= self._faulty + 1 or there >= self._quorum:", "if True:", range(140, 150),
    ),
}  # fmt: skip


@pytest.mark.parametrize("bug", BUGS)
def test_planted_bugs_are_found(bug: str) -> None:
    sound, broken, seeds = BUGS[bug]
    assert first_found(planted("hotstuff", "HOTSTUFF", sound, broken), seeds) is not None


BETRAYED = {
    "a lock that is forgotten": (
        "self._extends(block.digest, self._locked) or justify.view > self._locked.view", "True",
        range(10),
    ),
    "what was prepared is forgotten in a crash": (
        '            effects.write("high", Known(shown, self._path(shown.block) or ()))\n', "",
        range(1195, 1205),
    ),
}  # fmt: skip


@pytest.mark.parametrize("bug", BETRAYED)
def test_planted_bugs_are_found_where_leaders_betray(bug: str) -> None:
    sound, broken, seeds = BETRAYED[bug]
    bugged = planted("hotstuff", "HOTSTUFF", sound, broken)
    assert first_found(bugged, seeds, liars=TREASON) is not None
