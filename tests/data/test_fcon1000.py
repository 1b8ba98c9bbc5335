"""Brains from 23 scanners: a scanner is a site, quality is no column."""

from __future__ import annotations

import csv
import io
from typing import Any

import numpy as np
import pytest
from tests.data.real import real

from collegium.data.checking import check_dataset
from collegium.data.fcon1000 import FCON1000, rows_of, site_name
from collegium.data.freesurfer import REGIONS, SCHEMA, usual_thickness


def table(*persons: dict[str, Any]) -> bytes:
    usual = {feature.name: feature.center for feature in SCHEMA.features}
    text = io.StringIO()
    names = ["sub_id", "age", "sex", *usual, "avg_en", "site"]
    writer = csv.DictWriter(text, names)
    writer.writeheader()
    for number, person in enumerate(persons):
        writer.writerow({"sub_id": number, "age": 30, "avg_en": -40} | usual | person)
    return text.getvalue().encode()


def test_a_scanner_is_a_site_and_keeps_its_persons_in_order() -> None:
    rows = rows_of(
        table(
            {"sex": 1, "site": "Oulu"}, {"sex": 0, "site": "NewYork_a"}, {"sex": 0, "site": "Oulu"}
        )
    )
    assert [(one.name, one.y.tolist(), one.person.tolist()) for one in rows.sites] == [
        ("newyork_a", [0], [1]), ("oulu", [1, 0], [0, 2]),
    ]  # fmt: skip
    assert not rows.sites[0].x.any(), "usual values are the centers"


def test_columns_about_quality_are_no_features() -> None:
    names = {feature.name for feature in SCHEMA.features}
    assert not [name for name in names if "Holes" in name or "Mask" in name or name == "avg_en"]
    assert not {"age", "sex", "site", "sub_id"} & names
    assert len(names) == len(SCHEMA.features) == 205


def test_sulci_are_thinner_than_gyri() -> None:
    assert len(REGIONS) == 75
    assert usual_thickness("S_temporal_sup") < usual_thickness("G_front_sup")
    assert usual_thickness("S_calcarine") < 2 < 3 <= usual_thickness("Pole_temporal")


@pytest.mark.parametrize(("name", "site"), [("NewYork_a_ADHD", "newyork_a_adhd"), ("A-b", "a_b")])
def test_names_become_ids(name: str, site: str) -> None:
    assert site_name(name) == site


def test_the_original_gives_1078_persons_of_23_scanners() -> None:
    dataset = real(FCON1000)
    check_dataset(dataset)
    assert tuple((one.name, len(one.y)) for one in dataset.sites) == FCON1000.sites
    x = np.concatenate([one.x for one in dataset.sites])
    assert np.abs(x).max() < 20, "no column's reference is far from what there is"
    assert sum(int(one.y.sum()) for one in dataset.sites) == 489
