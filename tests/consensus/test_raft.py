"""Raft on the simulated network: counts, a quiet day, dead leaders, planted bugs."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.consensus.planted import first_found, planted
from tests.consensus.scenarios import entering, item

from collegium.consensus.machine import Setting
from collegium.consensus.network import Crash, Links, Network, Partition, Weather
from collegium.consensus.protocols.raft import RAFT, Server
from collegium.consensus.simulator import Simulator
from collegium.consensus.trials import run_trial

SECOND = 1_000_000
DAY = 86_400 * SECOND


@pytest.mark.parametrize(("count", "messages"), [(1, 0), (4, 6), (7, 12), (31, 60), (100, 198)])
def test_a_block_costs_an_append_and_an_answer_of_each_follower(count: int, messages: int) -> None:
    """Ongaro and Ousterhout, section 5.3; the commit index travels later, as overhead."""
    simulator = Simulator(RAFT, Setting(0, (1,) * count), Network(), seed=1)
    entering(simulator, blocks=3)
    counts = [simulator.counted.messages.get(one.digest, 0) for one in simulator.first_decided]
    assert counts == [messages] * 3


def leader(simulator: Simulator) -> int:
    found = [one.setting.me for one in simulator.seats if _leads(one.machine) and one.alive]
    assert len(found) == 1
    return found[0]


def _leads(machine: object) -> bool:
    assert isinstance(machine, Server)
    return machine._role == "leader"


def test_a_block_takes_two_delays_at_the_leader_and_three_at_followers() -> None:
    simulator = Simulator(RAFT, Setting(0, (1,) * 4), Network(Links(10_000, 10_000, 0, 1 << 60)))
    simulator.run(lambda: False, 10 * SECOND)
    simulator.enter(leader(simulator), [item(1)])
    simulator.run(lambda: False, 20 * SECOND)
    decided = {one.setting.me: one.decided_at[0] - 10 * SECOND for one in simulator.seats}
    assert decided.pop(leader(simulator)) == 20_000
    assert set(decided.values()) == {30_000}


def test_a_quiet_day_is_cheap_and_a_follower_that_waits_still_notices_a_dead_leader() -> None:
    simulator = Simulator(RAFT, Setting(0, (1,) * 7), Network())
    entering(simulator, blocks=1)
    sent = simulator.counted.messages[b""]
    simulator.run(lambda: False, DAY)
    assert simulator.counted.messages[b""] - sent < 1_000
    former = leader(simulator)
    simulator.seats[former].alive = False
    simulator.enter((former + 1) % 7, [item(1)])
    others = [one for one in simulator.seats if one.setting.me != former]
    assert simulator.run(lambda: all(one.decided == 2 for one in others), DAY + 10 * SECOND)


def test_a_leader_without_a_majority_steps_down_and_who_returns_disturbs_nobody() -> None:
    """Ongaro's thesis, sections 6.2 and 9.6."""
    simulator = Simulator(RAFT, Setting(0, (1,) * 5), Network())
    entering(simulator, blocks=1)
    former = leader(simulator)
    cut = Partition(simulator.now, simulator.now + 60 * SECOND, ((former,),))
    weather = Weather(partitions=(cut,))
    simulator.network = Network(simulator.network.links, weather)
    simulator.enter(former, [item(1)])
    simulator.enter((former + 1) % 5, [item(2)])
    simulator.run(lambda: False, cut.end)
    assert leader(simulator) != former
    view = simulator.first_decided[-1].view
    simulator.run(lambda: False, cut.end + 60 * SECOND)
    assert {one.decided for one in simulator.seats} == {3}
    assert simulator.first_decided[-1].view == view


def test_half_that_stop_stop_all_and_nothing_is_decided_twice() -> None:
    crashes = tuple(Crash(who, 3 * SECOND, 100 * SECOND) for who in (1, 2))
    simulator = Simulator(RAFT, Setting(0, (1,) * 4), Network(weather=Weather(crashes=crashes)))
    simulator.enter(0, [item(1)], 4 * SECOND)
    simulator.run(lambda: False, 99 * SECOND)
    assert not simulator.first_decided
    assert simulator.run(lambda: all(one.decided for one in simulator.seats), 300 * SECOND)


def test_one_who_lies_splits_it() -> None:
    """It bears crashes alone; so a study with liars about the order is refused."""
    trial = run_trial(replace(RAFT, faults="byzantine"), 59)
    assert {one.what for one in trial.violations} == {"two blocks decided"}


BUGS = {
    "a quorum of a half": ("setting.count // 2 + 1", "(setting.count + 1) // 2", range(120, 130)),
    "two votes in a term": (
        "            and self._voted in (None, sender)\n", "", range(5, 15),
    ),
    "votes for those who have less": (
        "return (message.body.term, message.height) >= (self._term_at(self._last), self._last)",
        "return True", range(40, 50),
    ),
    "entries are added without looking at what is before": (
        " and self._term_at(before) == body.previous", "", range(740, 750),
    ),
    "an entry that conflicts stays": (
        "            self._cut(block.height, effects)\n        self._add",
        "            return\n        self._add", range(36, 46),
    ),
    "a leader orders again what its log has": ("if one.digest not in there", "", range(10)),
    "nobody suspects the leader": (
        "            self._ask_whether_to_stand(effects)\n", "            pass\n", range(10),
    ),
}  # fmt: skip


@pytest.mark.parametrize("bug", BUGS)
def test_planted_bugs_are_found(bug: str) -> None:
    sound, broken, seeds = BUGS[bug]
    assert first_found(planted("raft", "RAFT", sound, broken), seeds) is not None


FORGOTTEN = {
    "a vote": ('            effects.write("voted", sender)\n', "", range(15, 25)),
    "a term": ('        effects.write("term", term)\n', "", range(15, 25)),
    "entries": (
        "        effects.write(_entry_key(block.height), block)\n", "", range(130, 140),
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", FORGOTTEN)
def test_what_is_forgotten_in_a_crash_is_found_in_storms(what: str) -> None:
    sound, broken, seeds = FORGOTTEN[what]
    assert first_found(planted("raft", "RAFT", sound, broken), seeds, storms=True) is not None
