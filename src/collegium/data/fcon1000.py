"""Brains from 23 scanners (1000 Functional Connectomes Project): cortex and volumes by FreeSurfer.

1,078 healthy persons; the question is a person's sex, which nobody needs to ask of a scan: it
stands for whatever a consortium of scanners would learn. Scanners differ so much that the scanner
itself can be told from the columns, so this is a study of a real shift between sites. Columns
about the quality of the reconstruction (`avg_en`, surface holes, the mask's volume) are left out,
and those that are the same for nearly everybody.
"""

from __future__ import annotations

import csv
import re
from functools import cache

import numpy as np

from collegium.data.freesurfer import SCHEMA
from collegium.data.originals import read_original
from collegium.data.registered import DataSetRows, RegisteredDataSet, read_only
from collegium.data.table import SiteRows, SourceFile, encode

NAME = "fcon1000"
FOLDER = "fcon1000_multisite_mri"
FILE = SourceFile(
    "fcon1000.csv",
    "6cff2415da82466f5b3cac197947fd30ab2891a2427adedc590fb403844c73fc",
    "https://raw.githubusercontent.com/predictive-clinical-neuroscience/PCNtoolkit-demo/"
    "81967c1e158feeaa3651aed6decee80f3018a563/data/fcon1000.csv",
    2_087_292,
)


@cache
def load() -> DataSetRows:
    """Return the persons of 23 scanners, each scanner's in the order of the file."""
    return rows_of(read_original(NAME, FOLDER, FILE))


def rows_of(data: bytes) -> DataSetRows:
    """Return the rows of the file, by scanner; a person's number is the line's."""
    header, *lines = csv.reader(data.decode("utf-8").splitlines())
    table = np.array(lines)
    at = {name: place for place, name in enumerate(header)}
    columns = {
        feature.name: table[:, at[feature.name]].astype(np.float64) for feature in SCHEMA.features
    }
    x = encode(SCHEMA, columns)
    y = table[:, at["sex"]].astype(np.int64)
    where = np.array([site_name(name) for name in table[:, at["site"]]])
    person = np.arange(len(y))
    return DataSetRows(
        tuple(
            read_only(SiteRows(name, x[where == name], y[where == name], person[where == name]))
            for name in sorted(set(where.tolist()))
        )
    )


def site_name(name: str) -> str:
    """Return a scanner's name as a member's id: ``NewYork_a_ADHD`` becomes ``newyork_a_adhd``."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower())


FCON1000 = RegisteredDataSet(
    name=NAME,
    title="Brain measures from 23 scanners (FCON1000)",
    schema=SCHEMA,
    license="CC BY-NC; GPL-3 repository",
    citation=(
        "Biswal, B. B. et al. (2010). Toward discovery science of human brain function. PNAS 107, "
        "4734-4739. Columns: Rutherford, S. et al. (2022), PCNtoolkit"
    ),
    url="https://github.com/predictive-clinical-neuroscience/PCNtoolkit-demo",
    folder=FOLDER,
    files=(FILE,),
    sites=(
        ("annarbor_a", 24), ("annarbor_b", 32), ("atlanta", 28), ("baltimore", 23),
        ("bangor", 20), ("beijing_zang", 198), ("berlin_margulies", 26),
        ("cambridge_buckner", 198), ("cleveland", 31), ("icbm", 85), ("leiden_2180", 12),
        ("leiden_2200", 19), ("milwaukee_b", 46), ("munchen", 15), ("newark", 19),
        ("newyork_a", 83), ("newyork_a_adhd", 25), ("oulu", 102), ("oxford", 22),
        ("paloalto", 17), ("pittsburgh", 3), ("queensland", 19), ("saintlouis", 31),
    ),
    load=load,
)  # fmt: skip
"""As a study document names it: ``fcon1000``."""
