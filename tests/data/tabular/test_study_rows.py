"""Which rows of a table a study is about: target, sites and persons."""

from pathlib import Path

import numpy as np
import pytest

from collegium.data.tabular.columns import Table
from collegium.data.tabular.reading import read_table_file
from collegium.data.tabular.study_rows import (
    StudyRows,
    absence_first,
    class_order,
    rows_of_study,
    site_id,
    take_study_rows,
)
from collegium.errors import DataError
from collegium.study.document import TableSource, Task

TEXT = """mrn,hospital,age,died
a,St. Mary's,60,no
a,St. Mary's,61,yes
b,Ulm,70,
c,,71,no
d,Ulm,72,no
,Ulm,73,yes
,Ulm,74,yes
"""


@pytest.fixture
def table(tmp_path: Path) -> Table:
    path = tmp_path / "cohort.csv"
    path.write_text(TEXT)
    return read_table_file(path)


def studied(
    table: Table, task: Task = "binary", alone: str | None = None, target: str = "died"
) -> StudyRows:
    source = TableSource(table="cohort.csv", target=target, site="hospital", person="mrn")
    return rows_of_study(table, source, task, alone=alone)


def test_rows_without_target_or_site_are_left_out_and_told(table: Table) -> None:
    found = studied(table)
    assert found.rows == 5
    assert found.notes == (
        "1 row with no value of 'died' left out: row 3",
        "1 row with no value of 'hospital' left out: row 4",
    )  # fmt: skip
    assert list(found.table.columns) == ["age"]
    assert found.table.columns["age"].values is not None
    assert found.table.columns["age"].values.tolist() == [60, 61, 72, 73, 74]


def test_sites_get_ids_and_persons_numbers(table: Table) -> None:
    found = studied(table)
    assert found.sites == ("st-mary-s", "ulm")
    assert found.site.tolist() == [0, 0, 1, 1, 1]
    assert found.person[0] == found.person[1]
    assert len(set(found.person.tolist())) == 4  # who has no id is a person of its own
    assert found.label.tolist() == [0, 1, 0, 1, 1]


def test_a_member_s_own_file_needs_no_column_of_sites(table: Table) -> None:
    found = studied(table, alone="ulm")
    assert found.sites == ("ulm",)
    assert found.rows == 6


def test_a_regression_has_no_labels(table: Table) -> None:
    found = studied(table, "regression", target="age")
    assert len(found.label) == 0
    assert list(found.table.columns) == ["died"]


def test_rows_are_taken_by_position(table: Table) -> None:
    found = take_study_rows(studied(table), np.array([3, 0]))
    assert found.table.columns["age"].values is not None
    assert found.table.columns["age"].values.tolist() == [73, 60]
    assert found.label.tolist() == [1, 0]


def test_a_missing_column_is_told_with_the_nearest(table: Table) -> None:
    with pytest.raises(DataError) as caught:
        studied(table, target="dead")
    assert caught.value.code == "data.missing-column"


def test_classes_have_one_order_whatever_others_there_are() -> None:
    assert class_order(["10", "x", "2", "yes", "no"]) == ["2", "10", "no", "x", "yes"]


@pytest.mark.parametrize(
    ("word", "found"),
    [("3.0", "3"), ("Köln-West", "koln-west"), ("A  B!", "a-b"), ("x" * 60, "x" * 40)],
)
def test_a_site_s_name_becomes_a_member_s_id(word: str, found: str) -> None:
    assert site_id(word) == found


def test_sites_that_cannot_be_told_apart_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "cohort.csv"
    path.write_text("hospital,mrn,age,died\nUlm,1,1,1\nulm,2,1,0\n")
    with pytest.raises(DataError) as caught:
        studied(read_table_file(path))
    assert caught.value.code == "data.site-name"
    with pytest.raises(DataError):
        site_id("東京")


def test_of_two_classes_a_word_for_no_is_first() -> None:
    assert absence_first(class_order(["nein", "ja"])) == ("nein", "ja")
    assert absence_first(class_order(["Survived", "Died"])) == ("Survived", "Died")
    assert absence_first(class_order(["yes", "no"])) == ("no", "yes")
    assert absence_first(class_order(["1", "0"])) == ("0", "1")
    assert absence_first(class_order(["a", "b", "nein"])) == ("a", "b", "nein")
