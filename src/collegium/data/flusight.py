"""Influenza admissions in the United States, weekly (CDC FluSight): the rate two weeks ahead.

230 weeks from 5 February 2022 on, per 100,000 inhabitants. A state or territory is a site; the sum
over the country is left out. Cut by time.
"""

from __future__ import annotations

import csv
import re
from functools import cache

import numpy as np
from numpy.typing import NDArray

from collegium.data.forecasting import SPREAD, forecast_schema, forecasts
from collegium.data.originals import read_original
from collegium.data.registered import DataSetRows, RegisteredDataSet
from collegium.data.table import SourceFile

NAME = "flusight"
FOLDER = "cdc_flusight_hosp"
FILE = SourceFile(
    "target-hospital-admissions.csv",
    "35d93cdb12dbb7a091d576e0d5b8b239138aebf1f686268a9f0200d73c90509c",
    "https://raw.githubusercontent.com/cdcepi/FluSight-forecast-hub/"
    "92469693f9114523f877d69edd5b9d084e7218ad/target-data/target-hospital-admissions.csv",
)
LAGS = 4
AHEAD = 2
COUNTRY = "US"

_PLACES = """
    alabama alaska arizona arkansas california colorado connecticut delaware district_of_columbia
    florida georgia hawaii idaho illinois indiana iowa kansas kentucky louisiana maine maryland
    massachusetts michigan minnesota mississippi missouri montana nebraska nevada new_hampshire
    new_jersey new_mexico new_york north_carolina north_dakota ohio oklahoma oregon pennsylvania
    puerto_rico rhode_island south_carolina south_dakota tennessee texas utah vermont virginia
    washington west_virginia wisconsin wyoming
"""

SCHEMA = forecast_schema(
    "admissions", "admissions per 100,000", "admissions per 100,000", LAGS, AHEAD, "week"
)


@cache
def load() -> DataSetRows:
    """Return the forecasts of 52 states and territories, each in order of time."""
    return rows_of(read_original(NAME, FOLDER, FILE))


def rows_of(data: bytes) -> DataSetRows:
    """Return the forecasts in the table of places and weeks; the table is latest first."""
    lines = list(csv.DictReader(data.decode("utf-8").splitlines()))
    weeks = {date: at for at, date in enumerate(sorted({one["date"] for one in lines}))}
    series: dict[str, NDArray[np.float64]] = {}
    for one in lines:
        if one["location"] == COUNTRY:
            continue
        name = re.sub(r"[^a-z0-9]+", "_", one["location_name"].lower())
        rate = one["weekly_rate"]
        values = series.setdefault(name, np.full(len(weeks), np.nan))
        values[weeks[one["date"]]] = float(rate) if rate not in ("", "NA") else np.nan
    return forecasts(series, SCHEMA, AHEAD, 7)


FLUSIGHT = RegisteredDataSet(
    name=NAME,
    title="Influenza admissions, two weeks ahead (FluSight)",
    schema=SCHEMA,
    license="US government; MIT",
    citation=(
        "Centers for Disease Control and Prevention. National Healthcare Safety Network hospital "
        "admissions, FluSight forecast hub, https://github.com/cdcepi/FluSight-forecast-hub"
    ),
    url="https://github.com/cdcepi/FluSight-forecast-hub",
    folder=FOLDER,
    files=(FILE,),
    sites=tuple(
        (name, {"massachusetts": 199, "minnesota": 199, "west_virginia": 215}.get(name, 225))
        for name in _PLACES.split()
    ),
    load=load,
    target_unit=(0.0, SPREAD),
)
"""As a study document names it: ``flusight``."""
