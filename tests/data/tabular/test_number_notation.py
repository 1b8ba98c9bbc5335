"""Percent signs, ends such as >89, and points between thousands are read, or named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.data.tabular.cohorts import trainers, write_study, write_table

from collegium.assembly.preparation import prepare
from collegium.data.tabular.applying import apply_agreed
from collegium.data.tabular.columns import Column, as_numbers
from collegium.data.tabular.reading import read_table_file
from collegium.study.reading import read_study

PLAIN = ["20", "31.5", "42", "57", "64", "70"]


def read(folder: Path, cells: list[str], mark: str = ";", **how: object) -> tuple[Column, str]:
    """Return a column of these cells as it is read, and what is told of it."""
    path = write_table(folder / "t.csv", {"x": cells, "y": ["a"] * len(cells)}, mark)
    table = read_table_file(path, **how)  # type: ignore[arg-type]
    return table.columns["x"], "\n".join(table.notes)


@pytest.mark.parametrize(
    ("cell", "value"),
    [(">70", 70), ("> 89", 89), (">=70", 70), ("≥70", 70), ("<0.5", 0.5), ("≤ 0.5", 0.5),
     ("90+", 90), ("90 +", 90), ("<0,5", 0.5)],
)  # fmt: skip
def test_an_end_counts_as_the_number_that_it_names(tmp_path: Path, cell: str, value: float) -> None:
    column, told = read(tmp_path, [*PLAIN, cell, cell])
    assert (column.kind, column.odd) == ("numeric", 0)
    assert as_numbers(column)[-2:].tolist() == [value, value]
    assert f"such as {cell} count as the number that they name, {value:g}" in told


@pytest.mark.parametrize(
    "cells",
    [
        ["<30", ">=30", "<30"],
        ["NO", ">30", "<30"],
        ["1", "2", "3", ">3"],
        [*PLAIN, "mild", "severe", "none", "worse", "dead", "more", "much", "few", ">70"],
    ],
)
def test_categories_with_signs_stay_words(tmp_path: Path, cells: list[str]) -> None:
    column, told = read(tmp_path, cells)
    assert column.kind == "categorical"
    assert set(cells) == set(column.words)
    assert "count as the number" not in told


@pytest.mark.parametrize("sign", ["%", " %"])
def test_percent_signs_are_a_unit(tmp_path: Path, sign: str) -> None:
    column, told = read(tmp_path, [f"45{sign}", f"7,5{sign}", "0", ""])
    assert (column.kind, column.unit) == ("numeric", "%")
    np.testing.assert_array_equal(as_numbers(column), [45, 7.5, 0, np.nan])
    assert f"column 'x' is in %: 45{sign} is read as 45" in told
    named = write_table(tmp_path / "named.csv", {"x [share]": ["45%", "8%"]})
    assert read_table_file(named).columns["x"].unit == "share"


def test_percent_signs_among_other_numbers_are_named(tmp_path: Path) -> None:
    column, told = read(tmp_path, [*["0.1", "0.2", "0.3"] * 7, "45%"])
    assert (column.kind, column.odd, column.example) == ("numeric", 1, "45%")
    assert np.isnan(as_numbers(column)[-1])
    assert "such as 45% were not read as numbers: others of it have no percent sign" in told
    words, told = read(tmp_path, ["mild", "severe", "none", "50%"])
    assert words.kind == "categorical"
    assert "%" not in told


@pytest.mark.parametrize("mark", [";", "|"])
def test_points_between_thousands_are_read_where_a_comma_shows_them(
    tmp_path: Path, mark: str
) -> None:
    cells = ["1.234,5", "2.500", "12,75", "999", "1.000.000,25"]
    column, told = read(tmp_path, cells, mark)
    assert as_numbers(column).tolist() == [1234.5, 2500, 12.75, 999, 1000000.25]
    assert "points of column 'x' separate thousands: 1.234,5 is a number above 999" in told


def test_points_that_would_mean_two_things_are_named(tmp_path: Path) -> None:
    column, told = read(tmp_path, ["1.234,5", "12.5", "3"])
    assert column.kind == "categorical"
    assert "such as 1.234,5 were not read as numbers" in told
    assert as_numbers(read(tmp_path, ["1.234", "12.5"])[0]).tolist() == [1.234, 12.5]


def test_a_declared_column_is_what_is_declared(tmp_path: Path) -> None:
    words, _ = read(tmp_path, [*PLAIN, ">70"], declared={"x": "categorical"})
    assert (words.kind, ">70" in words.words) == ("categorical", True)
    numbers, _ = read(tmp_path, [">70", "90+"], declared={"x": "numeric"})
    assert as_numbers(numbers).tolist() == [70, 90]


def test_cells_of_parquet_are_read_alike(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = pa.table({"age": [*PLAIN, ">89"], "share": [f"{one}%" for one in range(7)]})
    parquet.write_table(table, tmp_path / "t.parquet")
    found = read_table_file(tmp_path / "t.parquet")
    assert as_numbers(found.columns["age"])[-1] == 89
    assert found.columns["share"].unit == "%"
    assert "such as >89 count as the number" in "\n".join(found.notes)


def test_the_oldest_patients_are_trained_on_and_predicted_for(tmp_path: Path) -> None:
    cells = trainers()
    name = "age [years]"
    cells[name] = [one if float(str(one)) <= 70 else "70" for one in cells[name]]
    plain = prepare(read_study(write_study(tmp_path / "plain", cells)))
    cells[name] = [">70" if one == "70" else one for one in cells[name]]
    found = prepare(read_study(write_study(tmp_path / "ends", cells)))
    assert found.table is not None
    for site, rows in plain.train.items():
        np.testing.assert_array_equal(found.train[site].x, rows.x)
    oldest = [at for at, one in enumerate(cells[name]) if one == ">70"][:1]
    asked = {
        column: [values[at] for at in oldest]
        for column, values in cells.items() if column not in ("hospital", "died", "mrn")
    }  # fmt: skip
    path = write_table(tmp_path / "new.csv", asked)
    of_plain = write_table(tmp_path / "p.csv", asked | {name: ["70"]})
    agreement = found.table.agreement
    np.testing.assert_array_equal(
        apply_agreed(path, agreement).x, apply_agreed(of_plain, agreement).x
    )


def test_described_columns_read_an_end_by_itself(tmp_path: Path) -> None:
    column, _ = read(tmp_path, [">89", "45%", "12"], only={"x": "numeric"})
    np.testing.assert_array_equal(as_numbers(column), [89, np.nan, 12])
    assert (column.odd, column.example) == (1, "45%")
