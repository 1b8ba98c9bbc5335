"""What holds of every protocol: drawn faults, the golden trace, what a block costs."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.consensus.scenarios import entering, trace

from collegium.consensus.machine import ConsensusProtocol, Setting
from collegium.consensus.network import Network
from collegium.consensus.simulator import Simulator
from collegium.consensus.trials import failing_trials, run_trial
from collegium.plugins import find, names

PROTOCOLS = names("protocols")
TRACES = Path(__file__).parent / "traces"

MESSAGES = {
    "pbft": (24, 84, 180),
    "tendermint": (27, 90, 189),
    "hotstuff": (24, 48, 72),
    "raft": (6, 12, 18),
    "poa": (3, 6, 9),
    "pow": (3, 6, 9),
    "signed_log": (9, 18, 27),
    "pos_vote": (27, 90, 189),
    "pbft_pos": (24, 27, 30),
    "eov": (24, 84, 180),
}
"""Messages of one block without faults, of 4, 7 and 10 validators."""


@pytest.mark.parametrize("first", range(0, 300, 100))
@pytest.mark.parametrize("name", PROTOCOLS)
def test_agreement_validity_and_progress_under_drawn_faults(name: str, first: int) -> None:
    assert failing_trials(name, range(first, first + 100)) == []


@pytest.mark.parametrize("name", PROTOCOLS)
def test_the_same_holds_where_all_stop_again_and_again(name: str) -> None:
    protocol: ConsensusProtocol = find("protocols", name)
    assert [seed for seed in range(30) if not run_trial(protocol, seed, storms=True).holds] == []


@pytest.mark.parametrize("name", PROTOCOLS)
def test_its_trace_is_the_golden_one(name: str) -> None:
    """`python tools/make_traces.py` writes it anew: of a new version of the protocol."""
    protocol: ConsensusProtocol = find("protocols", name)
    assert trace(name, protocol) == (TRACES / f"{name}.txt").read_text()


@pytest.mark.parametrize("name", sorted(MESSAGES.keys() & set(PROTOCOLS)))
def test_a_block_without_faults_costs_so_many_messages(name: str) -> None:
    found: list[int] = []
    for count in (4, 7, 10):
        protocol = find("protocols", name)
        setting = Setting(0, (1,) * count, options=protocol.defaults)
        simulator = Simulator(protocol, setting, Network(), seed=1)
        entering(simulator, blocks=2)
        sent = {simulator.counted.messages[one.digest] for one in simulator.first_decided}
        assert len(sent) == 1
        found += sent
    assert tuple(found) == MESSAGES[name]
