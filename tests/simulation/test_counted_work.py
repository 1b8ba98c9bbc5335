"""What members do, counted in studies that ran: training by hand, bytes by what lies there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

import collegium
from collegium.canonical import from_text
from collegium.devices.work import Work
from collegium.ledger.contract.transactions import kind_of
from collegium.measuring.result import RunResult
from collegium.report.measurements import RoundLine, read_lines
from collegium.simulation import counted_work, timing

STUDY = (
    "training.rounds=2", "training.local_epochs=2", "consensus.validators=3",
    "consensus.engine=simnet", "model.architecture=mlp", "model.hidden=[8]",
    "evaluation.bootstrap=0",
)  # fmt: skip

Counted = list[tuple[str, counted_work.Case, Any, Work]]


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    """What was counted, by kind of transaction."""
    found: Counted = []

    def watched(case: counted_work.Case, transaction: Any) -> Work:
        work = counted_work.work_of(case, transaction)
        assert case.view.here is None or case.here  # as it is now: the state goes on
        found.append((kind_of(transaction), case, transaction, work))
        return work

    monkeypatch.setattr(timing, "work_of", watched)
    return found


def run(folder: Path, *changes: str) -> RunResult:
    return collegium.run("heart", out=folder / "run", changes=[*STUDY, *changes])


def of_kind(counted: Counted, kind: str) -> Counted:
    return [one for one in counted if one[0] == kind]


def blob(result: RunResult, digest: str) -> int:
    return (result.folder / "blobs" / from_text(digest, 32).hex()).stat().st_size


def test_training_takes_six_operations_a_weight_a_row_and_an_epoch(
    counted: Counted, tmp_path: Path
) -> None:
    result = run(tmp_path)
    commits = of_kind(counted, "update.commit")
    assert len(commits) == 2 * 4
    inputs = commits[0][1].spec.widths[0]
    weights = inputs * 8 + 8 * 1
    for _, case, _, work in commits:
        rows = result.measured.rows[case.member][0]
        assert work.flops == 6 * weights * rows * 2


def test_bytes_are_those_of_the_blobs(counted: Counted, tmp_path: Path) -> None:
    result = run(tmp_path)
    reveals = {
        (tx.round, case.member): (blob(result, tx.digest), work.up)
        for _, case, tx, work in of_kind(counted, "update.reveal")
    }
    assert len(reveals) == 2 * 4
    assert all(size == up for size, up in reveals.values())
    for _, case, tx, work in of_kind(counted, "update.available"):
        others = [
            size
            for (number, name), (size, _) in reveals.items()
            if number == tx.round and name != case.member
        ]
        assert len(others) == 3
        assert work.down == sum(others)
    for _, _, tx, work in of_kind(counted, "round.vote"):
        assert work.up == blob(result, tx.result.model)


def test_who_validates_has_made_the_model_itself(counted: Counted, tmp_path: Path) -> None:
    run(tmp_path)
    fetching = {
        (case.member, tx.round)
        for _, case, tx, work in of_kind(counted, "update.commit")
        if work.down
    }
    assert fetching == {("va", 2)}


def test_with_payload_on_chain_blobs_travel_in_blocks(tmp_path: Path) -> None:
    plain = run(tmp_path / "plain")
    heavy = run(tmp_path / "heavy", "consensus.payload_on_chain=true")
    assert heavy.model == plain.model
    found = [one.measured.consensus for one in (plain, heavy)]
    assert found[0] is not None
    assert found[1] is not None
    reveals = sum(
        one.stat().st_size for one in (heavy.folder / "blobs").iterdir()
        if one.read_bytes().startswith(b"collegium/update/")
    )  # fmt: skip
    assert found[1].bytes - found[0].bytes > 2 * reveals, "each goes to two other validators"


def test_who_comes_after_its_attempt_has_brought_what_it_brings(
    counted: Counted, tmp_path: Path
) -> None:
    run(tmp_path)
    _, case, vote, work = of_kind(counted, "round.vote")[0]
    assert work.flops == 2 * case.parameters * 4
    late = msgspec.structs.replace(vote, attempt=2)
    assert counted_work.work_of(case, late) == replace(work, flops=0.0)


def test_masks_and_encryption_take_cryptography(counted: Counted, tmp_path: Path) -> None:
    run(tmp_path, "privacy.secure_aggregation.protocol=secagg")
    _, case, _, work = of_kind(counted, "update.commit")[0]
    mask = case.parameters * case.here.ring // 8
    assert work.operations["masked_byte"] == 4 * mask, "three others' masks and an own one"
    assert work.operations["agreement"] == 3 + 3
    assert work.down > 0, "deals of the three others"
    votes = of_kind(counted, "round.vote")
    assert votes[0][3].operations["masked_byte"] == 4 * mask, "own masks of four survivors"


def test_an_encrypted_sum_counts_every_coordinate(counted: Counted, tmp_path: Path) -> None:
    run(tmp_path, "privacy.secure_aggregation.protocol=threshold_he")
    _, case, _, work = of_kind(counted, "update.commit")[0]
    assert work.operations["encrypted_coordinate"] == case.parameters
    assert work.operations["encrypted_look"] == 4
    assert "masked_byte" not in work.operations
    _, case, _, work = of_kind(counted, "round.vote")[0]
    assert work.operations["added_coordinate"] == 4 * case.parameters


def test_one_slow_site_is_what_every_round_waits_for(counted: Counted, tmp_path: Path) -> None:
    long = "training.local_epochs=300"
    slow = 'devices.others=[{machine = "wearable", sites = ["va"]}]'
    plain, late = run(tmp_path / "plain", long), run(tmp_path / "late", long, slow)
    assert plain.model == late.model
    own = next(
        work for _, case, _, work in of_kind(counted, "update.commit") if case.member == "va"
    )
    seconds = [
        [(one.virtual or {})["compute"] for one in read_lines(folder / "metrics.jsonl")
         if isinstance(one, RoundLine)]
        for folder in (plain.folder, late.folder)
    ]  # fmt: skip
    assert max(seconds[0]) < 0.1
    assert min(seconds[1]) == pytest.approx(own.flops / 1.28e7, rel=0.2), "some of it overlaps"
