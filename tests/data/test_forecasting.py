"""Forecasts from series by region: lags, a later target, and moments that a cut can go by."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.data.real import real

from collegium.data import covid_italy, flusight
from collegium.data.checking import check_dataset
from collegium.data.covid_italy import COVID_ITALY
from collegium.data.flusight import FLUSIGHT
from collegium.data.forecasting import forecast_schema, forecasts
from collegium.data.registered import RegisteredDataSet
from collegium.data.split import split
from collegium.data.table import DataSet
from collegium.study.reading import parse_study

SCHEMA = forecast_schema("cases", "cases", "persons", lags=3, ahead=2, step="day")


def test_columns_are_the_values_up_to_the_origin_and_the_target_lies_ahead() -> None:
    rows = forecasts({"here": np.arange(8.0)}, SCHEMA, 2, 1).sites[0]
    assert [feature.name for feature in SCHEMA.features] == ["cases_0", "cases_1", "cases_2"]
    assert SCHEMA.target == "cases_in_2_days"
    assert np.allclose(rows.x[0] * 4, np.log1p([2.0, 1.0, 0.0]))
    assert rows.y.tolist() == pytest.approx(np.log1p([4.0, 5.0, 6.0, 7.0]).tolist())
    assert rows.time is not None
    assert rows.time.tolist() == [[2, 4], [3, 5], [4, 6], [5, 7]]


def test_what_a_gap_touches_is_left_out() -> None:
    values = np.arange(10.0)
    values[5] = np.nan
    rows = forecasts({"here": values}, SCHEMA, 2, 7).sites[0]
    assert rows.time is not None
    assert rows.time.tolist() == [[14, 28], [28, 42]]


def test_no_training_target_lies_in_the_test_part() -> None:
    rows = forecasts({"here": np.arange(100.0)}, SCHEMA, 2, 1).sites[0]
    train, test = split(rows, 0.3, 1, "time")
    assert train.time is not None
    assert test.time is not None
    assert train.time[:, 1].max() < test.time[:, 0].min()
    assert (len(train.y), len(test.y)) == (65, 29)


def test_italys_regions_become_ids() -> None:
    head = "data,denominazione_regione,totale_ospedalizzati\n"
    days = "".join(f"2020-03-{day:02d},Valle d'Aosta,{day}\n" for day in range(1, 29))
    (site,) = covid_italy.rows_of((head + days).encode()).sites
    assert (site.name, len(site.y)) == ("valle_d_aosta", 28 - 13 - 7)


def test_the_country_is_no_state_and_weeks_are_put_in_order() -> None:
    head = '"date","location","location_name","value","weekly_rate"\n'
    weeks = [f"2022-0{month}-{day:02d}" for month in (2, 3) for day in (5, 12, 19, 26)]
    lines = [f'{week},"39","Ohio",1,{at}\n' for at, week in reversed(list(enumerate(weeks)))]
    lines += [f'{week},"US","US",1,NA\n' for week in weeks]
    (site,) = flusight.rows_of((head + "".join(lines)).encode()).sites
    assert site.name == "ohio"
    assert site.x[0, 0] * 4 == pytest.approx(np.log1p(3))


def ridge(dataset: DataSet) -> tuple[float, float]:
    """Mean absolute errors of a pooled ridge and of persistence on the last 30 % of the days."""
    cut = [split(rows, 0.3, 1, "time") for rows in dataset.sites]

    def table(part: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        x = np.concatenate([one[part].x for one in cut]).astype(np.float64)
        y = np.concatenate([one[part].y for one in cut]).astype(np.float64)
        return np.column_stack([np.ones(len(x)), x]), y

    (x, y), (late_x, late_y) = table(0), table(1)
    weights = np.linalg.solve(x.T @ x + 1e-3 * np.eye(x.shape[1]), x.T @ y)
    persistence = np.abs(late_x[:, 1] * 4 - late_y).mean()
    return float(np.abs(late_x @ weights - late_y).mean()), float(persistence)


@pytest.mark.parametrize(
    ("registered", "errors"), [(COVID_ITALY, (0.218, 0.220)), (FLUSIGHT, (0.211, 0.245))]
)
def test_the_originals_give_the_known_baselines(
    registered: RegisteredDataSet, errors: tuple[float, float]
) -> None:
    dataset = real(registered)
    check_dataset(dataset)
    assert tuple((one.name, len(one.y)) for one in dataset.sites) == registered.sites
    assert ridge(dataset) == pytest.approx(errors, abs=0.002)


def test_the_study_that_the_page_shows_is_one() -> None:
    page = (Path(__file__).parents[2] / "docs" / "datasets.md").read_text("utf-8")
    shown = page.split("  ```toml\n")[1].split("  ```")[0]
    study = parse_study(dedent(shown), "influenza").study
    assert study.data.source == "flusight"
    assert study.data.split.by == "time"
