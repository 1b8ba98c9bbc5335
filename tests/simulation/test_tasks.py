"""Every kind of target goes all the way: trained, verified, reported, released, applied."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from collegium import plugins
from collegium.audit.verify import verify
from collegium.data.site_table import site_table
from collegium.data.table import DataSet, Feature, Schema, SiteRows, Task
from collegium.errors import StudyError
from collegium.learning.evaluation.statement import MEASURES
from collegium.measuring.reporting import report_on
from collegium.release.prediction import predict
from collegium.report.wording import PRIMARY
from collegium.simulation.execution import run

CLASSES: dict[Task, int] = {"binary": 2, "multiclass": 3, "ordinal": 4}
LINEAR: dict[Task, str] = {
    "binary": "logistic", "multiclass": "multinomial", "ordinal": "ordinal", "regression": "linear",
    "count": "poisson", "survival": "cox",
}  # fmt: skip
STUDY = """
[study]
id = "made-up"
title = "Made up"
question = "Does it learn?"
[data]
source = "made_up"
[model]
architecture = "{architecture}"
[training]
rounds = 12
local_epochs = 2
batch_size = 512
learning_rate = {rate}
[aggregation]
server = {{ optimizer = "momentum" }}
[evaluation]
bootstrap = 100
"""


def made_up(task: Task) -> DataSet:
    """Three sites whose targets follow one score; counts grow with the years of exposure."""
    features = [Feature(name, name, "numeric") for name in ("a", "b")]
    if task == "count":
        features.append(Feature("years", "years", "exposure", "years"))
    random = np.random.RandomState(1)
    sites = []
    for place in range(3):
        x = random.normal(size=(80, len(features))).astype(np.float32)
        x[:, 2:] /= 2
        score = x[:, 0] - 0.5 * x[:, 1]
        y: Any = score.astype(np.float32)
        if task in CLASSES:
            edges = np.linspace(-1, 1, CLASSES[task] + 1)[1:-1]
            y = np.searchsorted(edges, score + random.logistic(size=80) / 4)
        elif task == "count":
            y = random.poisson(np.exp(0.5 + 0.5 * score + x[:, 2])).astype(np.float32)
        elif task == "survival":
            until, censored = random.exponential(size=(2, 80)) * 300
            until /= np.exp(score + place)
            y = np.stack([np.minimum(until, censored) // 1, until <= censored], 1)
            y = y.astype(np.float32)
        persons = np.arange(80) + 80 * place
        sites.append(SiteRows(f"site-{place}", x, y, persons))
    schema = Schema(
        tuple(features), "target", task, tuple(f"c{n}" for n in range(CLASSES.get(task, 0))),
        event="seen" if task == "survival" else "",
    )  # fmt: skip
    return DataSet("made_up", "Made up", schema, tuple(sites), "CC0", "nobody", "", ())


@pytest.mark.parametrize("task", LINEAR)  # a segmentation is in test_segmentation.py
def test_a_task_from_rows_to_predictions(
    task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = made_up(task)
    monkeypatch.setitem(plugins.BUILT_IN["datasets"], "made_up", f"{__name__}:loader")
    monkeypatch.setitem(globals(), "loader", lambda: dataset)
    study = tmp_path / "study.toml"
    rate = 0.05 if task == "count" else 0.3
    study.write_text(STUDY.format(architecture=LINEAR[task], rate=rate))
    rounds = 60 if task == "count" else 12
    result = run(study, out=tmp_path / "run", changes=[f"training.rounds={rounds}"])
    quality = result.measured.federated
    assert quality is not None
    assert set(quality.overall) == set(MEASURES[task])
    chance = {"mae": 0.9, "poisson_deviance": 3.0}.get(PRIMARY[task])
    reached = quality.overall[PRIMARY[task]]
    assert reached is not None
    assert reached < chance if chance else reached > 0.65
    verification = verify(result.folder)
    assert (verification.ok, verification.findings) == (True, ())
    assert "made up" in report_on(result.folder).read_text().lower()
    table = tmp_path / "table.csv"
    rows = dataset.sites[0]
    lines = site_table(dataset.schema, rows).splitlines()
    table.write_text("\n".join(line.rpartition(",")[0] for line in lines))
    scores = predict(result.folder, table).scores
    assert scores.shape == (80, CLASSES[task] if CLASSES.get(task, 0) > 2 else 1)
    if task == "count":
        assert scores[:, 0].mean() == pytest.approx(rows.y.mean(), rel=0.2)


PRIVATE = "privacy.differential_privacy={unit='patient', epsilon=8.0, delta=1e-5}"


@pytest.mark.parametrize("task", [task for task in LINEAR if task not in ("binary", "survival")])
def test_a_task_is_trained_with_differential_privacy(
    task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = made_up(task)
    monkeypatch.setitem(plugins.BUILT_IN["datasets"], "made_up", f"{__name__}:loader")
    monkeypatch.setitem(globals(), "loader", lambda: dataset)
    study = tmp_path / "study.toml"
    study.write_text(STUDY.format(architecture=LINEAR[task], rate=0.1))
    result = run(study, out=tmp_path / "run", changes=[PRIVATE, "training.rounds=10"])
    found = verify(result.folder)
    assert (found.ok, found.checked["budgets"]) == (True, 3)
    assert result.spending is not None
    assert 0 < result.spending.epsilon <= 8.0


def test_partial_likelihood_is_refused_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = made_up("survival")
    monkeypatch.setitem(plugins.BUILT_IN["datasets"], "made_up", f"{__name__}:loader")
    monkeypatch.setitem(globals(), "loader", lambda: dataset)
    study = tmp_path / "study.toml"
    study.write_text(STUDY.format(architecture="cox", rate=0.1))
    with pytest.raises(StudyError, match="the loss 'cox' has no differential privacy"):
        run(study, out=tmp_path / "run", changes=[PRIVATE])


def test_the_site_s_level_of_risk_does_not_matter_to_a_stratified_likelihood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sites of `made_up` differ e-fold in hazard; the common coefficients are still found."""
    dataset = made_up("survival")
    monkeypatch.setitem(plugins.BUILT_IN["datasets"], "made_up", f"{__name__}:loader")
    monkeypatch.setitem(globals(), "loader", lambda: dataset)
    study = tmp_path / "study.toml"
    study.write_text(STUDY.format(architecture="cox", rate=0.3))
    changes = ["training.rounds=60", "evaluation.bootstrap=0"]
    result = run(study, out=tmp_path / "run", changes=changes)
    table = tmp_path / "table.csv"
    table.write_text("a,b\n0,0\n1,0\n0,1\n")
    zero, first, second = predict(result.folder, table).scores[:, 0]
    assert zero == 0.0
    assert first == pytest.approx(1.0, abs=0.25)
    assert second == pytest.approx(-0.5, abs=0.25)
