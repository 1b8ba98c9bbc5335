"""A study with an autoencoder, all the way: normal rows, and a bundle that needs no trainer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest
from tests.extras import needs

from collegium.assembly.preparation import prepare
from collegium.audit.verify import verify
from collegium.errors import DataError, StudyError
from collegium.measuring.reporting import report_on
from collegium.release.prediction import predict
from collegium.simulation.execution import run
from collegium.study.reading import read_study

CHANGES = [
    "model.architecture=autoencoder", "model.hidden=[6, 3, 6]", "model.l2=0.0",
    "training.trainer=jax", "training.rounds=4", "evaluation.bootstrap=0",
    "evaluation.threshold=0.88", "data.partition={ by = 'iid', sites = 4 }",
]  # fmt: skip
HEADER = "age,sex,cp,trestbps,chol,fbs,restecg,thalach,exang,oldpeak"


def test_only_normal_rows_are_trained_on_and_all_are_tested_on() -> None:
    pytest.importorskip("jax", reason="the extra jax is not installed")
    plain, odd = prepare(read_study("heart", CHANGES[-1:])), prepare(read_study("heart", CHANGES))
    for name in plain.sites:
        assert not odd.train[name].y.any()
        assert len(odd.train[name].y) == int((plain.train[name].y == 0).sum())
        assert np.array_equal(odd.test[name].x, plain.test[name].x)
    assert "study.no-probabilities" in {one.code for one in odd.notices}


def test_it_is_trained_verified_reported_and_applied_without_the_trainer(tmp_path: Path) -> None:
    pytest.importorskip("jax", reason="the extra jax is not installed")
    result = run("heart", out=tmp_path / "run", changes=CHANGES)
    found = verify(result.folder)
    assert (found.ok, found.findings) == (True, ())
    assert found.levels == {"recomputed": 4}
    quality = result.measured.federated
    assert quality is not None
    assert quality.calibration == ()
    page = report_on(result.folder).read_text("utf-8")
    assert "and these as probabilities, not as scores" in page
    table = tmp_path / "table.csv"
    table.write_text(HEADER + "\n63,1,1,145,233,1,2,150,0,2.3\n40,0,3,120,200,0,0,170,0,0\n")
    said = predict(result.folder, table)
    assert said.classes == tuple(
        said.schema.classes[int(score >= 0.88)] for score in said.scores[:, 0]
    )
    code = f"""
import sys
sys.modules["jax"] = None
from collegium.release.prediction import predict
print(predict({str(result.folder)!r}, {str(table)!r}).scores[:, 0].tolist())
"""
    alone = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert msgspec.json.decode(alone.stdout) == said.scores[:, 0].tolist()


def test_a_site_without_normal_rows_is_told() -> None:
    pytest.importorskip("jax", reason="the extra jax is not installed")
    with pytest.raises(DataError) as caught:
        prepare(read_study("heart", CHANGES[:-1]))
    assert caught.value.what == "site switzerland has no normal row to train on"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("model.hidden=[]", "[32, 8, 32]"),
        ("training.trainer=dense", "'jax'"),
        ("aggregation.server.optimizer=adam", "optimizer = 'none'"),
        ("training.site_momentum=0.9", "training.momentum"),
        ("training.algorithm=fednova", "remove training.algorithm"),
        ("personalization.method=fedper", "ditto"),
        ("training.early_stopping.patience=3", "remove early_stopping"),
        ("search.training.learning_rate=[0.1, 0.2]", "remove [search]"),
    ],
)
def test_what_would_distort_the_level_is_refused(change: str, told: str) -> None:
    with pytest.raises(StudyError) as caught:
        read_study("heart", [*CHANGES, change])
    assert told in caught.value.todo


@needs("jax")
def test_masked_and_plain_updates_end_in_the_same_model(tmp_path: Path) -> None:
    masked = [*CHANGES, "privacy.secure_aggregation.protocol=secagg"]
    ends = {
        run("heart", out=tmp_path / str(number), changes=changes).model
        for number, changes in enumerate((CHANGES, masked))
    }
    assert len(ends) == 1
