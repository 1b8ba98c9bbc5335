"""Groups of rows that a study names: by value, or by where a number is cut."""

from __future__ import annotations

import numpy as np
import pytest

from collegium.data.subgroups import input_columns, subgroups
from collegium.data.table import Category, Feature, Schema, encode, input_names
from collegium.study.refusal import Refusal

CATEGORIES = tuple(Category(str(code), f"kind {code}") for code in range(3))
SCHEMA = Schema(
    features=(
        Feature("kind", "kind", "categorical", categories=CATEGORIES),
        Feature("age", "age", "numeric", "years", 55.0, 10.0),
        Feature("male", "male", "binary"),
        Feature("days", "days", "exposure"),
    ),
    target="falls",
    task="count",
)
COLUMNS = {
    "kind": np.array(["0", "1", "2", "1"]),
    "age": np.array([59.9, 60.0, 60.1, 30.0]),
    "male": np.array([0.0, 1.0, 1.0, 0.0]),
    "days": np.array([1.0, 2.0, 3.0, 4.0]),
}
X = encode(SCHEMA, COLUMNS)


def members(*asked: str) -> dict[str, list[int]]:
    return {one.title: np.flatnonzero(one.of(X)).tolist() for one in subgroups(SCHEMA, asked)}


def test_inputs_stand_where_their_names_do() -> None:
    names = input_names(SCHEMA)
    for feature, places in input_columns(SCHEMA).items():
        assert all(names[place].split("=")[0] == feature for place in places)


def test_a_category_is_a_group_each_with_its_reference() -> None:
    assert members("kind") == {"kind: kind 0": [0], "kind: kind 1": [1, 3], "kind: kind 2": [2]}


def test_a_number_is_cut_and_who_is_at_the_cut_is_above() -> None:
    assert members("age>=60") == {"age below 60 years": [0, 3], "age 60 years or more": [1, 2]}
    assert members("age >= 60.1")["age 60.1 years or more"] == [2]


def test_a_binary_feature_has_two_groups_and_groups_keep_their_order() -> None:
    assert members("male", "age>=60") == {
        "male = 0": [0, 3],
        "male = 1": [1, 2],
        **members("age>=60"),
    }


@pytest.mark.parametrize(
    ("asked", "code", "advice"),
    [
        ("mal", "study.unknown-name", "'male'"),
        ("age", "study.combination", '"age>=55"'),
        ("male>=1", "study.combination", '"male" alone'),
        ("days", "study.combination", "remove it"),
        ("age>60", "study.unknown-name", "'age'"),
    ],
)
def test_what_makes_no_groups_is_refused_with_what_would(
    asked: str, code: str, advice: str
) -> None:
    with pytest.raises(Refusal) as refused:
        subgroups(SCHEMA, ("male", asked))
    assert refused.value.code == code
    assert refused.value.path == ("evaluation", "subgroups", 1)
    assert advice in refused.value.todo
