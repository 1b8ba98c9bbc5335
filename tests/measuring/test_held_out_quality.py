"""Rows kept apart: folds are studies of their own, an evaluator's rows are nobody's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from collegium.assembly.preparation import prepare
from collegium.audit.verify import verify
from collegium.cli.summaries import quality_lines, run_json
from collegium.data import uci_heart
from collegium.data.table import DataSet
from collegium.learning.blobs import decode_model
from collegium.learning.evaluation.metrics import measure
from collegium.learning.models import predict
from collegium.measuring.comparing import compare
from collegium.measuring.held_out_quality import ModelsCompared
from collegium.measuring.reporting import report_on
from collegium.measuring.result import RunResult
from collegium.report.measurements import FinalLine, read_lines
from collegium.simulation.consortium import Consortium
from collegium.simulation.execution import run
from collegium.simulation.finishing import models_of
from collegium.study.reading import read_study

FOLDS = ["training.rounds=3", "evaluation.bootstrap=100", "evaluation.folds=3"]


@pytest.fixture(scope="module")
def folded(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    return run("heart", out=tmp_path_factory.mktemp("folded") / "run", changes=FOLDS)


def test_every_row_is_scored_by_the_model_of_its_fold(folded: RunResult) -> None:
    y, scores = [], []
    for number in (1, 2, 3):
        folder = folded.folder / "folds" / str(number)
        assert verify(folder).ok
        prepared = prepare(read_study(folder / "study.toml"))
        assert prepared.study.evaluation.fold == number
        final = [one for one in read_lines(folder / "metrics.jsonl") if isinstance(one, FinalLine)]
        model = decode_model((folder / "blobs" / final[-1].model).read_bytes())
        for rows in prepared.test.values():
            y.append(rows.y)
            scores.append(predict(prepared.parts.spec, model.parameters, rows.x))
    apart = folded.measured.out_of_fold
    assert apart is not None
    assert apart.federated is not None
    together = measure("binary", np.concatenate(y), np.concatenate(scores))
    assert apart.federated.overall == pytest.approx(together, abs=1e-12)
    assert sum(apart.rows.values()) == 740 == apart.persons


def test_folds_leave_the_study_itself_as_it_was(folded: RunResult, tmp_path: Path) -> None:
    plain = run("heart", out=tmp_path / "plain", changes=FOLDS[:2])
    assert plain.model == folded.model
    assert plain.measured.out_of_fold is None
    assert folded.measured.federated == plain.measured.federated


def test_a_run_that_ended_before_its_folds_goes_on_with_them(folded: RunResult) -> None:
    metrics = folded.folder / "metrics.jsonl"
    kept = metrics.read_bytes()
    lines = [line for line in kept.splitlines(keepends=True) if b'"kind":"round"' in line]
    metrics.write_bytes(b"".join(lines))
    again = run(folded.folder / "study.toml", out=folded.folder, resume=True)
    assert again.measured.out_of_fold == folded.measured.out_of_fold


def test_the_report_tells_of_them_and_compares(folded: RunResult) -> None:
    page = report_on(folded.folder).read_text("utf-8")
    assert "out-of-fold predictions for all 740 rows" in page
    assert 'id="apart"' in page


def with_an_evaluator(heart: DataSet) -> DataSet:
    """Three hospitals are sites; the fourth's rows are an evaluator's."""
    return replace(heart, sites=heart.sites[:3], unseen=heart.sites[3:])


def test_an_evaluators_rows_are_measured_and_never_trained_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = with_an_evaluator(uci_heart.load())
    monkeypatch.setattr(uci_heart, "load", lambda: changed)
    result = run("heart", out=tmp_path / "run", changes=FOLDS[:2])
    apart = result.measured.unseen
    assert apart is not None
    assert apart.federated is not None
    assert apart.local is not None
    assert apart.rows == {"va": 130}
    assert list(result.measured.rows) == ["cleveland", "hungarian", "switzerland"]
    own = [one["auc"] for one in apart.local.sites.values()]
    assert apart.local.overall["auc"] == pytest.approx(np.mean(np.array(own, dtype=float)))
    model = decode_model((result.folder / "blobs" / result.model).read_bytes())
    prepared = prepare(read_study("heart"))
    rows = prepared.dataset.unseen[0]
    scores = predict(prepared.parts.spec, model.parameters, rows.x)
    assert apart.federated.overall == pytest.approx(measure("binary", rows.y, scores))
    assert apart.federated.overall_intervals["auc"] is not None
    assert "130 rows held out from all sites" in report_on(result.folder).read_text()


def test_the_command_line_prints_both(folded: RunResult) -> None:
    told = run_json(folded)
    assert told["quality"]["out_of_fold"]["federated"]["overall"]["auc"] > 0.7
    assert told["intervals"]["out_of_fold"]["federated_minus_pooled"]["auc"] is not None
    lines = list(quality_lines(folded.measured))
    assert any("out of fold, on all 740 rows" in line for line in lines)


def test_a_site_whose_own_training_diverges_takes_no_comparison_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are compared, with the study's model on their rows alone, and it is named."""

    def at_va(consortium: Consortium) -> ModelsCompared | None:
        models = models_of(consortium)
        assert models is not None
        finite = models.alone
        lost = np.full_like(models.federated, np.nan)
        return replace(models, alone=lambda site: lost if site == "va" else finite(site))

    monkeypatch.setattr("collegium.simulation.execution.models_of", at_va)
    changes = FOLDS[:2]
    found = run("heart", out=tmp_path / "run", changes=changes)
    final, others = found.measured, ["cleveland", "hungarian", "switzerland"]
    assert final.local_missing == ("va",)
    assert final.local is not None
    assert list(final.local.sites) == others
    beside = final.federated_beside_local
    assert beside is not None
    assert final.federated is not None
    assert beside.sites == {name: final.federated.sites[name] for name in others}
    difference = final.difference_to_local["auc"]
    assert difference is not None
    auc, own = beside.overall["auc"], final.local.overall["auc"]
    assert auc is not None
    assert own is not None
    assert difference.low <= auc - own <= difference.high
    assert "  local-only without va: its own training diverged there" in list(quality_lines(final))
    assert run_json(found)["quality"]["local_missing"] == ["va"]
    page = report_on(found.folder).read_text()
    assert "local-only training at 3 of 4 sites (it diverged at va)" in page
    (design,) = compare([found.folder]).designs
    assert design.federated_minus_local["auc"].value == pytest.approx(auc - own)
