"""Learning without a ledger ends in the very model of a whole run, honest or attacked."""

from __future__ import annotations

from pathlib import Path

import pytest

from collegium.assembly.preparation import prepare
from collegium.errors import RunError
from collegium.learning.blobs import ModelState, digest, encode_model
from collegium.report.measurements import RoundLine, read_lines
from collegium.simulation.execution import run
from collegium.simulation.ledgerless import run_without_ledger
from collegium.study.reading import read_study

SHORT = ("training.rounds=4", "evaluation.bootstrap=0")
ROBUST = (
    "training.site_momentum=0.9", "aggregation.rule=nnm+trimmed_mean", "aggregation.tolerate=2",
)  # fmt: skip
STUDIES = {
    "plain": (),
    "an mlp": ("model.architecture=mlp", "model.hidden=[8]"),
    "some of the sites": ("training.client_fraction=0.5", "training.site_momentum=0.5"),
    "equal weights": ("aggregation.weights=equal", "aggregation.exponent=5"),
    "differential privacy": (
        "privacy.differential_privacy={unit='patient', epsilon=8.0, delta=1e-5}",
    ),
    "whole sites": (
        "privacy.differential_privacy={unit='client', mechanism='central', epsilon=20.0,"
        " delta=1e-5}", "aggregation.weights=equal", "aggregation.exponent=9",
    ),
    "a clip that follows whole sites": (
        "privacy.differential_privacy={unit='client', mechanism='local', epsilon=50.0,"
        " delta=1e-5, clipping='adaptive', clip=0.1}", "aggregation.weights=equal",
        "aggregation.exponent=12",
    ),
    "turned labels in a private study": (
        "privacy.differential_privacy={unit='patient', epsilon=8.0, delta=1e-5}", *ROBUST,
        "threat.attack=label_flip", "threat.attackers=2",
    ),
    "dropout": ("faults.dropout=0.2",),
    "traps": ("faults.traps=0.5",),
    "secure aggregation": (
        'privacy.secure_aggregation={protocol="secagg", threshold=7}',
        "threat.attack=sign_flip",
    ),
    "sums by groups": (
        'privacy.secure_aggregation={protocol="secagg", groups=3, norm_bound=0.3}',
        "aggregation.rule=nnm+trimmed_mean", "aggregation.tolerate=1",
        "threat.attack=sign_flip", "threat.scale=100", "threat.rounds=[2, 3]",
    ),
    "sums by groups with dropout": (
        'privacy.secure_aggregation={protocol="secagg", groups=4, trust="honest_but_curious"}',
        "aggregation.rule=median", "data.partition.sites=16", "faults.dropout=0.2",
        "study.min_sites=9",
    ),
    "server adam": ("aggregation.server.optimizer=adam",),
    "turned labels": (*ROBUST, "threat.attack=label_flip", "threat.attackers=2"),
    "searching": (*ROBUST, "threat.attack=opt_alie", "threat.attackers=2", "threat.rounds=[2, 3]"),
    "sign flip by some of the sites": (
        "training.client_fraction=0.5", "threat.attack=sign_flip", "threat.attackers=4",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", STUDIES)
def test_every_round_ends_in_the_model_of_a_run(tmp_path: Path, name: str) -> None:
    changes = [*SHORT, *STUDIES[name]]
    result = run("heart10", out=tmp_path / "run", changes=changes)
    found: list[str] = []

    def watch(number: int, model: ModelState) -> None:
        found.append(digest(encode_model(model)).hex())

    rehearsed = run_without_ledger(prepare(read_study("heart10", changes)), watch)
    lines = read_lines(tmp_path / "run" / "metrics.jsonl")
    assert found == [line.model for line in lines if isinstance(line, RoundLine)]
    assert rehearsed.outcome == result.outcome == "completed"
    assert rehearsed.digest.hex() == result.model


def test_a_study_that_fails_keeps_the_same_model(tmp_path: Path) -> None:
    changes = [
        *SHORT, "training.learning_rate=1000", "aggregation.server.learning_rate=1000",
        "training.local_epochs=20", "model.architecture=mlp", "model.hidden=[8]",
    ]  # fmt: skip
    result = run("heart10", out=tmp_path / "run", changes=changes)
    rehearsed = run_without_ledger(prepare(read_study("heart10", changes)))
    assert rehearsed.outcome == result.outcome == "failed"
    assert rehearsed.digest.hex() == result.model


def test_what_only_a_run_can_show_is_refused() -> None:
    prepared = prepare(read_study("heart10", [*SHORT, "threat.attack=lying_validator"]))
    with pytest.raises(RunError) as caught:
        run_without_ledger(prepared)
    assert caught.value.code == "rehearsal.refused"
