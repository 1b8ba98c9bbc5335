"""A user's CSV file becomes columns, whoever wrote it; what cannot be known is an error."""

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from collegium.data.files import file_bytes
from collegium.data.tabular.columns import Table, as_days, as_numbers, as_words
from collegium.data.tabular.reading import read_table_file
from collegium.errors import DataError

Write = Callable[[str | bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(content: str | bytes) -> Path:
        path = tmp_path / "cohort.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return written


def kinds(table: Table) -> dict[str, str]:
    return {name: column.kind for name, column in table.columns.items()}


def words(table: Table, name: str) -> list[str | None]:
    codes, known = as_words(table.columns[name])
    return [None if code < 0 else known[code] for code in codes.tolist()]


def test_columns_are_numbers_dates_words_or_empty(write: Write) -> None:
    table = read_table_file(
        write("age,sex,seen,note\n61,m,2024-01-05,\n,f,2024-02-29,\n7.5,NA,?,-\n")
    )
    assert kinds(table) == {"age": "numeric", "sex": "categorical", "seen": "date", "note": "empty"}
    assert table.rows == 3
    np.testing.assert_array_equal(as_numbers(table.columns["age"]), [61.0, np.nan, 7.5])
    np.testing.assert_array_equal(as_days(table.columns["seen"]), [19727.0, 19782.0, np.nan])
    assert words(table, "sex") == ["m", "f", None]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_encodings_and_separators_make_no_difference(
    write: Write, encoding: str, mark: str
) -> None:
    text = "größe,fieber\r\n1.5,ja\r\n2,nein\r\n".replace(",", mark)
    table = read_table_file(write(text.encode(encoding)))
    assert kinds(table) == {"größe": "numeric", "fieber": "categorical"}
    assert ("Windows-1252" in "".join(table.notes)) == (encoding == "cp1252")


def test_decimal_commas_are_read_where_commas_separate_nothing(write: Write) -> None:
    table = read_table_file(write("crp;alter\n1,5;60\n0,2;70\n"))
    assert as_numbers(table.columns["crp"]).tolist() == [1.5, 0.2]


def test_a_comma_in_a_number_is_not_guessed_where_commas_separate(write: Write) -> None:
    table = read_table_file(write('cost,age\n"1,234",60\n"2,500",70\n'))
    assert kinds(table) == {"cost": "categorical", "age": "numeric"}
    assert "such as 1,234 were not read as numbers" in table.notes[0]


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["1,234,567", "12", "999,000"], [1234567, 12, 999000]),
        (["1,234.5", "12"], [1234.5, 12]),
        (["541", "1,001", "3,444", "12,000", "7,250", "9,100"],
         [541, 1001, 3444, 12000, 7250, 9100]),
    ],
)  # fmt: skip
def test_commas_are_thousands_where_nothing_else_explains_them(
    write: Write, cells: list[str], values: list[float]
) -> None:
    table = read_table_file(write("cost,b\n" + "".join(f'"{cell}",x\n' for cell in cells)))
    assert as_numbers(table.columns["cost"]).tolist() == values
    assert "separate thousands" in table.notes[0]


def test_what_may_be_thousands_among_decimal_commas_is_told(write: Write) -> None:
    cells = ["541", "1,001", "3,444", "12,000", "7,250", "9,100"]
    table = read_table_file(write("cost;b\n" + "".join(f"{cell};x\n" for cell in cells)))
    assert as_numbers(table.columns["cost"])[1] == 1.001
    assert "if they separate thousands" in table.notes[0]
    assert not read_table_file(write("crp;b\n1,5;x\n0,125;x\n2,125;x\n")).notes


def test_quotes_hold_separators_and_lines(write: Write) -> None:
    table = read_table_file(write('a,b\n"x, y\nz",1\n'))
    assert words(table, "a") == ["x, y z"]


def test_blank_lines_blanks_and_a_nameless_column_do_not_count(write: Write) -> None:
    table = read_table_file(write(",age , sex\n0, 60, m \n\n1,70,m\n\n"))
    assert kinds(table) == {"age": "numeric", "sex": "categorical"}
    assert words(table, "sex") == ["m", "m"]
    assert "no name" in table.notes[0]


def test_a_unit_stands_in_brackets_behind_the_name(write: Write) -> None:
    table = read_table_file(write("glucose [mg/dL],age\n90,1\n"))
    assert [(one.name, one.unit) for one in table.columns.values()] == [
        ("glucose", "mg/dL"), ("age", ""),
    ]  # fmt: skip


def test_a_few_slips_among_numbers_are_missing_and_told(write: Write) -> None:
    cells = [*map(str, range(30)), "n/d", "1_0"]
    table = read_table_file(write("x\n" + "\n".join(cells) + "\n"))
    column = table.columns["x"]
    assert (column.kind, column.odd, column.example) == ("numeric", 2, "n/d")
    assert np.isnan(as_numbers(column)[-2:]).all()
    assert "'n/d'" in table.notes[0]


def test_more_than_a_few_are_words(write: Write) -> None:
    table = read_table_file(write("x\n1\nlow\n2\n3.0\n"))
    assert kinds(table) == {"x": "categorical"}
    assert np.isnan(as_numbers(table.columns["x"])).tolist() == [False, True, False, False]


