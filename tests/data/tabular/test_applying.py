"""A table to be predicted for is refused where it is not what the sites agreed on."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
from tests.data.tabular.cohorts import STUDY, trainers, write_study, write_table

from collegium.assembly.preparation import prepare
from collegium.data.tabular.agreed_preparation import AgreedPreparation
from collegium.data.tabular.applying import Beyond, apply_agreed, in_words
from collegium.data.tabular.preparation import value_of
from collegium.errors import DataError
from collegium.study.reading import read_study

Cells = dict[str, list[object]]


@pytest.fixture(scope="module")
def agreement(tmp_path_factory: pytest.TempPathFactory) -> AgreedPreparation:
    prepared = prepare(read_study(write_study(tmp_path_factory.mktemp("study"), text=STUDY)))
    assert prepared.table is not None
    return prepared.table.agreement


@pytest.fixture
def cells() -> Cells:
    return {name: values[:40] for name, values in trainers().items()}


def test_what_it_does_not_look_at_may_be_there_or_not(
    agreement: AgreedPreparation, cells: Cells, tmp_path: Path
) -> None:
    whole = apply_agreed(write_table(tmp_path / "a.csv", cells), agreement)
    for name in ("died", "hospital", "mrn", "device"):
        del cells[name]
    less = apply_agreed(write_table(tmp_path / "b.csv", cells, ";"), agreement)
    np.testing.assert_array_equal(whole.x, less.x)
    assert whole.x.dtype == np.float32


def refused(agreement: AgreedPreparation, cells: Cells, folder: Path) -> DataError:
    with pytest.raises(DataError) as caught:
        apply_agreed(write_table(folder / "x.csv", cells), agreement)
    return caught.value


def test_another_unit_is_refused_by_name(
    agreement: AgreedPreparation, cells: Cells, tmp_path: Path
) -> None:
    ages = cells.pop("age [years]")
    error = refused(agreement, {"age [months]": ages, **cells}, tmp_path)
    assert error.code == "data.units"
    assert "months" in error.what


def test_another_unit_is_refused_by_its_values(
    agreement: AgreedPreparation, cells: Cells, tmp_path: Path
) -> None:
    cells["age [years]"] = [12 * float(str(value)) for value in cells["age [years]"]]
    assert refused(agreement, cells, tmp_path).code == "data.units"
    path = tmp_path / "x.csv"
    notes = apply_agreed(path, agreement, any_range=True).notes
    assert any("median of 'age'" in note for note in notes)
    few = {name: values[:3] for name, values in cells.items()}
    assert apply_agreed(write_table(path, few), agreement).notes  # told, not refused


def test_rows_beyond_what_training_had_are_counted_by_column(
    agreement: AgreedPreparation, cells: Cells, tmp_path: Path
) -> None:
    """A few odd rows leave the median where it is, and are told all the same."""
    (age,) = (one for one in agreement.columns if one.name == "age")
    low, high = value_of(age, age.low), value_of(age, age.high)
    ages = [(low + high) / 2] * 37 + [low - 1, high + 1, 900]
    cells["age [years]"] = list(ages)
    found = apply_agreed(write_table(tmp_path / "x.csv", cells), agreement)
    (beyond,) = (one for one in found.beyond if one.column == "age")
    assert (beyond.rows, beyond.outside, beyond.held) == (40, 3, 1)
    assert (beyond.low, beyond.high, beyond.unit) == (low, high, "years")
    (told,) = in_words([beyond])
    assert told.startswith("age: 3 of 40 rows lie outside ")
    assert told.endswith("; 1 of them count as 8 standard deviations from the mean")
    assert {one.column for one in found.beyond} == {one.name for one in agreement.columns}


def test_the_ten_columns_with_most_such_rows_are_told_in_words() -> None:
    beyond = [Beyond(f"c{number}", 20, unseen=number, example="x") for number in range(13)]
    told = in_words(beyond)
    assert [line.split(":")[0] for line in told[:2]] == ["c12", "c11"]
    assert told[10:] == ["2 more columns have rows beyond training: see --json"]


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("age [years]", "old", "data.value"),
        ("admitted", "yesterday", "data.value"),
    ],
)
def test_a_cell_of_another_kind_is_refused_with_its_row(
    agreement: AgreedPreparation, cells: Cells, tmp_path: Path, name: str, value: str, code: str
) -> None:
    cells[name][2] = value
    error = refused(agreement, cells, tmp_path)
    assert error.code == code
    assert "row 3" in error.what


def test_columns_are_known_by_name(
    agreement: AgreedPreparation, cells: Cells, tmp_path: Path
) -> None:
    error = refused(agreement, {**cells, "lactat": cells["lactate"]}, tmp_path)
    assert error.code == "data.unknown-column"
    cells["lactat"] = cells.pop("lactate")
    error = refused(agreement, cells, tmp_path)
    assert error.todo == "rename it to 'lactate'"
    del cells["lactat"]
    assert refused(agreement, cells, tmp_path).code == "data.missing-column"


def test_an_unknown_category_is_dealt_with_as_registered(
    agreement: AgreedPreparation, cells: Cells, tmp_path: Path
) -> None:
    cells["sex"][1] = "x"
    found = apply_agreed(write_table(tmp_path / "x.csv", cells), agreement)
    (sex,) = (one for one in found.beyond if one.column == "sex")
    assert (sex.rows, sex.unseen, sex.example) == (40, 1, "x")
    assert in_words([sex]) == [
        "sex: 1 of 40 rows have a value that no model has seen, such as 'x': it counts as any other"
    ]
    strict = msgspec.structs.replace(agreement, unknown="refuse")
    error = refused(strict, cells, tmp_path)
    assert (error.code, "row 2" in error.what) == ("data.value", True)


def test_a_gap_that_no_site_had_is_told(
    agreement: AgreedPreparation, cells: Cells, tmp_path: Path
) -> None:
    cells["age [years]"][0] = ""
    found = apply_agreed(write_table(tmp_path / "x.csv", cells), agreement)
    assert any("1 row lacks age" in note for note in found.notes)
    assert np.isfinite(found.x).all()
