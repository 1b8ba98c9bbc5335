"""Breast masses by fine-needle aspirate (UCI 17): one hospital's 569 biopsies, sites made up.

The rows are those that scikit-learn bundles; where it is installed, its file is read, and it is
not needed otherwise. All biopsies are of one hospital in Wisconsin, so there is no natural
partition: a study has to make up its sites, and its notices and report say so.
"""

from __future__ import annotations

import csv
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from collegium.data.originals import read_original
from collegium.data.registered import DataSetRows, RegisteredDataSet, read_only
from collegium.data.table import Feature, Schema, SiteRows, SourceFile, encode

NAME = "breast_cancer"
FILE = SourceFile(
    "breast_cancer.csv",
    "fed3eb72d0575ef6192293f5093c6e801b1476b577d0386bf4455504522172ed",
    "https://raw.githubusercontent.com/scikit-learn/scikit-learn/1.5.2/sklearn/datasets/data/"
    "breast_cancer.csv",
    119_913,
)

NUCLEUS = {
    "radius": (
        "mean distance from the center to the outline", "pixels", (14, 4), (0.4, 0.3), (16, 5),
    ),
    "texture": ("standard deviation of gray values", "", (19, 4), (1.2, 0.5), (25, 6)),
    "perimeter": ("length of the outline", "pixels", (90, 25), (3, 2), (107, 33)),
    "area": ("area", "pixels²", (650, 350), (40, 45), (880, 570)),
    "smoothness": ("local variation of radius", "", (0.1, 0.015), (0.007, 0.003), (0.13, 0.02)),
    "compactness": ("perimeter² / area - 1", "", (0.1, 0.05), (0.025, 0.02), (0.25, 0.15)),
    "concavity": ("depth of concave parts", "", (0.09, 0.08), (0.03, 0.03), (0.27, 0.2)),
    "concave_points": ("number of concave parts", "", (0.05, 0.04), (0.012, 0.006), (0.11, 0.07)),
    "symmetry": ("symmetry", "", (0.18, 0.03), (0.02, 0.008), (0.29, 0.06)),
    "fractal_dimension": (
        "coastline approximation - 1", "", (0.063, 0.007), (0.004, 0.003), (0.084, 0.018),
    ),
}  # fmt: skip
"""What is measured of each nucleus: words, unit, and (center, scale) of mean, error and worst.

Round numbers in the order of what Street, Wolberg and Mangasarian (1993) print of these
quantities; sites are made up, so no institution's statistic is in them.
"""

SUMMARIES = (
    ("mean", "mean over nuclei"), ("error", "standard error"),
    ("worst", "mean of the largest three"),
)  # fmt: skip

SCHEMA = Schema(
    features=tuple(
        Feature(
            f"{summary}_{name}", f"{words}, {how}", "numeric", unit,
            center=float(places[at][0]), scale=float(places[at][1]),
        )
        for at, (summary, how) in enumerate(SUMMARIES)
        for name, (words, unit, *places) in NUCLEUS.items()
    ),
    target="malignant",
    task="binary",
    classes=("benign", "malignant"),
    positive="the mass is malignant",
)  # fmt: skip


@cache
def load() -> DataSetRows:
    """Return the biopsies of the one hospital, in the order of the file."""
    return rows_of(read_original(NAME, NAME, FILE, beside=bundled()))


def rows_of(data: bytes) -> DataSetRows:
    """Return the rows of the file: thirty numbers and 0 for malignant, 1 for benign."""
    _, *lines = csv.reader(data.decode("ascii").splitlines())
    table = np.array(lines, dtype=np.float64)
    columns = {feature.name: table[:, at] for at, feature in enumerate(SCHEMA.features)}
    y = (table[:, -1] == 0).astype(np.int64)
    rows = SiteRows("wisconsin", encode(SCHEMA, columns), y, np.arange(len(y)))
    return DataSetRows((read_only(rows),))


def bundled() -> Path | None:
    """Return where scikit-learn has the file, if it is installed; it is not imported."""
    found = find_spec("sklearn")
    if found is None or found.origin is None:
        return None
    return Path(found.origin).parent / "datasets" / "data" / FILE.name


BREAST_CANCER = RegisteredDataSet(
    name=NAME,
    title="Biopsies of breast masses (Wisconsin)",
    schema=SCHEMA,
    license="CC BY 4.0",
    citation=(
        "Wolberg, W., Mangasarian, O., Street, N., & Street, W. (1993). Breast Cancer Wisconsin "
        "(Diagnostic) [Dataset]. UCI Machine Learning Repository. https://doi.org/10.24432/C5DW2B"
    ),
    url="https://archive.ics.uci.edu/dataset/17/",
    folder=NAME,
    files=(FILE,),
    sites=(("wisconsin", 569),),
    load=load,
    beside=bundled,
)
"""As a study document names it: ``breast_cancer``."""