def test_what_the_study_declares_goes_before_what_cells_look_like(write: Write) -> None:
    path = write("ward,x\n1,1\n2,many\n2.0,many\n")
    table = read_table_file(path, declared={"ward": "categorical", "x": "numeric"})
    assert kinds(table) == {"ward": "categorical", "x": "numeric"}
    assert words(table, "ward") == ["1", "2", "2"]


def test_a_column_reads_alike_whatever_piece_of_it_holds_the_words(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write("x\n1\n2.50\n3\nlow\n1.0\n")
    whole = words(read_table_file(path), "x")
    monkeypatch.setattr("collegium.data.tabular.csv_text.PIECE", 2)
    pieces = words(read_table_file(path), "x")
    assert pieces == ["1", "2.5", "3", "low", "1"]
    assert whole == ["1", "2.50", "3", "low", "1.0"]  # spelled as written: compared canonically


@pytest.mark.parametrize(
    ("text", "day"),
    [("13/02/2024,14/02/2024", 19766.0), ("02/13/2024,02/14/2024", 19766.0),
     ("13.02.2024,14.02.2024", 19766.0), ("2024-02-13T12:00:00Z,2024-02-14", 19766.5)],
)  # fmt: skip
def test_dates_are_read_as_they_are_written(write: Write, text: str, day: float) -> None:
    table = read_table_file(write("seen\n" + text.replace(",", "\n") + "\n"))
    assert kinds(table) == {"seen": "date"}
    assert as_days(table.columns["seen"])[0] == day


def test_a_date_that_can_be_read_two_ways_is_not_guessed(write: Write) -> None:
    table = read_table_file(write("seen\n01/02/2024\n03/04/2024\n"))
    assert kinds(table) == {"seen": "categorical"}


def test_dates_with_two_readings_are_told_by_column_and_rows(write: Write) -> None:
    table = read_table_file(write("seen,of\n03/03/2024,a\n01/02/2024,b\n04/05/2024,c\n"))
    (told,) = table.notes
    assert "column 'seen'" in told
    assert "'01/02/2024' (row 2) and '04/05/2024' (row 3)" in told
    assert "Write them as 2024-12-31, or name the column in data.source.drop" in told
    assert not read_table_file(write("seen\n13/02/2024\n04/05/2024\n")).notes
    assert not read_table_file(write("dose\n1/2\n2/3\n")).notes


BROKEN = [
    ("data.empty", b""),
    ("data.empty", b"\n\n \n"),
    ("data.no-rows", b"a,b\n"),
    ("data.no-header", b"1,2\n3,4\n"),
    ("data.no-header", b"a\x01b,c\n1,2\n"),
    ("data.duplicate-column", b"a,a\n1,2\n"),
    ("data.ragged", b"a,b\n1,2\n1,2,3\n"),
    ("data.ragged", b"a,b\n1\n"),
    ("data.malformed", b'a,b\n1,"x\n'),
    ("data.malformed", b'a,b\n"x"y,2\n'),
    ("data.encoding", b"a,b\n1,\x00\n"),
    ("data.encoding", b"a,b\n1,\x81\n"),
    ("data.encoding", b"\xff\xfea"),
]


@pytest.mark.parametrize(("code", "content"), BROKEN, ids=range(len(BROKEN)))
def test_a_broken_file_is_refused_by_name(write: Write, code: str, content: bytes) -> None:
    with pytest.raises(DataError) as caught:
        read_table_file(write(content))
    assert caught.value.code == code


def test_the_line_of_a_ragged_row_is_told(write: Write) -> None:
    with pytest.raises(DataError, match=r"line 4 .* has 1 cells, the header 2"):
        read_table_file(write('a,b\n"x\ny",1\n2\n'))


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ('a,b\n1,2\n3,"4\n5,6\n7,8\n', "line 3 .* is not CSV"),
        ('a,b\n1,2\n3,"4\n5,6"x\n7,8\n', "line 3 .* is not CSV"),
        ('a,b\n1,2\n"x\ny",4\n5,"6"x\n', "line 5 .* is not CSV"),
    ],
)
def test_a_stray_quote_is_told_by_the_line_on_which_its_row_begins(
    write: Write, content: str, line: str
) -> None:
    with pytest.raises(DataError, match=line):
        read_table_file(write(content))


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    for path, code in ((tmp_path, "data.directory"), (tmp_path / "none.csv", "data.unreadable")):
        with pytest.raises(DataError) as caught:
            read_table_file(path)
        assert caught.value.code == code


def test_a_compressed_table_is_read_up_to_what_a_table_may_have(write: Write) -> None:
    assert read_table_file(write(gzip.compress(b"a,b\n1,2\n"))).rows == 1
    for broken in (gzip.compress(b"a,b\n1,2\n")[:-9], b"\x1f\x8bnothing"):
        with pytest.raises(DataError, match="cannot be decompressed"):
            read_table_file(write(broken))
    with pytest.raises(DataError) as caught:
        file_bytes(write(gzip.compress(b"a,b\n" + b"1,2\n" * 10_000)), 20_000)
    assert caught.value.code == "data.too-large"


def test_a_spreadsheet_is_called_one(write: Write) -> None:
    with pytest.raises(DataError) as caught:
        read_table_file(write(b"PK\x03\x04" + bytes(100)))
    assert caught.value.code == "data.spreadsheet"


def test_skipped_columns_are_not_even_looked_at(write: Write) -> None:
    assert kinds(read_table_file(write("a,b\n1,2\n"), skip=["a"])) == {"b": "numeric"}
