"""COVID-19 in Italy's 21 regions, daily (Protezione Civile): patients in hospital a week ahead.

323 days from 24 February 2020 on. A region is a site. Cut by time: a forecast that was trained on
later days knows the wave that it is asked about.
"""

from __future__ import annotations

import csv
import re
from functools import cache

import numpy as np

from collegium.data.forecasting import SPREAD, forecast_schema, forecasts
from collegium.data.originals import read_original
from collegium.data.registered import DataSetRows, RegisteredDataSet
from collegium.data.table import SourceFile

NAME = "covid_italy"
FOLDER = "covid_italy_regions"
FILE = SourceFile(
    "dpc-covid19-ita-regioni.csv",
    "1af17859bff4899c9809a6c879aa55db538f2a2740851f5aa0bdb94423fff0d4",
    "https://raw.githubusercontent.com/malrau/covid_19_data/"
    "d2214f849080ef171d2a0507657af2a2dbe272d0/dpc-covid19-ita-regioni.csv",
)
LAGS = 14
AHEAD = 7

SCHEMA = forecast_schema("in_hospital", "patients in hospital", "patients", LAGS, AHEAD, "day")


@cache
def load() -> DataSetRows:
    """Return the forecasts of 21 regions, each in order of time."""
    return rows_of(read_original(NAME, FOLDER, FILE))


def rows_of(data: bytes) -> DataSetRows:
    """Return the forecasts in the table of regions and days.

    Days are in order and none is missing, as they are in the original.
    """
    found: dict[str, list[float]] = {}
    for line in csv.DictReader(data.decode("utf-8").splitlines()):
        name = re.sub(r"[^a-z0-9]+", "_", line["denominazione_regione"].lower())
        found.setdefault(name, []).append(float(line["totale_ospedalizzati"]))
    series = {name: np.array(values) for name, values in found.items()}
    return forecasts(series, SCHEMA, AHEAD, 1)


COVID_ITALY = RegisteredDataSet(
    name=NAME,
    title="COVID-19 in hospitals of Italy, a week ahead",
    schema=SCHEMA,
    license="CC BY 4.0",
    citation=(
        "Presidenza del Consiglio dei Ministri, Dipartimento della Protezione Civile (2020). "
        "COVID-19 Italia, https://github.com/pcm-dpc/COVID-19"
    ),
    url="https://github.com/pcm-dpc/COVID-19",
    folder=FOLDER,
    files=(FILE,),
    sites=tuple(
        (name, 303)
        for name in (
            "abruzzo", "basilicata", "calabria", "campania", "emilia_romagna",
            "friuli_venezia_giulia", "lazio", "liguria", "lombardia", "marche", "molise",
            "p_a_bolzano", "p_a_trento", "piemonte", "puglia", "sardegna", "sicilia", "toscana",
            "umbria", "valle_d_aosta", "veneto",
        )
    ),
    load=load,
    target_unit=(0.0, SPREAD),
)  # fmt: skip
"""As a study document names it: ``covid_italy``."""
