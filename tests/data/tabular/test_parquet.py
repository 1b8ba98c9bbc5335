"""A Parquet file is read as the CSV file of the same cells, where Apache Arrow is installed."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.data.tabular.cohorts import trainers, write_table

from collegium.data.tabular.columns import as_days, as_numbers, as_words, canonical_word
from collegium.data.tabular.reading import read_table_file
from collegium.errors import DataError


def test_without_arrow_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "cohort.parquet"
    path.write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(DataError) as caught:
        read_table_file(path)
    assert caught.value.code == "data.needs-package"
    assert "collegium[parquet]" in caught.value.todo


def written(path: Path, **columns: Any) -> Path:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(arrow.table(columns), path)
    return path


def test_columns_are_what_they_are_in_csv(tmp_path: Path) -> None:
    cells = trainers(60)
    csv = read_table_file(write_table(tmp_path / "c.csv", cells))
    typed: dict[str, Any] = {
        "mrn": cells["mrn"], "hospital": cells["hospital"],
        "age [years]": [float(str(one)) for one in cells["age [years]"]],
        "lactate": [float(str(one)) if one else None for one in cells["lactate"]],
        "sex": cells["sex"],
        "admitted": [date.fromisoformat(str(one)) for one in cells["admitted"]],
        "device": cells["device"], "died": cells["died"],
    }  # fmt: skip
    ours = read_table_file(written(tmp_path / "c.parquet", **typed))
    assert list(ours.columns) == list(csv.columns)
    for name, column in csv.columns.items():
        found = ours.columns[name]
        assert (found.kind, found.unit) == (column.kind, column.unit)
        view = {"numeric": as_numbers, "date": as_days}.get(column.kind)
        if view is not None:
            np.testing.assert_array_equal(view(found), view(column))
        else:
            (mine, words), (theirs, others) = as_words(found), as_words(column)
            assert [words[one] if one >= 0 else "" for one in mine.tolist()] == [
                others[one] if one >= 0 else "" for one in theirs.tolist()
            ]


def test_types_have_their_own_reading(tmp_path: Path) -> None:
    path = written(
        tmp_path / "x.parquet", code=[1, 2, None], flag=[True, None, False], gone=[None] * 3,
        text=["1.5", "2", "NA"], many=[[1], [2], [3]],
    )  # fmt: skip
    table = read_table_file(path, declared={"code": "categorical"})
    kinds = {name: column.kind for name, column in table.columns.items()}
    assert kinds == {"code": "categorical", "flag": "categorical", "gone": "empty",
                     "text": "numeric"}  # fmt: skip
    codes, words = as_words(table.columns["code"])
    assert [canonical_word(words[one]) if one >= 0 else None for one in codes] == ["1", "2", None]
    assert any("'many'" in note for note in table.notes)


def test_a_damaged_file_and_an_empty_one_are_refused(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    broken = tmp_path / "b.parquet"
    broken.write_bytes(b"PAR1 and nothing more")
    for path, code in (
        (broken, "data.malformed"), (written(tmp_path / "e.parquet", a=[]), "data.no-rows")
    ):  # fmt: skip
        with pytest.raises(DataError) as caught:
            read_table_file(path)
        assert caught.value.code == code


def test_dates_with_two_readings_are_told_as_in_csv(tmp_path: Path) -> None:
    days = ["03/04/2024", "05/06/2024", "07/07/2024"]
    notes = read_table_file(written(tmp_path / "days.parquet", seen=days)).notes
    assert len(notes) == 1
    assert "'seen' in days.parquet can have the day or the month first" in notes[0]
