"""Training that ends by its validation loss, and histories that end against it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from collegium.assembly.preparation import prepare
from collegium.audit.verify import verify
from collegium.data.table import take
from collegium.federation.local_trainers import LocalTrainers
from collegium.learning.aggregation import stopping
from collegium.learning.blobs import decode_model
from collegium.learning.models import losses
from collegium.ledger.blobs import read_blob
from collegium.report.measurements import RoundLine, read_lines
from collegium.simulation.execution import run
from collegium.simulation.ledgerless import run_without_ledger
from collegium.study.reading import read_study

CHANGES = (
    "training.early_stopping={ patience = 2, validation = 0.25 }", "training.rounds=40",
    "training.learning_rate=3.0", "training.batch_size=8", "training.local_epochs=4",
    "evaluation.bootstrap=0",
)  # fmt: skip
"""So large a rate that the loss rises soon."""


def told(folder: Path) -> list[np.ndarray]:
    """What the server kept after each round: loss, nothing, best, rounds since."""
    found = []
    for line in read_lines(folder / "metrics.jsonl"):
        if isinstance(line, RoundLine):
            data = read_blob(folder / "blobs", bytes.fromhex(line.model))
            assert data is not None
            found.append(decode_model(data).parameters[-4:])
    return found


def test_it_ends_when_the_loss_has_not_fallen_for_so_long(tmp_path: Path) -> None:
    result = run("heart", out=tmp_path / "run", changes=CHANGES)
    assert result.outcome == "completed"
    assert 3 <= result.rounds < 40
    records = told(tmp_path / "run")
    assert [record[3] >= 2 for record in records] == [False] * (result.rounds - 1) + [True]
    assert min(record[0] for record in records) == records[-1][2]
    found = verify(tmp_path / "run")
    assert (found.ok, found.findings) == (True, ())
    assert found.checked["rounds"] == result.rounds
    assert run("heart", out=tmp_path / "again", changes=CHANGES).app_hash == result.app_hash
    rehearsed = run_without_ledger(prepare(read_study("heart", CHANGES)))
    assert rehearsed.digest.hex() == result.model


def test_the_model_with_the_least_loss_is_final_and_not_the_last_one(tmp_path: Path) -> None:
    changes = [*CHANGES, "training.learning_rate=0.3"]
    result = run("heart", out=tmp_path / "run", changes=changes)
    best = int(np.argmin([record[0] for record in told(tmp_path / "run")]))
    lines = read_lines(tmp_path / "run" / "metrics.jsonl")
    models = [one.model for one in lines if isinstance(one, RoundLine)]
    assert result.model == models[best - 1], "a round measures the model that it starts from"
    assert 0 < best < result.rounds - 1
    assert verify(tmp_path / "run").ok


def test_the_loss_is_that_of_the_rounds_model_on_rows_held_out(tmp_path: Path) -> None:
    run("heart", out=tmp_path / "run", changes=[*CHANGES, "training.rounds=1"])
    prepared = prepare(read_study("heart", CHANGES))
    sums = np.zeros(2)
    weights = {"cleveland": 192, "hungarian": 128, "switzerland": 24, "va": 64}
    from collegium.data.split import split

    for name, rows in prepared.train.items():
        train, held = split(rows, 0.25, prepared.study.study.seed)
        assert not set(train.person) & set(held.person)
        zero = np.zeros(14, np.float32)
        loss = losses(prepared.parts.spec, zero, held.x, held.y).mean()
        sums += weights[name] * np.array([np.rint(1024 * loss), 1024])
    assert told(tmp_path / "run")[0][0] == pytest.approx(sums[0] / sums[1], rel=1e-6)


def test_a_history_that_goes_on_against_the_patience_does_not_verify(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(
            "collegium.mechanisms.search.resolving.is_over", lambda model, patience: False
        )
        run("heart", out=tmp_path / "run", changes=[*CHANGES, "training.rounds=8"])
    found = verify(tmp_path / "run")
    assert not found.ok
    assert {one.code for one in found.findings} == {"round.ending"}


def test_it_goes_with_control_variates_and_secure_sums(tmp_path: Path) -> None:
    for name, changes in (
        ("scaffold", ["training.algorithm=scaffold", "aggregation.weights=equal"]),
        ("nova", ["training.algorithm=fednova"]),
        ("secagg", ["privacy.secure_aggregation={ protocol = 'secagg', threshold = 3 }"]),
    ):
        result = run("heart", out=tmp_path / name, changes=[*CHANGES, *changes])
        assert result.outcome == "completed", name
        assert result.rounds < 40, name
        assert verify(tmp_path / name).ok, name


def test_a_personal_model_is_the_one_that_went_with_the_final_model(tmp_path: Path) -> None:
    """So many more rounds that made the loss rise again change nothing of what a site keeps."""
    perceptron = [
        "model.architecture=mlp", "model.hidden=[4]", "personalization.method=fedper",
        "training.early_stopping={ patience = 99, validation = 0.25 }", "training.learning_rate=2",
    ]  # fmt: skip
    far = run("heart", out=tmp_path / "far", changes=[*CHANGES, *perceptron, "training.rounds=8"])
    best = int(np.argmin([record[0] for record in told(far.folder)])) + 1
    assert 1 < best < 8
    enough = [*CHANGES, *perceptron, f"training.rounds={best}"]
    near = run("heart", out=tmp_path / "near", changes=enough)
    assert far.model == near.model
    assert far.measured.federated == near.measured.federated


def test_it_goes_with_rules_that_bear_bad_losses_and_with_momentum_at_the_sites(
    tmp_path: Path,
) -> None:
    """A site that sends everything with the other sign tells no loss that anybody believes."""
    changes = [
        *CHANGES, "aggregation.rule=nnm+trimmed_mean", "aggregation.tolerate=1",
        "training.site_momentum=0.5", "threat={ attack = 'sign_flip', attackers = 1 }",
    ]  # fmt: skip
    result = run("heart", out=tmp_path / "run", changes=changes)
    assert result.outcome == "completed"
    assert 3 <= result.rounds < 40
    assert all(0.3 < record[0] < 8 for record in told(tmp_path / "run"))
    assert verify(tmp_path / "run").ok
    assert run_without_ledger(prepare(read_study("heart", changes))).digest.hex() == result.model


def test_a_site_of_one_person_trains_on_it_and_tells_no_loss() -> None:
    prepared = prepare(read_study("heart", CHANGES))
    one = {**prepared.train, "va": take(prepared.train["va"], np.array([0]))}
    trainers = LocalTrainers(prepared.study, prepared.parts.spec, prepared.parts.trainer, one)
    zero = np.zeros(18, np.float32)
    assert trainers.rows_of("va") == 1
    assert trainers.validation_loss("va", zero) is None
    assert trainers.validation_loss("cleveland", zero) == pytest.approx(np.log(2), rel=1e-6)
    assert not stopping.shared(None, 12).any()
    assert stopping.shared(0.5, 12)[:2].tolist() == [512 / 4096, 1024 / 4096]
