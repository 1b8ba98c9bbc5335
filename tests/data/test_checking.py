"""A loader's mistake is found by name, before anything is trained."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.data.example_tables import SCHEMA, dataset, site

from collegium.data.checking import check_dataset
from collegium.data.table import Category, DataSet, Feature, Task
from collegium.errors import DataError

GOOD = dataset(site("a", 9), site("b", 5, first_person=9))


def with_rows(**changes: Any) -> DataSet:
    return dataset(GOOD.sites[0], replace(GOOD.sites[1], **changes))


def with_target(task: Task, y: Any, event: str = "", columns: tuple[Feature, ...] = ()) -> DataSet:
    schema = replace(SCHEMA, task=task, classes=(), positive="", event=event)
    x = np.ones((len(y), 4 + len(columns)), np.float32)
    rows = replace(site("a", len(y)), y=np.asarray(y, np.float32), x=x)
    return dataset(rows, schema=replace(schema, features=(*SCHEMA.features, *columns)))


DAYS = Feature("days", "days", "exposure", "days")


def with_feature(feature: Feature) -> DataSet:
    return replace(GOOD, schema=replace(SCHEMA, features=(*SCHEMA.features[:2], feature)))


def test_a_good_data_set_passes() -> None:
    check_dataset(GOOD)
    check_dataset(with_target("count", [0, 3, 1], columns=(DAYS,)))
    check_dataset(with_target("survival", [[0, 1], [2.5, 0]], event="died_in_time"))


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (dataset(), "no site"),
        (dataset(site("a", 9), site("a", 5)), "two sites are named 'a'"),
        (dataset(site("a", 0)), "no rows"),
        (with_rows(x=np.zeros((5, 3), np.float32)), "x of site 'b' is float32 (5, 3)"),
        (with_rows(x=np.zeros((5, 4))), "x of site 'b' is float64"),
        (with_rows(x=np.full((5, 4), np.nan, np.float32)), "x of site 'b' holds a value"),
        (with_rows(y=np.full(5, 2)), "no class"),
        (with_rows(y=np.full(5, -1)), "no class"),
        (with_rows(y=np.zeros(5)), "y of site 'b' is float64"),
        (with_rows(y=np.zeros(4, np.int64)), "y of site 'b' is int64 (4,)"),
        (with_rows(person=np.zeros(5, np.int32)), "person of site 'b' is int32"),
        (with_rows(time=np.zeros((5, 1), np.int64)), "time of site 'b' is int64 (5, 1)"),
        (with_rows(time=np.zeros((5, 2))), "time of site 'b' is float64"),
        (with_rows(time=np.tile([3, 2], (5, 1))), "ends before it begins"),
        (replace(GOOD, unseen=(site("c", 0),)), "site 'c' has no rows"),
        (replace(GOOD, schema=replace(SCHEMA, features=())), "no feature"),
        (replace(GOOD, schema=replace(SCHEMA, target="age")), "two columns are named 'age'"),
        (replace(GOOD, schema=replace(SCHEMA, classes=("a", "b", "c"))), "3 classes"),
        (replace(GOOD, schema=replace(SCHEMA, task="multiclass")), "2 classes"),
        (replace(GOOD, schema=replace(SCHEMA, event="x")), "the column of events 'x'"),
        (with_target("survival", [[0, 1]]), "the column of events ''"),
        (with_target("survival", [[0, 1]], event="died"), "two columns are named 'died'"),
        (with_target("survival", [1, 2], event="e"), "y of site 'a' is float32 (2,)"),
        (with_target("survival", [[-1, 1]], event="e"), "a time below 0"),
        (with_target("survival", [[1, 2]], event="e"), "an event that is neither 0 nor 1"),
        (with_target("survival", [[1, np.inf]], event="e"), "not finite"),
        (with_target("count", [1, 0.5]), "no whole number"),
        (with_target("count", [1, -1]), "no whole number"),
        (with_target("count", [1], columns=(DAYS, replace(DAYS, name="d"))), "2 exposures"),
        (with_target("regression", [1], columns=(DAYS,)), "1 exposures"),
        (with_feature(Feature("w", "w", "numeric", scale=0.0)), "scale above 0"),
        (with_feature(Feature("w", "w", "numeric", center=float("inf"))), "finite center"),
        (
            with_feature(Feature("w", "w", "categorical", categories=(Category("1", "one"),))),
            "two or more different categories",
        ),
    ],
)
def test_what_contradicts_the_schema_is_named(bad: DataSet, says: str) -> None:
    with pytest.raises(DataError) as caught:
        check_dataset(bad)
    assert caught.value.code == "data.inconsistent"
    assert says in caught.value.why
