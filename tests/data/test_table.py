"""Raw columns become model inputs by registered constants, alike everywhere."""

import numpy as np
import pytest
from tests.data.example_tables import SCHEMA

from collegium.data.table import encode, input_names, take
from collegium.errors import DataError

COLUMNS = {
    "age": np.array([50.0, 65.0]),
    "smoker": np.array([0, 1]),
    "ward": np.array(["2", "1"]),
}


def test_inputs_are_named_and_the_first_category_is_the_reference() -> None:
    assert input_names(SCHEMA) == ("age", "smoker", "ward=2", "ward=icu")


def test_numbers_are_centered_and_scaled_flags_kept_and_categories_spread() -> None:
    x = encode(SCHEMA, COLUMNS)
    assert x.dtype == np.float32
    assert x.tolist() == [[0.0, 0.0, 1.0, 0.0], [1.5, 1.0, 0.0, 0.0]]


def test_a_rows_inputs_do_not_depend_on_other_rows() -> None:
    alone = encode(SCHEMA, {name: column[1:] for name, column in COLUMNS.items()})
    assert np.array_equal(alone, encode(SCHEMA, COLUMNS)[1:])


def test_other_columns_are_ignored_and_no_rows_give_no_inputs() -> None:
    assert np.array_equal(
        encode(SCHEMA, {**COLUMNS, "died": np.array([0, 1])}), encode(SCHEMA, COLUMNS)
    )
    assert encode(SCHEMA, {name: column[:0] for name, column in COLUMNS.items()}).shape == (0, 4)


@pytest.mark.parametrize(
    ("name", "column", "code", "says"),
    [
        ("age", np.array([50.0, np.nan]), "data.value", "row 2, column 'age'"),
        ("age", np.array([np.inf, 50.0]), "data.value", "row 1, column 'age'"),
        ("age", np.array([50.0, 1e300]), "data.value", "row 2"),
        ("age", np.array(["50", "old"]), "data.not-a-number", "'age'"),
        ("smoker", np.array([0, 2]), "data.value", "neither 0 nor 1"),
        ("ward", np.array(["1", "west"]), "data.value", "none of 1, 2, icu"),
        ("ward", np.array(["1"]), "data.ragged", "'ward'"),
    ],
)
def test_a_value_outside_of_the_schema_is_refused_with_its_place(
    name: str, column: np.ndarray, code: str, says: str
) -> None:
    with pytest.raises(DataError) as caught:
        encode(SCHEMA, {**COLUMNS, name: column})
    assert caught.value.code == code
    assert says in caught.value.diagnostics()


def test_a_missing_column_is_named() -> None:
    with pytest.raises(DataError, match="ward"):
        encode(SCHEMA, {name: COLUMNS[name] for name in ("age", "smoker")})


def test_rows_are_taken_with_everything_that_belongs_to_them() -> None:
    from tests.data.example_tables import site

    taken = take(site("here", 5), np.array([4, 1]), "there")
    assert (taken.name, taken.x[:, 0].tolist(), taken.person.tolist()) == ("there", [4, 1], [4, 1])
