"""The presets about data that the package does not bring: they run, and their runs verify."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.data.real import real

from collegium.assembly.preparation import prepare
from collegium.audit.verify import verify
from collegium.measuring.reporting import report_on
from collegium.plugins import find
from collegium.simulation.execution import run
from collegium.study.reading import read_study

SHORT = ["training.rounds=2", "evaluation.bootstrap=0", "evaluation.folds=1"]


LONG = [pytest.param(name, marks=pytest.mark.long) for name in ("activity", "intrusion")]


@pytest.mark.parametrize("preset", ["brca", "eicu", "lungs", "scanners", "tumors", *LONG])
def test_a_preset_runs_verifies_and_is_reported(preset: str, tmp_path: Path) -> None:
    real(find("datasets", str(read_study(preset).study.data.source)))
    result = run(preset, out=tmp_path / "run", changes=SHORT)
    made_up = "study.made-up-sites" in {one.code for one in result.notices}
    assert made_up == (preset in ("intrusion", "tumors"))
    assert result.outcome == "completed"
    assert not [one for one in result.notices if one.level == "warning"]
    assert verify(result.folder).ok
    page = report_on(result.folder).read_text("utf-8")
    assert ("The sites are artificial" in page) == made_up


@pytest.mark.long
@pytest.mark.parametrize("preset", ["activity_cnn", "anomalies", "lungs_cnn", "phantoms"])
def test_a_preset_with_a_network_runs_and_verifies(preset: str, tmp_path: Path) -> None:
    pytest.importorskip("jax", reason="the extra jax is not installed")
    real(find("datasets", str(read_study(preset).study.data.source)))
    result = run(preset, out=tmp_path / "run", changes=["training.rounds=1", SHORT[1]])
    assert result.outcome == "completed"
    assert (result.measured.unseen is not None) == (preset != "lungs_cnn")
    assert verify(result.folder).ok


def test_a_cut_by_row_through_persons_is_warned_of() -> None:
    real(find("datasets", "eicu_demo"))
    by_row = prepare(read_study("eicu", ["data.split.by=row"]))
    warned = [one for one in by_row.notices if one.code == "study.random-rows"]
    assert [one.level for one in warned] == ["warning"]
    assert "5 of 5 sites" in warned[0].text
    by_person = prepare(read_study("eicu"))
    assert "study.random-rows" not in {one.code for one in by_person.notices}


def test_a_site_of_one_person_cannot_be_cut_by_person() -> None:
    real(find("datasets", "uci_hapt"))
    with pytest.raises(Exception, match="person-01") as caught:
        prepare(read_study("activity", ["data.split.by=person"]))
    assert "data.split.by" in getattr(caught.value, "todo", "")


def test_lungs_says_that_site_and_finding_are_confounded(tmp_path: Path) -> None:
    real(find("datasets", "covid_xray"))
    assert "confounded" in read_study("lungs").study.study.title
    result = run("lungs", out=tmp_path / "run", changes=SHORT)
    assert "study.site-tells-answer" in {one.code for one in result.notices}
    assert result.measured.site_alone is not None
    assert result.measured.site_alone > 0.6
    assert "Knowing only which site a case came from" in report_on(result.folder).read_text()
