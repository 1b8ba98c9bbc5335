"""The test rows of a simulation are told with their IDs and predictions, and nobody else's are."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest
from tests.data.tabular.cohorts import STUDY, trainers, write_study, write_table

from collegium.cli.summaries import scored_rows_json, scored_rows_lines
from collegium.errors import RunError
from collegium.measuring import scored_rows as module
from collegium.measuring.comparing import compare
from collegium.measuring.scored_rows import scored_rows
from collegium.measuring.scoring import score_run
from collegium.release.prediction import predict
from collegium.simulation.execution import run


def test_test_rows_join_to_the_table_and_are_scored_by_the_released_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of a class that the study leaves out are none of them."""
    cells = trainers()
    cells["died"][::7] = ["unknown"] * len(cells["died"][::7])
    text = STUDY.replace("drop =", 'classes = ["no", "yes"], drop =')
    study = write_study(tmp_path, cells, text)
    folder = run(study, out=tmp_path / "run").folder
    schema, tested = scored_rows(folder, ["mrn"])
    whole = predict(folder, tmp_path / "cohort.csv").scores
    assert len(tested) == sum(len(rows.y) for rows in score_run(folder).prepared.test.values())
    for one in tested:
        at = one.row - 1
        assert one.ids == (cells["mrn"][at],)
        assert one.true == (cells["died"][at],)
        assert one.site == cells["hospital"][at]
        assert one.scores == pytest.approx(tuple(whole[at]), abs=1e-6)
    rows = list(csv.DictReader(io.StringIO("\n".join(scored_rows_lines(schema, tested, ["mrn"])))))
    assert [row["mrn"] for row in rows] == [one.ids[0] for one in tested]
    assert scored_rows_json(tested, ["mrn"])["rows"][0]["ids"] == {"mrn": tested[0].ids[0]}

    of_members = replace(score_run(folder), simulated=False)
    monkeypatch.setattr(module, "score_run", lambda _: of_members)
    with pytest.raises(RunError) as caught:
        scored_rows(folder)
    assert caught.value.code == "model.no-test-rows"


def test_rows_that_have_changed_since_the_run_are_not_scored(tmp_path: Path) -> None:
    """Nor is an attacked run refused for what its attackers did to theirs."""
    attack = 'threat={attack="label_flip",attackers=1}'
    folder = run(write_study(tmp_path), out=tmp_path / "run", changes=[attack]).folder
    assert scored_rows(folder)
    cells = trainers()
    cells["died"][0] = "no" if cells["died"][0] == "yes" else "yes"
    write_table(tmp_path / "cohort.csv", cells)
    for look in (scored_rows, lambda one: compare([one])):
        with pytest.raises(RunError) as caught:
            look(folder)
        assert caught.value.code == "run.other-rows"
        assert "cohort.csv has changed" in caught.value.what
