"""A user's table is read as it stands, or refused with the place of what is wrong."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.data.example_tables import SCHEMA

from collegium.data import reading, uci_heart
from collegium.data.reading import read_table
from collegium.errors import DataError


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return tmp_path / "table.csv"


def read(table: Path, content: str | bytes) -> np.ndarray:
    table.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_table(table, SCHEMA)


EXPECTED = [[0.0, 1.0, 1.0, 0.0], [1.5, 0.0, 0.0, 1.0]]


@pytest.mark.parametrize(
    "content",
    [
        "age,smoker,ward\n50,1,2\n65,0,icu\n",
        "ward,age,smoker\n2,50,1\nicu,65,0\n",
        "age,smoker,ward,died\n50,1,2,0\n65,0,icu,who knows\n",
        "\ufeffage,smoker,ward\r\n50.0,1.0,2.0\r\n6.5e1,0,icu\r\n",
        '"age", smoker , "ward"\n\n 50 ,1, 2\n,,\n65,0,"icu"',
        "age,smoker,ward\r50,1,2\r65,0,icu\r",
    ],
)
def test_good_tables_are_read(table: Path, content: str) -> None:
    assert read(table, content).tolist() == EXPECTED


def test_a_patient_of_a_site_read_from_a_table_has_the_same_inputs(table: Path) -> None:
    heart = uci_heart.load()
    table.write_text(
        "age,sex,cp,trestbps,chol,fbs,restecg,thalach,exang,oldpeak\n"
        "63.0,1.0,1.0,145.0,233.0,1.0,2.0,150.0,0.0,2.3\n"
    )
    assert np.array_equal(read_table(table, heart.schema), heart.sites[0].x[:1])


HEADER = "age,smoker,ward\n"


@pytest.mark.parametrize(
    ("content", "code", "says"),
    [
        ("", "data.empty", "empty"),
        (" \n\n", "data.empty", "empty"),
        ("50,1,2\n65,0,icu\n", "data.no-header", "must name: age, smoker, ward"),
        ("age;smoker;ward\n50;1;2\n", "data.no-header", "';'"),
        (HEADER, "data.no-rows", "no row"),
        ("age,smoker\n50,1\n", "data.missing-column", "'ward'"),
        ("age,smoker,ward,mrn\n50,1,2,7\n", "data.unknown-column", "leave the column out"),
        ("agee,smoker,ward\n50,1,2\n", "data.unknown-column", "rename it to 'age'"),
        ("age,smoker,ward,\n50,1,2,\n", "data.unknown-column", "''"),
        ("age,smoker,ward,age\n50,1,2,50\n", "data.duplicate-column", "'age' more than once"),
        (HEADER + "50,1,2\n65,0\n", "data.ragged", "row 2 (line 3) has 2 cells"),
        (HEADER + "50,1,2,3\n", "data.ragged", "row 1 (line 2) has 4 cells"),
        (HEADER + "50,1,2\n\nold,0,2\n", "data.value", "row 2 (line 4), column 'age': 'old'"),
        (HEADER + "1_000,1,2\n", "data.value", "is not a number"),
        (HEADER + "0x10,1,2\n", "data.value", "is not a number"),
        (HEADER + "\u0665\u0660,1,2\n", "data.value", "is not a number"),
        (HEADER + "inf,1,2\n", "data.value", "column 'age': 'inf'"),
        (HEADER + "1e999,1,2\n", "data.value", "too large"),
        (HEADER + "1e300,1,2\n", "data.value", "not a number a model can take"),
        (HEADER + '"65,5",1,2\n', "data.value", "'65,5'"),
        (HEADER + "50,yes,2\n", "data.value", "column 'smoker'"),
        (HEADER + "50,0.5,2\n", "data.value", "neither 0 nor 1"),
        (HEADER + "50,1,3\n", "data.value", "none of 1 (north), 2 (south), icu (ICU)"),
        (HEADER + ",1,2\n", "data.missing-value", "row 1 (line 2), column 'age' has no value"),
        (HEADER + "50,?,2\n", "data.missing-value", "column 'smoker'"),
        (HEADER + "50,1,NA\n", "data.missing-value", "column 'ward'"),
        (HEADER + "NaN,1,2\n", "data.missing-value", "column 'age'"),
        (HEADER + '50,1,"2\n', "data.malformed", "line 2"),
        (HEADER + '50,1,"2"2\n', "data.malformed", "line 2"),
        (HEADER + '50,1,"2\n50,1,2\n', "data.malformed", "line 2"),
        (HEADER + "50,1," + "2" * 200_000 + "\n", "data.malformed", "line 2"),
        (HEADER.encode() + b"50,1,\xe9\n", "data.encoding", "line 2"),
        ((HEADER + "50,1,2\n").encode("utf-16"), "data.encoding", "line 1"),
    ],
)
def test_a_bad_table_is_refused_with_its_place(
    table: Path, content: str | bytes, code: str, says: str
) -> None:
    with pytest.raises(DataError) as caught:
        read(table, content)
    assert caught.value.code == code
    assert says in caught.value.diagnostics()


def test_files_that_are_none_are_refused(
    tmp_path: Path, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table.write_text(HEADER + "50,1,2\n")
    monkeypatch.setattr(reading, "LARGEST_FILE", 10)
    for path, code in [
        (tmp_path, "data.directory"),
        (tmp_path / "absent.csv", "data.unreadable"),
        (Path("a\0b"), "data.unreadable"),
        (table, "data.too-large"),
    ]:
        with pytest.raises(DataError) as caught:
            read_table(path, SCHEMA)
        assert caught.value.code == code


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.one_of(
        st.binary(max_size=200),
        st.text(max_size=100).map(lambda text: (HEADER + text).encode(errors="replace")),
        st.text(alphabet='0123,."\n\r\0 e-;icu', max_size=80).map(
            lambda text: (HEADER + text).encode()
        ),
    )
)
def test_whatever_the_bytes_nothing_but_a_data_error_comes(table: Path, content: bytes) -> None:
    table.write_bytes(content)
    try:
        x = read_table(table, SCHEMA)
    except DataError:
        return
    assert np.isfinite(x).all()
    assert x.shape[1] == 4
