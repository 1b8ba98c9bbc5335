"""Heart disease in four hospitals (UCI 45): the data set that the package ships.

920 patients referred for coronary angiography in the 1980s; the protocol is that of FLamby's
Fed-Heart-Disease (Terrail et al., NeurIPS 2022): the columns slope, ca and thal are dropped,
then every row with a missing value; 740 rows remain. License and citation: ATTRIBUTION.md.
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from importlib.resources import files

import numpy as np

from collegium.data.table import DataSet, SiteRows, SourceFile, encode
from collegium.data.uci_heart.schema import SCHEMA
from collegium.errors import DataError

HOSPITALS = {
    "cleveland": "a74b7efa387bc9d108d7d0115d831fe9b414b29ae7124f331b622b4efa0427c8",
    "hungarian": "d1ad108f785768cd3d7e82dc522e6f5a61eea93cccfb3a46ee8076f73fc3d796",
    "switzerland": "834a405ccf5b66ab4056bb77794adc8df0b7125186454c0a1d002d33c6c3b314",
    "va": "e7c93d8d0d2acdadfa4c5e8de768e2191e7f618b952e29623f1f0d5949ff6b8f",
}
"""Each hospital's name and the SHA-256 of its original file."""

COLUMNS = (
    "age", "sex", "cp", "trestbps", "chol", "fbs", "restecg", "thalach", "exang", "oldpeak",
    "slope", "ca", "thal", "num",
)  # fmt: skip
DROPPED = ("slope", "ca", "thal")
MISSING = "?"


@cache
def load() -> DataSet:
    """Return the four hospitals' rows: 303, 261, 46 and 130, thirteen inputs, all persons new.

    A person's number is the position of the line in the four files read one after another.

    Raises:
        DataError: a file in the package is not the original any more.
    """
    first_person = 0
    sites = []
    for hospital, digest in HOSPITALS.items():
        lines = _original(hospital, digest).splitlines()
        sites.append(_rows(hospital, lines, first_person))
        first_person += len(lines)
    return DataSet(
        name="uci_heart",
        title="Heart disease in four hospitals",
        schema=SCHEMA,
        sites=tuple(sites),
        license="CC BY 4.0",
        citation=(
            "Janosi, A., Steinbrunn, W., Pfisterer, M., & Detrano, R. (1989). Heart Disease "
            "[Dataset]. UCI Machine Learning Repository. https://doi.org/10.24432/C52P4X"
        ),
        url="https://archive.ics.uci.edu/dataset/45/heart+disease",
        files=tuple(SourceFile(_file(name), digest) for name, digest in HOSPITALS.items()),
    )


def _file(hospital: str) -> str:
    return f"processed.{hospital}.data"


def _original(hospital: str, digest: str) -> str:
    content = files(__name__).joinpath(_file(hospital)).read_bytes()
    if sha256(content).hexdigest() != digest:
        raise DataError(
            "data.file-changed",
            f"{_file(hospital)} in the installed package is not the original file",
            "its SHA-256 differs from the registered one",
            "install the package again",
        )
    return content.decode("ascii")


def _rows(hospital: str, lines: list[str], first_person: int) -> SiteRows:
    """Parse one file; only complete rows count, once the dropped columns are gone."""
    cells = np.array([line.split(",") for line in lines])
    table = {name: cells[:, i] for i, name in enumerate(COLUMNS) if name not in DROPPED}
    complete = np.all([column != MISSING for column in table.values()], axis=0)
    numbers = {name: column[complete].astype(np.float64) for name, column in table.items()}
    coded = {
        feature.name: numbers[feature.name].astype(np.int64).astype(np.str_)
        for feature in SCHEMA.features
        if feature.kind == "categorical"
    }
    rows = SiteRows(
        hospital,
        encode(SCHEMA, numbers | coded),
        (numbers[SCHEMA.target] > 0).astype(np.int64),
        first_person + np.flatnonzero(complete).astype(np.int64),
    )
    for array in (rows.x, rows.y, rows.person):
        array.setflags(write=False)
    return rows
