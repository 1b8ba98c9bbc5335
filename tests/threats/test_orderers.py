"""Validators that lie in consensus: what they reach within the bound, what beyond, who is named."""

from __future__ import annotations

from pathlib import Path

import pytest

import collegium
from collegium.errors import CollegiumError
from collegium.federation.view import StudyView
from collegium.ledger.contract.evidence import decode_transaction
from collegium.ledger.contract.transactions import RoundVote
from collegium.ledger.engines.simnet.figures import ConsensusFigures
from collegium.ledger.envelope import decode_envelope
from collegium.ledger.frames import ENTRY, decode_entry, read_frames
from collegium.ledger.genesis import decode_genesis
from collegium.ledger.opening import create_ledger
from collegium.ledger.ordering import LEDGER
from collegium.measuring.result import RunResult
from collegium.report.measurements import RoundLine, read_lines

ORDERERS = ("equivocating_orderer", "withholding_orderer", "delaying_orderer", "censoring_orderer")
SEVEN = ("training.rounds=3", "consensus.validators=7")
TWO, THREE = '["cleveland-1", "cleveland-2"]', '["cleveland-1", "cleveland-2", "cleveland-3"]'


def run(folder: Path, *changes: str) -> RunResult:
    changed = [*SEVEN, "consensus.engine=simnet", *changes]
    return collegium.run("heart10", out=folder, changes=changed)


def under(folder: Path, attack: str, attackers: str) -> RunResult:
    return run(folder, f"threat.attack={attack}", f"threat.attackers={attackers}")


def figures(result: RunResult) -> ConsensusFigures:
    assert result.measured.consensus is not None
    return result.measured.consensus


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    return run(tmp_path_factory.mktemp("honest") / "run")


@pytest.mark.parametrize("attack", ORDERERS)
def test_two_of_seven_change_no_bit_of_the_model(
    attack: str, honest: RunResult, tmp_path: Path
) -> None:
    result = under(tmp_path / "run", attack, TWO)
    assert result.model == honest.model
    assert collegium.verify(result.folder).ok
    assert figures(result).virtual_seconds > figures(honest).virtual_seconds


def test_who_signs_two_blocks_of_one_height_and_view_is_named_and_nobody_else(
    honest: RunResult, tmp_path: Path
) -> None:
    assert figures(honest).named == {}
    named = figures(under(tmp_path / "run", "equivocating_orderer", TWO)).named
    assert sorted(named) == ["cleveland-1", "cleveland-2"]


def test_a_third_of_the_orderers_can_leave_the_outlier_out_of_the_model_and_two_cannot(
    tmp_path: Path,
) -> None:
    within = under(tmp_path / "within", "censoring_orderer", TWO)
    beyond = under(tmp_path / "beyond", "censoring_orderer", THREE)
    assert "switzerland-1" in last_round(within)
    assert "switzerland-1" not in last_round(beyond)
    assert len(last_round(beyond)) == 9


def last_round(result: RunResult) -> tuple[str, ...]:
    lines = read_lines(result.folder / "metrics.jsonl")
    return [one.included for one in lines if isinstance(one, RoundLine)][-1]


@pytest.mark.parametrize(("votes", "closed"), [(4, 0), (5, 1)])
def test_a_forked_order_alone_closes_no_round(
    votes: int, closed: int, honest: RunResult, tmp_path: Path
) -> None:
    """Whoever shows a minority an order of its own shows it a round without enough votes.

    Votes are signed by members for one result each, whatever order they are in: two sides that
    both close a round need the votes of more than two thirds on each, so more than a third voted
    twice, and the ledger's own evidence names them.
    """
    frames = list(read_frames((honest.folder / LEDGER).read_bytes()))
    side = create_ledger(tmp_path / LEDGER, decode_genesis(frames[0].body))
    cast = 0
    for frame in frames:
        if frame.kind != ENTRY:
            continue
        envelope = decode_entry(frame.body)[0]
        if isinstance(decode_transaction(decode_envelope(envelope).payload), RoundVote):
            cast += 1
            if cast > votes:
                break
        side.append([envelope])
    assert StudyView(side.state, honest.study.study.id).closed_rounds == closed
    side.close()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (("consensus.engine=solo",), "has none"),
        (("consensus.engine=simnet", "consensus.protocol=raft"), "not a single one that lies"),
        (("consensus.engine=simnet", "threat.rounds=[1]"), "knows no rounds"),
        (("consensus.engine=simnet", 'threat.attackers=["va-1"]'), "is none"),
    ],
)
def test_lies_that_nobody_could_tell_are_refused(
    changes: tuple[str, ...], words: str, tmp_path: Path
) -> None:
    attack = ("threat.attack=censoring_orderer", *changes)
    with pytest.raises(CollegiumError) as refused:
        collegium.run("heart10", out=tmp_path / "run", changes=[*SEVEN, *attack])
    assert words in f"{refused.value} {refused.value.why}"


def test_an_order_that_never_comes_ends_the_run(tmp_path: Path) -> None:
    lost = 'network.partitions=[{start = 0, end = 1e8, sites = ["cleveland-1", "cleveland-2"]}]'
    with pytest.raises(CollegiumError, match="nothing for 24 virtual hours"):
        run(tmp_path / "run", lost, "study.attendance=all", "consensus.validators=4")
