"""eICU Collaborative Research Database Demo: intensive care in five regions of the United States.

2,179 stays of 1,765 persons in 186 hospitals with the APACHE variables of the first day; the
question is whether the patient leaves the hospital alive. Single hospitals are small (40 stays at
most), so a natural site is a region. Persons come back: split and fold by person.
`apachePatientResult` holds predictions and outcomes and is never read; of `apachePredVar` only
chronic health and elective surgery are, since it holds the outcome too.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collegium.data.eicu.schema import (
    CHRONIC,
    GLASGOW,
    MEASURED,
    MEASUREMENTS,
    SCHEMA,
    SOURCES,
    TREATMENTS,
)
from collegium.data.originals import read_original
from collegium.data.registered import DataSetRows, RegisteredDataSet, read_only
from collegium.data.table import SiteRows, SourceFile, encode

NAME = "eicu_demo"
ADDRESS = "https://physionet.org/files/eicu-crd-demo/2.0.1/"
FILES = tuple(
    SourceFile(name, digest, ADDRESS + name)
    for name, digest in {
        "patient.csv.gz": "15e1eb52169828e3cfff3b67132a087298de4d0365bbb31bb294f6043bffd474",
        "hospital.csv.gz": "4ed356f9c4e7c8ce80e89241697e94b77f21c2f325cd6ad126794b1e92805ef4",
        "apacheApsVar.csv.gz": "2dc6d63f9807c7e663ffa253998691605d527b702ac1db8cc5dda92308061e78",
        "apachePredVar.csv.gz": "99d5a4ab2c5cd07b6ee0a540c86a576e5975ed3b93df8525e3d287d5babf3eae",
    }.items()
)

OUTCOMES = {"Alive": 0, "Expired": 1}
UNLISTED = "unlisted"
"""The site of the hospitals whose region is not told."""

OLDEST = "> 89"
UNKNOWN_AGE = 65.0
NOT_MEASURED = -1.0

Row = Mapping[str, str]


@cache
def load() -> DataSetRows:
    """Return the five regions' stays, each region in the order of the table of stays."""
    return rows_of({file.name: read_original(NAME, NAME, file) for file in FILES})


def rows_of(files: Mapping[str, bytes]) -> DataSetRows:
    """Return the rows in four tables, by name of their files; a stay needs an APACHE row."""
    stays, hospitals, physiology, chronic = (_table(files[file.name]) for file in FILES)
    region = {one["hospitalid"]: one["region"].lower() or UNLISTED for one in hospitals}
    measured = {one["patientunitstayid"]: one for one in physiology}
    history = {one["patientunitstayid"]: one for one in chronic}
    used = [
        one for one in stays
        if one["hospitaldischargestatus"] in OUTCOMES and one["patientunitstayid"] in measured
    ]  # fmt: skip
    ids = [one["patientunitstayid"] for one in used]
    of_stays = [measured[one] for one in ids], [history.get(one, {}) for one in ids]
    x = encode(SCHEMA, _columns(used, *of_stays))
    y = np.array([OUTCOMES[one["hospitaldischargestatus"]] for one in used], dtype=np.int64)
    numbers: dict[str, int] = {}
    person = np.array([numbers.setdefault(one["uniquepid"], len(numbers)) for one in used])
    where = np.array([region[one["hospitalid"]] for one in used])
    return DataSetRows(
        tuple(
            read_only(SiteRows(name, x[where == name], y[where == name], person[where == name]))
            for name in sorted(set(where.tolist()))
        )
    )


def _table(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(gzip.decompress(data).decode("utf-8"))))


def _columns(
    stays: Sequence[Row], measured: Sequence[Row], history: Sequence[Row]
) -> dict[str, NDArray[Any]]:
    """Return the schema's columns, as a hospital would write them down."""
    columns = {
        "age": np.array([_age(one["age"]) for one in stays]),
        "male": np.array([one["gender"] == "Male" for one in stays], dtype=np.float64),
        "source": np.array([_source(one["unitadmitsource"]) for one in stays]),
    }
    for name, _ in TREATMENTS:
        columns[name] = (_numbers(measured, name) > 0).astype(np.float64)
    tested = np.ones(len(stays), dtype=np.bool_)
    for name, _, best in GLASGOW:
        points = _numbers(measured, name)
        tested &= points > 0
        columns[name] = np.where(points > 0, points, best)
    columns["glasgow_measured"] = tested.astype(np.float64)
    for one in MEASUREMENTS:
        values = _numbers(measured, one.name)
        known = values != NOT_MEASURED
        columns[one.name] = np.where(known, np.clip(values, *one.bounds), one.normal)
        if one.name in MEASURED:
            columns[f"{one.name}_measured"] = known.astype(np.float64)
    for name, _ in CHRONIC:
        columns[name] = (_numbers(history, name) > 0).astype(np.float64)
    return columns


def _age(text: str) -> float:
    return 90.0 if text == OLDEST else float(text or UNKNOWN_AGE)


def _source(text: str) -> str:
    return next((code for code, (_, names) in SOURCES.items() if text in names), "emergency")


def _numbers(rows: Sequence[Row], name: str) -> NDArray[np.float64]:
    return np.array([float(one.get(name) or NOT_MEASURED) for one in rows])


EICU = RegisteredDataSet(
    name=NAME,
    title="Intensive care in five regions (eICU demo)",
    schema=SCHEMA,
    license="ODbL 1.0 (share alike)",
    citation=(
        "Johnson, A., Pollard, T., Badawi, O., & Raffa, J. (2021). eICU Collaborative Research "
        "Database Demo (version 2.0.1). PhysioNet. https://doi.org/10.13026/4mxk-na84. Pollard et "
        "al. (2018), Scientific Data 5, 180178"
    ),
    url="https://physionet.org/content/eicu-crd-demo/2.0.1/",
    folder=NAME,
    files=FILES,
    sites=(("midwest", 718), ("northeast", 138), ("south", 666), (UNLISTED, 199), ("west", 458)),
    load=load,
)
"""As a study document names it: ``eicu_demo``."""
