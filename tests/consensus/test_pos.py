"""Proof of stake on the simulated network: slots, finality, evidence, delegation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from math import sqrt
from random import Random

import pytest
from tests.consensus.planted import first_found, planted
from tests.consensus.scenarios import item

from collegium.consensus.liars import conspiracy, forgetful
from collegium.consensus.machine import Message, Setting
from collegium.consensus.network import Crash, Links, Network, Weather
from collegium.consensus.protocols.pos import (
    DELEGATES,
    POS,
    SLOT,
    Validator,
    are_slashable,
    stakes_of,
)
from collegium.consensus.simulator import Liar, Seat, Simulator
from collegium.consensus.tree import BLOCKS
from collegium.consensus.trials import run_trial


def validator_of(seat: Seat) -> Validator:
    assert isinstance(seat.machine, Validator)
    return seat.machine


def staked(
    powers: tuple[int, ...],
    seconds: int,
    options: Mapping[str, int] | None = None,
    crashes: tuple[Crash, ...] = (),
    liars: Mapping[int, Liar] | None = None,
    seed: int = 1,
) -> Simulator:
    """Let a transaction enter every ten seconds, and all go on for a while."""
    setting = Setting(0, powers, seed, options={**POS.defaults, **(options or {})})
    network = Network(weather=Weather(crashes=crashes))
    simulator = Simulator(POS, setting, network, seed=seed, liars=liars)
    for number in range(seconds // 10):
        simulator.enter(number % len(powers), [item(number)], number * 10 * SLOT)
    simulator.run(lambda: bool(simulator.violations), seconds * SLOT)
    return simulator


def test_leaders_are_drawn_by_stake_and_a_quarter_of_the_slots_has_one() -> None:
    """Praos: phi(a) = 1 - (1 - f)^a, so that a slot is without a leader with 1 - f."""
    simulator = staked((1, 2, 3, 4), 4_000)
    chain = simulator.seats[0].chain
    spread = sqrt(0.25 * 0.75 / chain[-1].view)
    assert abs(len(chain) / chain[-1].view - 0.25) < 4 * spread
    led = Counter(block.proposer for block in chain)
    for validator, share in enumerate((0.1, 0.2, 0.3, 0.4)):
        # Nearly by stake: where two lead a slot, one of them is as likely as the other.
        assert abs(led[validator] / len(chain) - share) < 0.05


def test_the_chance_to_lead_is_the_same_for_a_stake_that_is_split() -> None:
    """Praos, section 3: 1 - phi(a + b) = (1 - phi(a))(1 - phi(b))."""
    slots = range(1, 20_000)
    whole, halves = (
        Validator(Setting(0, powers, 5, options=POS.defaults), {}) for powers in ((2, 2), (1, 1, 2))
    )
    one = sum(whole._wins(0, slot) for slot in slots) / len(slots)
    two = sum(halves._wins(0, slot) or halves._wins(1, slot) for slot in slots) / len(slots)
    assert abs(one - (1 - 0.75**0.5)) < 3 * sqrt(0.25 / len(slots))
    assert abs(one - two) < 3 * sqrt(0.5 / len(slots))


def test_a_checkpoint_is_final_when_its_child_is_justified_and_then_all_rest() -> None:
    simulator = Simulator(POS, Setting(0, (1,) * 4, options=POS.defaults), Network())
    simulator.enter(0, [item(1)])
    simulator.run(lambda: False, 600 * SLOT)
    assert {(seat.decided, len(seat.chain)) for seat in simulator.seats} == {(4, 8)}
    assert {"slot", "vote"}.isdisjoint(simulator.seats[0].timers)


@pytest.mark.parametrize("stopped", [1, 2])
def test_two_thirds_of_the_stake_go_on_and_less_stand_still(stopped: int) -> None:
    powers = (3, 2, 2, 2)
    crashes = tuple(Crash(one, 0) for one in range(1, 1 + stopped))
    simulator = staked(powers, 300, crashes=crashes)
    assert (simulator.seats[0].decided > 20) is (stopped == 1)
    assert len(simulator.seats[0].chain) > 20


def test_a_stake_that_is_delegated_leads_and_votes_at_the_delegate() -> None:
    options = {f"{DELEGATES}0": 3, f"{DELEGATES}1": 3}
    assert stakes_of((1, 1, 1, 1), options) == (0, 0, 1, 3)
    simulator = staked((1, 1, 1, 1), 1_000, options)
    led = Counter(block.proposer for block in simulator.seats[0].chain)
    assert set(led) == {2, 3}
    assert led[3] > 2 * led[2]
    assert min(seat.decided for seat in simulator.seats) > 100
    # Three quarters of the stake are two validators' no longer, so that nothing is final without 3.
    alone = staked((1, 1, 1, 1), 300, options, (Crash(3, 0),))
    assert alone.seats[0].decided == 0


def vote(target: int, source: int, block: bytes = b"one") -> Message:
    return Message("vote", target, source, block)


@pytest.mark.parametrize(
    ("first", "second", "slashable"),
    [
        (vote(4, 0), vote(8, 4), False),
        (vote(4, 0), vote(8, 0), False),
        (vote(4, 0), vote(4, 0), False),
        (vote(8, 0), vote(8, 4), True),
        (vote(8, 0), vote(8, 0, b"two"), True),
        (vote(16, 4), vote(12, 8), True),
        (vote(12, 8), vote(16, 8), False),
    ],
)
def test_two_votes_for_a_height_or_one_around_another_are_slashable(
    first: Message, second: Message, slashable: bool
) -> None:
    """Casper, section 3, conditions I and II."""
    assert are_slashable(first, second) is are_slashable(second, first) is slashable


def test_who_votes_twice_is_named_and_the_evidence_outlasts_a_crash() -> None:
    """Whoever forgets what it has voted for votes again."""
    crash = (Crash(3, 290 * SLOT, 295 * SLOT),)
    simulator = staked((1, 1, 1, 1), 300, crashes=crash, liars={0: forgetful(Random(1))})
    assert not simulator.violations
    assert [set(validator_of(seat).slashable) for seat in simulator.honest] == [{0}] * 3
    assert simulator.equivocators().keys() == {0}


def test_two_final_checkpoints_in_conflict_name_a_third_of_the_stake() -> None:
    """Casper, theorem 1: whoever sees what both sides hold has the votes of those who lied."""
    simulator = staked((1,) * 4, 600, liars=conspiracy([0, 1], 4, Random(9)), seed=9)
    assert {one.what for one in simulator.violations} == {"two blocks decided"}
    (here, there) = simulator.honest
    one, other = validator_of(here), validator_of(there)
    shown = tuple(there.chain), tuple(other._links)
    one.receive(there.setting.me, Message(BLOCKS, len(there.chain), body=shown))
    assert one.slashable.keys() == {0, 1}
    assert all(are_slashable(*votes) for votes in one.slashable.values())


@pytest.mark.parametrize("seed", [8, 35, 39])
def test_one_liar_more_than_it_bears_splits_it(seed: int) -> None:
    trial = run_trial(POS, seed, beyond=1)
    assert {one.what for one in trial.violations} == {"two blocks decided"}


@pytest.mark.parametrize(
    ("powers", "tolerated"), [((1,) * 4, 1), ((1,) * 7, 2), ((5, 1, 1, 1), 0), ((1,) * 3, 0)]
)
def test_it_bears_less_than_a_third_of_the_stake(powers: tuple[int, ...], tolerated: int) -> None:
    assert POS.tolerated(powers) == tolerated


def test_without_delays_all_hold_one_chain_unless_two_lead_a_slot() -> None:
    network = Network(Links(0, 0, 0, 1 << 60))
    simulator = Simulator(POS, Setting(0, (1,) * 7, options=POS.defaults), network)
    for number in range(100):
        simulator.enter(0, [item(number)], number * 10 * SLOT)
    simulator.run(lambda: False, 1_000 * SLOT)
    slots = [block.view for block in validator_of(simulator.seats[0])._tree.above(0)]
    twice = sum(found - 1 for found in Counter(slots).values())
    assert 0 < simulator.retracted <= 7 * twice


BUGS = {
    "a half of the stake justifies": (
        "return 3 * sum(self._stakes[one] for one in voters) >= 2 *",
        "return 2 * sum(self._stakes[one] for one in voters) >=", range(110, 125),
    ),
    "a validator votes for a height again": (
        "if last is not None and (target <= last.height or source < last.view):",
        "if last is not None and (target, self._tree.chain[target - 1].digest) == "
        "(last.height, last.block):", range(275, 290),
    ),
    "the longest chain is held, whatever is justified": (
        "            best = root\n", "            pass\n", range(60, 70),
    ),
    "no vote is told again": (
        "            self._vote_again(effects)\n", "            pass\n", range(60, 70),
    ),
}  # fmt: skip


@pytest.mark.parametrize("bug", BUGS)
def test_planted_bugs_are_found(bug: str) -> None:
    sound, broken, seeds = BUGS[bug]
    assert first_found(planted("pos", "POS", sound, broken), seeds) is not None
