"""A site's rows survive the way through a CSV file, bit for bit; what is wrong in one is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.data.example_tables import SCHEMA

from collegium.data import uci_heart
from collegium.data.site_table import PERSON, PUBLISHED, TIME, read_site, site_table
from collegium.data.split import split
from collegium.data.table import Feature, Schema, SiteRows, encode
from collegium.errors import DataError

HEADER = "age,smoker,ward,died,mrn\n"
NUMBERS = Schema((Feature("dose", "dose", "numeric", center=3.0, scale=7.0),), "days", "regression")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return tmp_path / "rows.csv"


def read(table: Path, text: str, person: str | None = "mrn") -> SiteRows:
    table.write_text(text)
    return read_site(table, SCHEMA, "here", person)


@pytest.mark.parametrize("rows", uci_heart.load().sites, ids=lambda rows: rows.name)
def test_a_hospitals_rows_come_back_as_they_were(table: Path, rows: SiteRows) -> None:
    schema = uci_heart.load().schema
    table.write_text(site_table(schema, rows))
    found = read_site(table, schema, rows.name, PERSON)
    assert found.name == rows.name
    assert found.x.dtype == np.float32
    assert found.y.dtype == np.int64
    assert np.array_equal(found.x, rows.x)
    assert np.array_equal(found.y, rows.y)
    for mine, theirs in zip(split(found, 0.34, 43), split(rows, 0.34, 43), strict=True):
        assert np.array_equal(mine.x, theirs.x)


def test_the_cells_are_those_that_a_clinician_would_write(table: Path) -> None:
    heart = uci_heart.load()
    first = site_table(heart.schema, heart.sites[0]).splitlines()[:2]
    assert first == [
        "age,sex,cp,trestbps,chol,fbs,restecg,thalach,exang,oldpeak,num,person",
        "63,1,1,145,233,1,2,150,0,2.3,absent,0",
    ]


def test_times_events_and_exposures_come_back_as_they_were(table: Path) -> None:
    doses = np.linspace(-1, 2, 7, dtype=np.float32)[:, None]
    y = np.stack([np.arange(7), np.arange(7) % 2], axis=1).astype(np.float32)
    dose = NUMBERS.features[0]
    survival = Schema((dose,), "days", "survival", event="died")
    rows = SiteRows("here", doses, y, np.arange(7))
    table.write_text(site_table(survival, rows))
    assert table.read_text().splitlines()[:2] == ["dose,days,died,person", "-4,0,0,0"]
    found = read_site(table, survival, "here", PERSON)
    assert np.array_equal(found.y, y)
    counted = Schema((dose, Feature("years", "years", "exposure", "years")), "falls", "count")
    years = np.log([0.1, 0.5, 1, 2, 3, 1 / 3, 700]).astype(np.float32)[:, None]
    rows = SiteRows("here", np.concatenate([doses, years], axis=1), y[:, 0], np.arange(7))
    table.write_text(site_table(counted, rows))
    found = read_site(table, counted, "here", PERSON)
    assert np.array_equal(found.x, rows.x)
    assert np.array_equal(found.y, rows.y)


@pytest.mark.parametrize(
    ("line", "why"), [("1,2,2,p", "neither 0 nor 1"), ("1,,1,p", "has no value")]
)
def test_a_time_or_an_event_that_is_none_is_told(table: Path, line: str, why: str) -> None:
    schema = Schema(NUMBERS.features, "days", "survival", event="died")
    table.write_text("dose,days,died,person\n" + line + "\n")
    with pytest.raises(DataError) as caught:
        read_site(table, schema, "here", PERSON)
    assert why in caught.value.what


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    doses=st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=20),
    days=st.lists(st.floats(-1e6, 1e6, width=32), min_size=20, max_size=20),
)
def test_any_numbers_come_back_as_they_were(
    table: Path, doses: list[float], days: list[float]
) -> None:
    rows = SiteRows(
        "here",
        encode(NUMBERS, {"dose": np.array(doses)}),
        np.array(days[: len(doses)], np.float32),
        np.arange(len(doses)),
    )
    table.write_text(site_table(NUMBERS, rows))
    found = read_site(table, NUMBERS, "here", PERSON)
    assert np.array_equal(found.x, rows.x)
    assert np.array_equal(found.y, rows.y)


def test_a_class_is_written_by_name_or_by_number(table: Path) -> None:
    text = HEADER + "50,1,2,alive,a\n65,0,icu,1,b\n65,0,icu,0.0,c\n65,0,icu,dead,d\n"
    assert read(table, text).y.tolist() == [0, 1, 0, 1]


def test_rows_of_one_person_are_known_by_any_text(table: Path) -> None:
    text = HEADER + "50,1,2,0,x7\n65,0,icu,1,b\n65,0,icu,0,x7\n"
    assert read(table, text).person.tolist() == [0, 1, 0]


def test_without_a_column_of_persons_every_row_is_of_another_one(table: Path) -> None:
    text = "age,smoker,ward,died\n50,1,2,0\n65,0,icu,1\n"
    assert read(table, text, person=None).person.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("text", "code", "told"),
    [
        (HEADER + "50,1,2,perhaps,a\n", "data.value", "row 1 (line 2), column 'died': 'perhaps'"),
        (HEADER + "50,1,2,2,a\n", "data.value", "row 1 (line 2), column 'died': '2' is no class"),
        (HEADER + "50,1,2,,a\n", "data.value", "'' is no class"),
        ("age,smoker,ward,mrn\n50,1,2,a\n", "data.missing-column", "no column 'died'"),
        ("age,smoker,ward,died\n50,1,2,1\n", "data.missing-column", "no column 'mrn'"),
        ("age,smoker,ward,died,mrn,id\n50,1,2,1,a,9\n", "data.unknown-column", "'id'"),
        (HEADER + "50,1,7,1,a\n", "data.value", "column 'ward'"),
        (HEADER, "data.no-rows", "no row below it"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(table: Path, text: str, code: str, told: str) -> None:
    with pytest.raises(DataError) as caught:
        read(table, text)
    assert caught.value.code == code
    assert told in caught.value.what


def test_inputs_that_no_cell_makes_are_not_written() -> None:
    heart = uci_heart.load()
    rows = heart.sites[2]
    x = rows.x.copy()
    x[0, 1] = 0.5  # sex
    with pytest.raises(DataError, match="has no cell") as caught:
        site_table(heart.schema, replace(rows, x=x))
    assert caught.value.code == "data.inconsistent"


def test_moments_and_the_published_test_part_come_back_as_they_were(table: Path) -> None:
    rows = replace(
        uci_heart.load().sites[2],
        person=np.zeros(46, np.int64),
        time=np.stack([np.arange(46), np.arange(46) + 2], axis=1),
        published=np.arange(46) % 3 == 0,
    )
    schema = uci_heart.load().schema
    table.write_text(site_table(schema, rows))
    found = read_site(table, schema, "here", PERSON, time=TIME, published=PUBLISHED)
    assert found.time is not None
    assert rows.time is not None
    assert found.time.dtype == np.int64
    assert np.array_equal(found.time, rows.time)
    assert found.published is not None
    assert rows.published is not None
    assert np.array_equal(found.published, rows.published)
    for by in ("time", "published"):
        for mine, theirs in zip(split(found, 0.3, 1, by), split(rows, 0.3, 1, by), strict=True):
            assert np.array_equal(mine.x, theirs.x)
    with pytest.raises(DataError, match="begins"):
        read_site(table, schema, "here", PERSON)
