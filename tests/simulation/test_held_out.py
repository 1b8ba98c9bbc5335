"""What is held out to choose among models: persons, or the latest rows where the test is later."""

from __future__ import annotations

from dataclasses import replace
from html import unescape
from pathlib import Path

import numpy as np
import pytest
from tests.data.real import real

from collegium.assembly.preparation import Prepared, prepare
from collegium.assembly.rules import check_rows
from collegium.audit.verify import verify
from collegium.data.table import SiteRows
from collegium.errors import StudyError
from collegium.federation.local_trainers import LocalTrainers
from collegium.learning.models import initial_parameters
from collegium.measuring.reporting import report_on
from collegium.plugins import find
from collegium.simulation.execution import run
from collegium.study.reading import read_study

SEARCH = ("search.training.learning_rate=[0.01, 0.1]", "search.validation=0.25")
BY_TIME = ('data.source="covid_italy"', 'data.split={test=0.3, by="time"}',
           'model={architecture="linear"}', "evaluation={bootstrap=0}")  # fmt: skip


def by_time(*changes: str) -> Prepared:
    real(find("datasets", "covid_italy"))
    return prepare(read_study("heart", [*BY_TIME, *changes]))


def test_in_a_study_cut_by_time_each_persons_latest_rows_are_held_out() -> None:
    prepared = by_time(*SEARCH)
    rows = prepared.train["lazio"]
    assert len(np.unique(rows.person)) == 1
    parts = prepared.parts
    trainers = LocalTrainers(prepared.study, parts.spec, parts.trainer, {"lazio": rows})
    left = trainers.rows["lazio"]
    assert left.time is not None
    assert rows.time is not None
    first_held = np.sort(rows.time[:, 0])[-int(np.ceil(len(rows.y) / 4))]
    assert left.time[:, 1].max() < first_held
    assert trainers.validation_loss("lazio", initial_parameters(parts.spec, 1)) is not None


def test_in_any_other_study_persons_are_held_out() -> None:
    prepared = prepare(read_study("heart", SEARCH))
    rows = prepared.train["va"]
    visits = np.repeat(np.arange(len(rows.y)), 2)
    twice = SiteRows(rows.name, rows.x[visits], rows.y[visits], rows.person[visits])
    trainers = LocalTrainers(
        prepared.study, prepared.parts.spec, prepared.parts.trainer, {"va": twice}
    )
    left = trainers.rows["va"].person
    assert 0 < len(np.unique(left)) < len(rows.y)
    assert np.all(np.unique(left, return_counts=True)[1] == 2)


@pytest.mark.parametrize(
    ("change", "key"),
    [(SEARCH, "search.validation"), (("training.early_stopping={patience=3, validation=0.25}",),
                                     "training.early_stopping.validation")],
)  # fmt: skip
def test_where_no_site_can_hold_a_person_out_nothing_is_chosen_by_that(
    change: tuple[str, ...], key: str
) -> None:
    prepared = prepare(read_study("heart", change))
    one_each = {
        name: replace(rows, person=np.zeros(len(rows.y), np.int64))
        for name, rows in prepared.train.items()
    }
    with pytest.raises(StudyError, match=r"no site can hold 0\.25 of its") as found:
        check_rows(prepared.study, one_each, [])
    assert found.value.path == tuple(key.split("."))  # type: ignore[attr-defined]
    assert 'data.split.by = "time"' in found.value.todo
    check_rows(prepared.study, {**one_each, "va": prepared.train["va"]}, [])


def test_a_search_over_rows_in_time_verifies_and_its_report_says_which_were_held_out(
    tmp_path: Path,
) -> None:
    real(find("datasets", "covid_italy"))
    result = run("heart", out=tmp_path / "run", changes=[*BY_TIME, *SEARCH, "training.rounds=2"])
    assert [one.text for one in result.notices if "each person's latest" in one.text]
    found = verify(result.folder)
    assert found.ok
    assert [one.by for one in found.selections] == ["time"]
    page = unescape(report_on(result.folder).read_text("utf-8"))
    assert "training rows, each person's latest, on which no trial trained" in page
    assert "Expect a higher loss for later rows" in page
