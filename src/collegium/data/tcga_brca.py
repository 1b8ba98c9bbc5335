"""Breast cancer in six regions (FLamby's Fed-TCGA-BRCA): how long patients live.

1,088 patients of The Cancer Genome Atlas with 39 clinical columns, already encoded by FLamby
(Terrail et al., NeurIPS 2022) after Andreux et al. (2020); a center of the atlas belongs to one of
six regions, its natural site. 151 deaths; the rest is censored. Eight more patients of the table
are of other regions and in nobody's split.
"""

from __future__ import annotations

import csv
from functools import cache

import numpy as np

from collegium.data.originals import read_original
from collegium.data.registered import DataSetRows, RegisteredDataSet, read_only
from collegium.data.table import Feature, Schema, SiteRows, SourceFile, encode

NAME = "tcga_brca"
FOLDER = "fed_tcga_brca"
ADDRESS = (
    "https://raw.githubusercontent.com/owkin/FLamby/edacf54d5211520583b0133d55ac39b6fda8324b/"
    "flamby/datasets/fed_tcga_brca/"
)
FILES = (
    SourceFile(
        "brca.csv", "07cb53423f7d579d33cfdbf2cba57b2aee75318b85866c68ce39a75b1f1ba020",
        ADDRESS + "brca.csv",
    ),
    SourceFile(
        "train_test_split.csv", "1249c6543a4060ff0fdaf8510fc37017755836db6c9fc5e6af96057c36510990",
        ADDRESS + "dataset_creation_scripts/train_test_split.csv",
    ),
)  # fmt: skip

REGIONS = ("northeast", "south", "west", "midwest", "europe", "canada")
"""FLamby's regions by number: University of Pittsburgh's patients are in the first, and so on."""

RACES = {
    "race_asian": "race: Asian", "race_black or african american": "race: Black",
    "race_not reported": "race: not reported", "race_white": "race: White",
}  # fmt: skip
FLAGS = (
    "ethnicity_not hispanic or latino", "ethnicity_not reported", *RACES,
    "ajcc_pathologic_m_MX", "ajcc_pathologic_n_N0 (i-)", "ajcc_pathologic_n_N1",
    "ajcc_pathologic_n_N1a", "ajcc_pathologic_n_N2", "ajcc_pathologic_n_N2a",
    "ajcc_pathologic_stage_Stage IA", "ajcc_pathologic_stage_Stage IIA",
    "ajcc_pathologic_stage_Stage IIB", "ajcc_pathologic_stage_Stage IIIA",
    "ajcc_pathologic_stage_Stage IIIC", "ajcc_pathologic_t_T1c", "ajcc_pathologic_t_T2",
    "ajcc_pathologic_t_T3", "ajcc_staging_system_edition_5th", "ajcc_staging_system_edition_6th",
    "ajcc_staging_system_edition_7th", "icd_10_code_C50.9", "morphology_8500/3",
    "morphology_8520/3", "primary_diagnosis_Infiltrating duct carcinoma, NOS",
    "primary_diagnosis_Lobular carcinoma, NOS", "prior_malignancy_yes",
    "synchronous_malignancy_Not Reported", "treatment_or_therapy_not reported",
    "treatment_or_therapy_yes", "tumor_stage_stage i", "tumor_stage_stage ia",
    "tumor_stage_stage iia", "tumor_stage_stage iib", "tumor_stage_stage iiia",
    "tumor_stage_stage iiic",
)  # fmt: skip
"""Columns of 0 and 1 as FLamby encoded them; what they leave out is the reference."""

SCHEMA = Schema(
    features=(
        Feature("age_at_index", "age", "numeric", "years", center=60.0, scale=10.0),
        *(Feature(name, name.replace("_", " "), "binary") for name in FLAGS),
    ),
    target="T",
    task="survival",
    event="E",
)
"""`T` is in days."""


@cache
def load() -> DataSetRows:
    """Return the patients of six regions, each region's in the order of the table."""
    return rows_of(*(read_original(NAME, FOLDER, file) for file in FILES))


def rows_of(patients: bytes, split: bytes) -> DataSetRows:
    """Return the rows of the table of patients by region, with FLamby's test part."""
    fold = {one["pid"]: one["fold2"] for one in csv.DictReader(split.decode("utf-8").splitlines())}
    everybody = csv.DictReader(patients.decode("utf-8").splitlines())
    table = [one for one in everybody if one["pid"] in fold]
    columns = {
        feature.name: np.array([one[feature.name] for one in table], dtype=np.float64)
        for feature in SCHEMA.features
    }
    x = encode(SCHEMA, columns)
    y = np.array([[one["T"], one["E"]] for one in table], dtype=np.float32)
    where = np.array([int(fold[one["pid"]].rpartition("_")[2]) for one in table])
    tested = np.array([fold[one["pid"]].startswith("test") for one in table])
    person = np.arange(len(table))
    return DataSetRows(
        tuple(
            read_only(
                SiteRows(
                    name, x[where == at], y[where == at], person[where == at],
                    published=tested[where == at],
                )
            )
            for at, name in enumerate(REGIONS)
        )
    )  # fmt: skip


TCGA_BRCA = RegisteredDataSet(
    name=NAME,
    title="Survival with breast cancer in six regions (TCGA)",
    schema=SCHEMA,
    license="NIH open access; MIT",
    citation=(
        "The Cancer Genome Atlas Network (2012). Comprehensive molecular portraits of human breast "
        "tumours. Nature 490, 61-70. Preprocessed: Andreux, M. et al. (2020), arXiv:2006.08997; "
        "Terrail, J. et al. (2022), FLamby, NeurIPS"
    ),
    url="https://github.com/owkin/FLamby",
    folder=FOLDER,
    files=FILES,
    sites=(
        ("northeast", 311), ("south", 196), ("west", 206), ("midwest", 162), ("europe", 162),
        ("canada", 51),
    ),
    load=load,
)  # fmt: skip
"""As a study document names it: ``tcga_brca``."""
