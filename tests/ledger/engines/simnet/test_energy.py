"""Joules of consensus: counted on a simulated network, and by hand."""

from __future__ import annotations

import pytest
from tests.consensus.scenarios import entering

from collegium.consensus.machine import HEADER_SIZE, SIGNATURE_SIZE, ConsensusProtocol, Setting
from collegium.consensus.network import Network
from collegium.consensus.protocols.pbft import PBFT
from collegium.consensus.protocols.pow import POW
from collegium.consensus.simulator import Simulator
from collegium.devices.links import LINKS
from collegium.devices.machines import MACHINES
from collegium.ledger.engines.simnet.energy import Fleet, JoulesSpent, hashes, idle_joules
from collegium.ledger.engines.simnet.virtual_time import Effort

SERVER = MACHINES["hospital_server"]
SECOND = 1_000_000


def fleet(link: str = "internet", validators: int = 4, members: int = 4) -> Fleet:
    machines = {f"site-{one}": SERVER for one in range(members)}
    return Fleet(machines, (SERVER,) * validators, LINKS[link], 436.0)


def simulated(protocol: ConsensusProtocol = PBFT) -> Simulator:
    simulator = Simulator(
        protocol, Setting(0, (1,) * 4, options=protocol.defaults), Network(), seed=1
    )
    entering(simulator, blocks=1)
    while simulator.now < 2 * SECOND and simulator.pending:
        simulator.step()
    return simulator


def test_every_message_is_signed_once_and_verified_by_whom_it_reaches() -> None:
    """One tells the transaction, one proposes, three prepare, four commit; each to the others."""
    seats = simulated().seats
    assert sum(seat.signed for seat in seats) == 1 + 1 + 3 + 4
    assert sum(seat.verified for seat in seats) == 3 * (1 + 1 + 3 + 4)


def test_consensus_takes_bytes_at_both_ends_and_what_cores_do() -> None:
    simulator = simulated()
    sent = sum(simulator.counted.bytes.values())
    assert sent > 27 * (HEADER_SIZE + SIGNATURE_SIZE)
    assert sum(seat.heard for seat in simulator.seats) == sent
    found = JoulesSpent().with_consensus(simulator, fleet(), ordered=5, blocks=1, elapsed=SECOND)
    cores = 9 * 6e-5 + (27 + 4 * 5) * 1e-4 + sent * 2e-9
    assert found.consensus == pytest.approx(1e6 * (sent * 6.8e-6 + cores * 9), abs=1)
    assert (found.compute, found.transfer, found.crypto, found.waiting) == (0, 0, 0, 0)


def test_members_work_is_what_they_told_and_radios_stay_awake() -> None:
    spent = JoulesSpent()
    spent.add(Effort(1, 2, 3, (10, 20, 30), wakes=1))
    spent.add(Effort(1, 2, 3, (1, 2, 3), wakes=0))
    found = spent.with_consensus(simulated(), fleet("lte"), 0, blocks=1, elapsed=100 * SECOND)
    assert (found.compute, found.transfer, found.crypto) == (11, 22, 33)
    assert found.waiting == pytest.approx(1e6 * 5 * (11.6 * 1.06 + 0.31)), "a member, 4 validators"


def test_who_mines_takes_joules_all_the_time() -> None:
    mining = simulated(POW)
    joules = [
        JoulesSpent().with_consensus(mining, fleet(), 0, 1, elapsed).consensus
        for elapsed in (10 * SECOND, 20 * SECOND)
    ]
    assert joules[1] - joules[0] == 4 * 35 * 10 * SECOND
    assert hashes(mining, fleet(), SECOND) == 4 * 4 * 2_000_000
    assert hashes(simulated(), fleet(), SECOND) is None


def test_machines_draw_something_anyway_whether_they_validate_or_not() -> None:
    assert idle_joules(fleet(members=10), 3 * SECOND) == 10 * 30 * 3
