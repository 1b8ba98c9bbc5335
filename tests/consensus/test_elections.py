"""Protocols that elect the proposer by what validators' last work was worth."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.consensus.planted import first_found, planted
from tests.consensus.scenarios import entering

import collegium
from collegium.consensus.election import lots, scores_at
from collegium.consensus.machine import Setting
from collegium.consensus.network import Network
from collegium.consensus.protocols import poq, posap, ppcc
from collegium.consensus.simulator import Simulator
from collegium.plugins import find

ELECTING = ("poq", "posap", "ppcc")
SCORES = {3: (10, 40, 20, 31, 5, 60, 11)}
"""Their mean is 25.3."""


def setting(**known: object) -> Setting:
    return Setting(0, (1,) * 7, seed=5, worth=SCORES, **known)  # type: ignore[arg-type]


def test_scores_elect_from_two_heights_above_their_block_on() -> None:
    assert scores_at(setting(), 5) == SCORES[3]
    assert scores_at(setting(), 4) == lots(setting(), 4)
    assert lots(setting(), 4) != lots(setting(), 5)


def test_quality_elects_the_best_then_the_next() -> None:
    assert [poq.leader(setting(), 9, view) for view in range(8)] == [5, 1, 3, 2, 6, 0, 4, 5]


def test_shapley_elects_the_nearest_to_the_mean() -> None:
    assert [posap.leader(setting(), 9, view) for view in range(3)] == [2, 3, 6]


def test_correlation_draws_among_the_upper_third() -> None:
    first = {ppcc.leader(setting(), height, 0) for height in range(5, 60)}
    assert first == {5, 1, 3}
    assert [ppcc.leader(setting(), 9, view) for view in range(3, 7)] == [2, 6, 0, 4]


@pytest.mark.parametrize("name", ELECTING)
def test_whoever_is_elected_proposes(name: str) -> None:
    protocol = find("protocols", name)
    simulator = Simulator(protocol, setting(), Network(), seed=1)
    entering(simulator, blocks=8)
    leader = {"poq": poq.leader, "posap": posap.leader, "ppcc": ppcc.leader}[name]
    for block in simulator.first_decided:
        assert block.proposer == leader(setting(), block.height, block.view)


@pytest.mark.parametrize("name", ELECTING)
def test_a_study_elects_by_its_scores_or_else_by_the_seed(name: str, tmp_path: Path) -> None:
    changes = [
        "training.rounds=3", "consensus.engine=simnet", f"consensus.protocol={name}",
        "consensus.validators=7",
    ]  # fmt: skip
    plain = collegium.run("heart10", out=tmp_path / "plain", changes=changes)
    scored = collegium.run(
        "heart10", out=tmp_path / "scored",
        changes=[*changes, "aggregation.rule=zeno", 'aggregation.scores={by="loss"}'],
    )  # fmt: skip
    assert plain.measured.consensus is not None
    assert scored.measured.consensus is not None
    assert (plain.measured.consensus.scores, scored.measured.consensus.scores) == (
        "seed", "scores.combined",
    )  # fmt: skip
    assert collegium.verify(scored.folder).ok


OWN = {
    "poq": ("scores_at(setting, height)", "scores_at(setting, height + setting.me)"),
    "posap": ("total = sum(scores)", "total = scores[setting.me] * setting.count"),
    "ppcc": ("upper = -(-setting.count // 3)", "upper = setting.me + 1"),
}
"""A part of the election in which each validator goes by something of its own."""

LIKE_ALL = {
    "whoever is elected is waited for": ("return in_turn(order, view)", "return order[0]"),
    "a third alone take turns": (
        "return in_turn(order, view)", "return in_turn(order[: (setting.count - 1) // 3], view)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ELECTING)
def test_validators_that_elect_unlike_are_found(name: str) -> None:
    assert first_found(planted(name, name.upper(), *OWN[name]), range(20)) is not None


@pytest.mark.parametrize("bug", LIKE_ALL)
@pytest.mark.parametrize("name", ELECTING)
def test_elections_without_end_are_found(name: str, bug: str) -> None:
    seeds = (*range(20), 28, 54)
    assert first_found(planted(name, name.upper(), *LIKE_ALL[bug]), seeds) is not None
