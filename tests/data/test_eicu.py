"""The eICU demo: which stays are used, what their columns hold, and that no outcome is one."""

from __future__ import annotations

import csv
import gzip
import io
from typing import Any

import numpy as np
import pytest
from tests.data.real import real

from collegium.data.checking import check_dataset
from collegium.data.eicu import EICU, rows_of
from collegium.data.eicu.schema import GLASGOW, MEASUREMENTS, SCHEMA, TREATMENTS
from collegium.data.registered import DataSetRows
from collegium.data.table import input_names


def table(*rows: dict[str, Any]) -> bytes:
    text = io.StringIO()
    names = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(text, names)
    writer.writeheader()
    writer.writerows(rows)
    return gzip.compress(text.getvalue().encode())


def stay(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "patientunitstayid": number, "gender": "Male", "age": "70", "hospitalid": "1",
        "hospitaldischargestatus": "Alive", "uniquepid": f"p{number}",
        "unitadmitsource": "Floor",
    } | changes  # fmt: skip


def physiology(number: int, **changes: Any) -> dict[str, Any]:
    normal = {one.name: one.normal for one in MEASUREMENTS}
    healthy = {name: best for name, _, best in GLASGOW}
    none = {name: 0 for name, _ in TREATMENTS}
    return {"patientunitstayid": number} | normal | healthy | none | changes


def made(*stays: dict[str, Any], **changes: Any) -> DataSetRows:
    numbers = [one["patientunitstayid"] for one in stays]
    return rows_of(
        {
            "patient.csv.gz": table(*stays),
            "hospital.csv.gz": table(
                {"hospitalid": "1", "region": "South"}, {"hospitalid": "2", "region": ""}
            ),
            "apacheApsVar.csv.gz": table(*(physiology(one, **changes) for one in numbers if one)),
            "apachePredVar.csv.gz": table(*({"patientunitstayid": n, "aids": 1} for n in numbers)),
        }
    )


def inputs(rows: DataSetRows) -> dict[str, float]:
    return dict(zip(input_names(SCHEMA), rows.sites[0].x[0].tolist(), strict=True))


def test_a_region_is_a_site_and_hospitals_without_one_are_a_site_too() -> None:
    rows = made(stay(1), stay(2, hospitalid="2"), stay(3))
    assert [(one.name, len(one.y)) for one in rows.sites] == [("south", 2), ("unlisted", 1)]


def test_stays_without_an_outcome_or_physiology_are_left_out() -> None:
    rows = made(
        stay(1, hospitaldischargestatus="Expired"), stay(2, hospitaldischargestatus=""), stay(0)
    )
    assert [one.y.tolist() for one in rows.sites] == [[1]]


def test_a_person_who_comes_back_keeps_the_number_at_every_site() -> None:
    rows = made(
        stay(1, uniquepid="a"), stay(2, uniquepid="b"), stay(3, uniquepid="a", hospitalid="2")
    )
    assert [one.person.tolist() for one in rows.sites] == [[0, 1], [0]]


def test_a_healthy_adult_is_at_the_center_of_every_measurement() -> None:
    found = inputs(made(stay(1, age="65")))
    assert all(found[one.name] == 0 for one in MEASUREMENTS)
    assert all(found[name] == 0 for name in ("age", "eyes", "motor", "verbal"))
    assert (found["aids"], found["cirrhosis"], found["source=floor"]) == (1, 0, 1)


def test_what_was_not_measured_counts_as_normal_and_says_so() -> None:
    found = inputs(made(stay(1), albumin=-1, eyes=-1))
    assert (found["albumin"], found["albumin_measured"]) == (0, 0)
    assert (found["eyes"], found["glasgow_measured"]) == (0, 0)
    assert (found["bilirubin_measured"], inputs(made(stay(1)))["glasgow_measured"]) == (1, 1)


def test_values_beyond_their_bounds_are_set_to_the_bound() -> None:
    assert inputs(made(stay(1), urine=42206.8))["urine"] == pytest.approx((5000 - 2000) / 1000)


def test_ages_above_89_and_unknown_ones() -> None:
    assert inputs(made(stay(1, age="> 89")))["age"] == pytest.approx(25 / 15)
    assert inputs(made(stay(1, age="")))["age"] == 0


def test_no_column_is_an_outcome_or_a_prediction() -> None:
    assert not {"predictedhospitalmortality", "diedinhospital", "actualhospitalmortality"} & {
        feature.name for feature in SCHEMA.features
    }


def test_the_originals_give_2179_stays_of_1765_persons() -> None:
    dataset = real(EICU)
    check_dataset(dataset)
    assert tuple((one.name, len(one.y)) for one in dataset.sites) == EICU.sites
    assert sum(int(one.y.sum()) for one in dataset.sites) == 196
    assert len(np.unique(np.concatenate([one.person for one in dataset.sites]))) == 1765
