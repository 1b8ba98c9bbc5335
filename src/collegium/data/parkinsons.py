"""Parkinson's disease by telephone (UCI 189): motor symptoms from a person's voice, at home.

5,875 recordings of 42 persons over six months; each person is a site. The score (motor UPDRS) was
given at three visits and is interpolated in between, so the time of a recording would tell a
model the interpolation: it is the clock that a cut goes by, and no column. Persons differ far more
than voices do: on persons whom it never met, a model is worse than a constant.
"""

from __future__ import annotations

import csv
from functools import cache

import numpy as np

from collegium.data.originals import read_original
from collegium.data.registered import DataSetRows, RegisteredDataSet, read_only
from collegium.data.table import Feature, Schema, SiteRows, SourceFile, encode

NAME = "parkinsons_telemonitoring"
FOLDER = NAME
FILE = SourceFile(
    "parkinsons_updrs.data",
    "f2c7d5025dec4e92e7feae367a5f7ccf58789a10ac6b54bdf15976c599f9dd39",
    "https://raw.githubusercontent.com/behnazrzf/Parkinson-s_Telemonitoring/"
    "f603774b38bfc967f20b4752bec4b6f872917d98/data/parkinsons_updrs.data",
    911_261,
)

MINUTES = 24 * 60
"""In a day: moments are minutes since a person was recruited."""

LOGARITHMS = {
    "Jitter(%)": ("ln_jitter_percent", "ln(jitter, relative)", -5.3, 0.6),
    "Jitter(Abs)": ("ln_jitter_abs", "ln(jitter, seconds)", -10.3, 0.6),
    "Jitter:RAP": ("ln_jitter_rap", "ln(jitter, relative average perturbation)", -6.1, 0.6),
    "Jitter:PPQ5": ("ln_jitter_ppq5", "ln(jitter, five-point quotient)", -6.0, 0.6),
    "Shimmer": ("ln_shimmer", "ln(shimmer)", -3.6, 0.6),
    "Shimmer(dB)": ("ln_shimmer_db", "ln(shimmer in dB)", -1.4, 0.6),
    "Shimmer:APQ3": ("ln_shimmer_apq3", "ln(shimmer, three-point quotient)", -4.3, 0.6),
    "Shimmer:APQ5": ("ln_shimmer_apq5", "ln(shimmer, five-point quotient)", -4.1, 0.6),
    "Shimmer:APQ11": ("ln_shimmer_apq11", "ln(shimmer, eleven-point quotient)", -3.7, 0.6),
    "NHR": ("ln_nhr", "ln(noise-to-harmonics ratio)", -4.0, 1.0),
}
"""Measures above 0 that spread over decades: column, feature, words, center and scale.

`Jitter:DDP` and `Shimmer:DDA` are three times RAP and APQ3, and left out.
"""

PLAIN = (
    Feature("age", "age", "numeric", "years", center=65.0, scale=9.0),
    Feature("sex", "sex: female", "binary"),
    Feature("HNR", "harmonics-to-noise ratio", "numeric", "dB", center=22.0, scale=4.0),
    Feature("RPDE", "recurrence period density entropy", "numeric", center=0.5, scale=0.1),
    Feature("DFA", "detrended fluctuation analysis", "numeric", center=0.65, scale=0.07),
    Feature("PPE", "pitch period entropy", "numeric", center=0.2, scale=0.1),
)

SCHEMA = Schema(
    features=(
        *PLAIN,
        *(
            Feature(name, words, "numeric", center=center, scale=scale)
            for name, words, center, scale in LOGARITHMS.values()
        ),
    ),
    target="motor_UPDRS",
    task="regression",
)


@cache
def load() -> DataSetRows:
    """Return the recordings of 42 persons, each person's in order of time."""
    return rows_of(read_original(NAME, FOLDER, FILE))


def rows_of(data: bytes) -> DataSetRows:
    """Return the rows of the file by person, a site each, in order of time."""
    lines = list(csv.DictReader(data.decode("ascii").splitlines()))
    table = {name: np.array([one[name] for one in lines], dtype=np.float64) for name in lines[0]}
    columns = {one.name: table[one.name] for one in PLAIN}
    columns |= {name: np.log(table[raw]) for raw, (name, *_) in LOGARITHMS.items()}
    x = encode(SCHEMA, columns)
    y = table[SCHEMA.target].astype(np.float32)
    subject = table["subject#"].astype(np.int64)
    moment = np.rint(table["test_time"] * MINUTES).astype(np.int64)
    sites = []
    for number in np.unique(subject).tolist():
        own = np.flatnonzero(subject == number)
        own = own[np.argsort(moment[own], kind="stable")]
        times = np.stack([moment[own], moment[own]], axis=1)
        sites.append(
            read_only(SiteRows(f"person_{number:02d}", x[own], y[own], subject[own], times))
        )
    return DataSetRows(tuple(sites))


_ROWS = (
    149, 145, 144, 137, 156, 156, 161, 150, 152, 148, 138, 107, 112, 136, 143, 138, 144, 126, 129,
    134, 123, 112, 138, 156, 144, 130, 129, 134, 168, 126, 130, 101, 135, 161, 165, 129, 140, 149,
    143, 142, 165, 150,
)  # fmt: skip

PARKINSONS = RegisteredDataSet(
    name=NAME,
    title="Motor symptoms of Parkinson's disease from 42 voices",
    schema=SCHEMA,
    license="CC BY 4.0",
    citation=(
        "Tsanas, A. & Little, M. (2009). Parkinsons Telemonitoring [Dataset]. UCI Machine Learning "
        "Repository. https://doi.org/10.24432/C5ZS3N. Tsanas, A., Little, M. A., McSharry, P. E. & "
        "Ramig, L. O. (2010). Accurate telemonitoring of Parkinson's disease progression by "
        "noninvasive speech tests. IEEE Transactions on Biomedical Engineering 57, 884-893"
    ),
    url="https://archive.ics.uci.edu/dataset/189/",
    folder=FOLDER,
    files=(FILE,),
    sites=tuple((f"person_{at:02d}", rows) for at, rows in enumerate(_ROWS, start=1)),
    load=load,
    target_unit=(20.0, 8.0),
    caution=(
        "persons differ more than their voices tell: on persons whom it never met, a shared model"
        " is worse than a constant. Cut by time, give each person a model ([personalization]), and"
        " compare with the person's own mean (site_alone)"
    ),
)
"""As a study document names it: ``parkinsons_telemonitoring``."""
