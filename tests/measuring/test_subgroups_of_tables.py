"""Subgroups of a table go by its own columns and values; sex and age are looked at unasked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.data.tabular.cohorts import STUDY, trainers, write_study

from collegium.assembly.preparation import Prepared, prepare
from collegium.data.subgroups import subgroups, usual_subgroups
from collegium.measuring.grouping import quality_by_subgroup
from collegium.study.reading import read_study
from collegium.study.refusal import Refusal


def prepared(folder: Path, more: str = "") -> Prepared:
    return prepare(read_study(write_study(folder, trainers(900), STUDY + more)))


def sizes(found: Prepared, *asked: str) -> dict[str, int]:
    """Return how many test rows each group has, whose groups share out all of them."""
    x = np.concatenate([rows.x for rows in found.test.values()])
    return {
        one.title: int(one.of(x).sum())
        for one in subgroups(found.dataset.schema, asked, found.parts.agreement)
    }


def test_a_column_is_asked_for_by_its_own_name_with_its_reference_and_gaps(tmp_path: Path) -> None:
    found = prepared(tmp_path)
    by_sex = sizes(found, "sex")
    assert list(by_sex) == ["sex: f", "sex: m", "sex: any other", "sex: no value"]
    assert by_sex["sex: any other"] == 0 < min(by_sex["sex: f"], by_sex["sex: no value"])
    rows = sum(by_sex.values())
    assert rows == sum(len(one.y) for one in found.test.values())
    one = sizes(found, "sex=f")
    assert one == {"sex: f": by_sex["sex: f"], "sex: f: all others": rows - by_sex["sex: f"]}
    by_lactate = sizes(found, "lactate>=2")
    assert list(by_lactate)[2] == "lactate: no value"
    assert sum(by_lactate.values()) == rows
    assert sum(sizes(found, "admitted>=2024-07-01").values()) == rows


@pytest.mark.parametrize("asked", ["sex=x", "sex (other)", "admitted>=3", "age>=2024-01-01"])
def test_what_is_no_value_of_a_column_is_refused(tmp_path: Path, asked: str) -> None:
    with pytest.raises(Refusal):
        sizes(prepared(tmp_path), asked)


def test_sex_and_age_are_shown_unasked_and_nothing_where_that_is_asked(tmp_path: Path) -> None:
    found = prepared(tmp_path)
    assert usual_subgroups(found.dataset.schema, found.parts.agreement) == ("age>=65", "sex")
    scores = {name: np.full((len(rows.y), 1), 0.5) for name, rows in found.test.items()}
    titles = [one.title for one in quality_by_subgroup(found, scores)]
    assert titles == [
        "age below 65 years", "age 65 years or more", "sex: f", "sex: m", "sex: no value",
    ]  # fmt: skip
    none = prepared(tmp_path / "none", "subgroups = []\n")
    assert quality_by_subgroup(none, scores) == ()
