"""Grades of glioma (UCI 759, from The Cancer Genome Atlas): what a hospital and a laboratory know.

840 patients of whom everything is known. The hospital holds sex, age, race and the grade, the
laboratory twenty genes; `Case_ID` is in both. So this is a table for vertical studies, and for
made-up sites until then: each center of the atlas gave tumors of one grade only, so there is no
natural partition. `Project` and `Primary_Diagnosis` say the grade and are no columns.
"""

from __future__ import annotations

import csv
from functools import cache

import numpy as np

from collegium.data.originals import read_original
from collegium.data.registered import DataSetRows, RegisteredDataSet, VerticalParty, read_only
from collegium.data.table import Category, Feature, Schema, SiteRows, SourceFile, encode

NAME = "tcga_glioma"
FILE = SourceFile(
    "TCGA_GBM_LGG_Mutations_all.csv",
    "c39070d22812e35281119b791ad863f78cc33b745c83d4bfcf3ca7c7c89d8627",
    "https://raw.githubusercontent.com/lilperu/Gliomas/"
    "d2bd2538b2b29282618869325c5b6a5d1bd7d1cb/TCGA_GBM_LGG_Mutations_all.csv",
    89_670,
)
KEY = "Case_ID"
UNKNOWN = frozenset({"--", "not reported"})
"""Cells of whoever is left out, 22 of 862 patients."""

CLINICAL = (
    Feature(
        "Gender", "gender", "categorical",
        categories=(Category("Female", "female"), Category("Male", "male")),
    ),
    Feature("Age_at_diagnosis", "age at diagnosis", "numeric", "years", center=50.0, scale=15.0),
    Feature(
        "Race", "race", "categorical",
        categories=(
            Category("white", "White"), Category("black or african american", "Black"),
            Category("asian", "Asian"),
            Category("american indian or alaska native", "American Indian"),
        ),
    ),
)  # fmt: skip

GENES = (
    "IDH1", "TP53", "ATRX", "PTEN", "EGFR", "CIC", "MUC16", "PIK3CA", "NF1", "PIK3R1", "FUBP1",
    "RB1", "NOTCH1", "BCOR", "CSMD3", "SMARCA4", "GRIN2A", "IDH2", "FAT4", "PDGFRA",
)  # fmt: skip

SCHEMA = Schema(
    features=(*CLINICAL, *(Feature(gene, f"{gene}: mutated", "binary") for gene in GENES)),
    target="Grade",
    task="binary",
    classes=("LGG", "GBM"),
    positive="the tumor is a glioblastoma, and not of a lower grade",
)


@cache
def load() -> DataSetRows:
    """Return the patients of whom everything is known, in the order of the file."""
    return rows_of(read_original(NAME, NAME, FILE))


def complete(data: bytes) -> list[dict[str, str]]:
    """Return the lines of the file, by column, in which no clinical cell is unknown."""
    names = [feature.name for feature in CLINICAL]
    lines = csv.DictReader(data.decode("utf-8-sig").splitlines())
    return [one for one in lines if not UNKNOWN & {one[name] for name in names}]


def rows_of(data: bytes) -> DataSetRows:
    """Return the rows of the file as one site's; a person's number is the line's among them."""
    lines = complete(data)
    columns = {
        feature.name: np.array([one[feature.name] for one in lines]) for feature in SCHEMA.features
    }
    y = np.array([SCHEMA.classes.index(one["Grade"]) for one in lines], dtype=np.int64)
    rows = SiteRows("atlas", encode(SCHEMA, columns), y, np.arange(len(y)))
    return DataSetRows((read_only(rows),))


TCGA_GLIOMA = RegisteredDataSet(
    name=NAME,
    title="Grades of glioma from clinical columns and twenty genes (TCGA)",
    schema=SCHEMA,
    license="CC BY 4.0",
    citation=(
        "Tasci, E., Camphausen, K., Krauze, A. V. & Zhuge, Y. (2022). Glioma Grading Clinical and "
        "Mutation Features [Dataset]. UCI Machine Learning Repository. "
        "https://doi.org/10.24432/C5R62J"
    ),
    url="https://archive.ics.uci.edu/dataset/759/",
    folder=NAME,
    files=(FILE,),
    sites=(("atlas", 840),),
    load=load,
    caution=(
        "the clinical columns belong to a hospital and the genes to a laboratory; centers that gave"
        " tumors gave one grade each, so there are no natural sites that share all columns"
    ),
    key=KEY,
    holders=(
        VerticalParty("hospital", (*(feature.name for feature in CLINICAL), SCHEMA.target)),
        VerticalParty("laboratory", GENES),
    ),
)
"""As a study document names it: ``tcga_glioma``."""
