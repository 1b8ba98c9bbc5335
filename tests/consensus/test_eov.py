"""Execute, order, validate: what endorsements cost, what lacks them, planted bugs."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace
from tests.consensus.planted import first_found, planted
from tests.consensus.scenarios import entering, item

from collegium.consensus.machine import Effects, Item, Machine, Message, Setting
from collegium.consensus.network import Links, Network
from collegium.consensus.pool import ITEMS
from collegium.consensus.protocols.eov import EOV
from collegium.consensus.protocols.pbft import Replica
from collegium.consensus.simulator import Simulator
from collegium.consensus.trials import run_trial


@pytest.mark.parametrize(("count", "endorsers"), [(4, 2), (7, 3), (10, 4)])
def test_a_transaction_is_endorsed_by_one_more_than_may_lie_before_it_is_ordered(
    count: int, endorsers: int
) -> None:
    """A request and an endorsement each, and two delays beside PBFT's three."""
    links = Links(10_000, 10_000, 0, 1 << 60)
    simulator = Simulator(EOV, Setting(0, (1,) * count), Network(links))
    entering(simulator, blocks=1)
    counted = simulator.counted.messages
    assert counted[item(0).digest] == endorsers
    assert counted[b""] == endorsers + count - 1  # requests, and the endorsed one for all others
    assert {seat.decided_at[0] for seat in simulator.seats} == {50_000}


class Stripping:
    """A plain PBFT replica that leaves endorsements out of what it orders."""

    def __init__(self, setting: Setting) -> None:
        self._replica = Replica(setting, {})
        self.start, self.propose = self._replica.start, self._replica.propose
        self.timer = self._replica.timer

    def receive(self, sender: int, message: Message) -> Effects:
        if message.kind == ITEMS:
            bare = tuple(Item(one.digest, one.size) for one in message.body)
            message = replace(message, body=bare)
        return self._replica.receive(sender, message)


def _run(liar: Callable[[Setting, object], Machine]) -> Simulator:
    """Return what comes of a first primary that lies; transactions enter at it and at another."""
    simulator = Simulator(EOV, Setting(0, (1,) * 4), Network(), seed=1, liars={0: liar})
    simulator.enter(0, [item(0)])
    simulator.enter(1, [item(1)], 400_000)
    honest = {item(1).digest}
    assert simulator.run(
        lambda: all(honest <= one.ordered_finally() for one in simulator.honest), 10**9
    )
    return simulator


def test_what_is_ordered_without_endorsements_is_marked_and_is_in_no_decided_block() -> None:
    simulator = _run(lambda setting, make: Replica(setting, {}))
    assert [len(one.items) for one in simulator.first_decided] == [0, 1]
    assert {seat.stored["marked 1"] for seat in simulator.honest} == {(item(0).digest,)}


def test_whoever_strips_endorsements_loses_nobodys_transaction() -> None:
    """It is marked and waits again; the primary that lies orders it no more and is replaced."""
    simulator = _run(lambda setting, make: Stripping(setting))
    assert [len(one.items) for one in simulator.first_decided] == [0, 0, 1]
    assert {seat.stored["marked 2"] for seat in simulator.honest} == {(item(1).digest,)}
    assert simulator.view_changes == 1
    assert not simulator.violations


def test_one_liar_more_than_it_bears_splits_it() -> None:
    trial = run_trial(EOV, 24, beyond=1)
    assert {one.what for one in trial.violations} == {"two blocks decided"}


BUGS = {
    "only the first endorsers are asked again": (
        "            for other in range(self._setting.count):\n",
        "            for other in range(self._policy):\n", range(3, 5),
    ),
    "endorsements are not asked for again": (
        "                if other != self._setting.me and lacking:\n",
        "                if other < 0:\n", range(2),
    ),
    "what is ordered is forgotten in a crash": (
        "            self._pool.ordered(block.items)\n", "            pass\n", range(50, 54),
    ),
    "the policy asks for one more than are asked": (
        "        if len(asked[1]) >= self._policy:\n", "        if len(asked[1]) > self._policy:\n",
        range(28, 31),
    ),
}  # fmt: skip


@pytest.mark.parametrize("bug", BUGS)
def test_planted_bugs_are_found(bug: str) -> None:
    sound, broken, seeds = BUGS[bug]
    assert first_found(planted("eov", "EOV", sound, broken), seeds) is not None
