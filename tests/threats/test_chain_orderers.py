"""Miners who keep their blocks, leaders who do not wait: what each reaches, and who is named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from math import sqrt
from pathlib import Path
from statistics import fmean, stdev

import pytest
from tests.consensus.scenarios import item

import collegium
from collegium.consensus.analysis import selfish_revenue, selfish_threshold
from collegium.consensus.machine import ConsensusProtocol, Setting
from collegium.consensus.network import Links, Network
from collegium.consensus.protocols.pos import POS, SLOT, Validator
from collegium.consensus.protocols.pow import POW
from collegium.consensus.simulator import Simulator
from collegium.errors import CollegiumError
from collegium.ledger.frames import BLOCK, decode_block, read_frames
from collegium.ledger.ordering import LEDGER
from collegium.measuring.result import RunResult
from collegium.threats.chain_orderers import GRINDING, SELFISH
from collegium.threats.orderers import OrdererAttack, OrderersContext

SECOND = 1_000_000
DELAY = SECOND // 1_000
HONEST = 3
BATCHES = 40


def under(
    attack: OrdererAttack, protocol: ConsensusProtocol, setting: Setting, liars: Collection[int]
) -> Simulator:
    context = OrderersContext(tuple(liars), setting.count, {}, {}, 1)
    network = Network(Links(DELAY, DELAY, 0, 1 << 60))
    return Simulator(protocol, setting, network, liars=attack.lies(context))


def mined(share: float, pool: int, near: int, seconds: int) -> list[bool]:
    """Return of each block in the others' chain whether it is the pool's.

    Args:
        share: the pool's of all power.
        pool: how many share it; three others share the rest.
        near: how many of these hear of the pool's blocks before they hear of each other's.
        seconds: for how long, with a block a second on average.
    """
    each, other = round(10**6 * share / pool), round(10**6 * (1 - share) / HONEST)
    options = {"confirmations": 1 << 40, "retarget": 1 << 40}
    powers = (other,) * HONEST + (each,) * pool
    setting = Setting(0, powers, 3, interval=SECOND, options=options)
    simulator = under(SELFISH, POW, setting, range(HONEST, HONEST + pool))
    delays = simulator._delays
    for one in range(HONEST + pool):
        for liar in range(HONEST, HONEST + pool):
            way = 0 if one >= HONEST else DELAY // 4 if one < near else 2 * DELAY
            delays[one][liar] = delays[liar][one] = way
    simulator.enter(0, [item(1)])
    simulator.run(lambda: False, seconds * SECOND)
    assert simulator.equivocators() == {}, "nobody is named"
    return [block.proposer >= HONEST for block in simulator.seats[0].chain]


def reached(near: int) -> float:
    """Return gamma: each of those who are near, but for who found the block, is of the others."""
    return near * (near - 1) / HONEST**2


def test_a_selfish_pool_breaks_even_at_a_third_or_less() -> None:
    """Eyal and Sirer 2014, equation 9 and section 4.4."""
    assert selfish_threshold(0) == pytest.approx(1 / 3)
    assert selfish_threshold(0.5) == pytest.approx(1 / 4)
    assert selfish_threshold(1) == 0
    for gamma in (0, 0.3, 0.9):
        at = selfish_threshold(gamma)
        assert selfish_revenue(at, gamma) == pytest.approx(at)


@pytest.mark.parametrize(
    ("share", "near", "pool", "pays"),
    [
        (0.25, 0, 1, False),
        (0.4, 0, 1, True),
        (0.25, 3, 1, True),
        pytest.param(0.25, 2, 1, False, marks=pytest.mark.long),
        pytest.param(0.4, 0, 3, True, marks=pytest.mark.long),
        pytest.param(0.4, 3, 3, True, marks=pytest.mark.long),
    ],
)
def test_a_selfish_pool_has_the_blocks_that_equation_8_says(
    share: float, near: int, pool: int, pays: bool
) -> None:
    won = mined(share, pool, near, 3_000)
    size = len(won) // BATCHES
    means = [fmean(won[at * size : (at + 1) * size]) for at in range(BATCHES)]
    expected = selfish_revenue(share, reached(near))
    assert abs(fmean(won) - expected) < 3 * stdev(means) / sqrt(BATCHES)
    assert (expected > share) is pays


@pytest.mark.parametrize("liars", [[0], [0, 1]])
def test_a_leader_that_claims_slots_has_all_blocks_and_changes_no_lot(liars: list[int]) -> None:
    setting = Setting(0, (1,) * 7, 1, options=POS.defaults)
    simulator = under(GRINDING, POS, setting, liars)
    for number in range(60):
        simulator.enter(number % 7, [item(number)], number * 5 * SLOT)
    simulator.run(lambda: False, 300 * SLOT)
    assert not simulator.violations
    assert simulator.equivocators() == {}, "nobody is named"
    chain = simulator.honest[0].chain
    assert {block.proposer for block in chain} == {0}
    assert simulator.honest[0].decided > len(chain) - 12, "what it orders is final"
    fresh = Validator(setting, {})
    assert all(fresh._wins(0, block.view) for block in chain)
    assert chain[-1].view * SLOT > 3 * simulator.now, "a clock would show it"


def run(folder: Path, protocol: str, attack: str, attackers: str) -> RunResult:
    changes = [
        "training.rounds=3", "consensus.validators=7", "consensus.engine=simnet",
        f"consensus.protocol={protocol}",
    ]  # fmt: skip
    if attack:
        changes += [f"threat.attack={attack}", f"threat.attackers={attackers}"]
    return collegium.run("heart10", out=folder, changes=changes)


@pytest.mark.long
@pytest.mark.parametrize(
    ("protocol", "attack", "attackers"),
    [
        ("pow", "selfish_miner", '["cleveland-1", "cleveland-2", "cleveland-3"]'),
        ("pos", "grinding_leader", '["cleveland-1"]'),
    ],
)
def test_they_change_no_bit_of_the_model(
    protocol: str, attack: str, attackers: str, tmp_path: Path
) -> None:
    honest = run(tmp_path / "honest", protocol, "", "")
    result = run(tmp_path / "run", protocol, attack, attackers)
    assert result.model == honest.model
    assert collegium.verify(result.folder).ok
    figures, before = result.measured.consensus, honest.measured.consensus
    assert figures is not None
    assert before is not None
    assert figures.named == {}
    frames = read_frames((result.folder / LEDGER).read_bytes())
    blocks = [decode_block(one.body) for one in frames if one.kind == BLOCK]
    proposed = Counter(block.proposer for block in blocks)
    if protocol == "pow":
        assert figures.forks > 20 * before.forks
    else:
        assert proposed.keys() == {"cleveland-1"}


@pytest.mark.parametrize(
    ("protocol", "attack"),
    [("pbft", "selfish_miner"), ("pow", "grinding_leader"), ("pos_vote", "grinding_leader")],
)
def test_each_goes_with_its_protocol_alone(protocol: str, attack: str, tmp_path: Path) -> None:
    with pytest.raises(CollegiumError, match=f"does not go with {protocol}"):
        run(tmp_path / "run", protocol, attack, '["cleveland-1"]')
