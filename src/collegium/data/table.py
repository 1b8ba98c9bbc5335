"""Tables of patients as a data set's schema describes them, and their way into model inputs.

A schema is registered with its data set: the centers and scales of its numeric features are
constants that a clinician could have written down beforehand, never estimates from rows. So
preparing inputs needs no statistic of any site, and a released model carries its preparation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from collegium.errors import DataError

Task = Literal["binary", "multiclass", "ordinal", "regression", "count", "survival", "segmentation"]
"""What a target is: one of two classes, of several, of several in order; a number; how often
something happened; when it happened, if it did while somebody looked (right-censored); or which
pixels of an image belong to something."""

CLASSIFYING: frozenset[Task] = frozenset({"binary", "multiclass", "ordinal"})
"""Tasks whose target is a class."""


@dataclass(frozen=True, slots=True)
class Category:
    """One value of a categorical feature: its code in a table and what the code means."""

    code: str
    title: str


@dataclass(frozen=True, slots=True)
class Feature:
    """One column of a table.

    A numeric feature enters a model as (value - center) / scale, both in its unit; a binary
    one as 0 or 1; a categorical one as indicators of its categories except the first, which
    is the reference (an intercept already stands for it). An exposure, such as a time under
    observation, enters the model of a count as the logarithm of its value, with the fixed
    coefficient 1: twice the time, twice the events.
    """

    name: str
    title: str
    kind: Literal["numeric", "binary", "categorical", "exposure"]
    unit: str = ""
    center: float = 0.0
    scale: float = 1.0
    categories: tuple[Category, ...] = ()


@dataclass(frozen=True, slots=True)
class Schema:
    """The columns of a table, and the question that its target column answers.

    `classes` names the classes in the order of their numbers, from the least to the most for
    an ordinal task, none for a task that has no classes; `positive` puts in words what class 1
    of a binary task means. In a survival task `target` is the column of times and `event` that
    of what ended them: 1 where the event was seen, 0 where observation ended before it. In a
    segmentation every feature is a pixel, row by row, and has a column of answers: the target's
    name, ``_`` and the feature's.
    """

    features: tuple[Feature, ...]
    target: str
    task: Task
    classes: tuple[str, ...] = ()
    positive: str = ""
    event: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class SiteRows:
    """The rows of one site.

    `x` is float32 [rows, inputs], already encoded; `y` is int64 class numbers [rows], float32
    values [rows] for a regression or a count, or float32 [rows, 2] for survival: the time, 0 or
    more, and 1 where the event was seen at that time, 0 where observation ended then, or float32
    [rows, inputs] for a segmentation, 1 in pixels that belong to the target; `person`
    is int64 [rows] and has the same number wherever rows belong to the same person, at any site
    of the data set. `time` is int64 [rows, 2], the first and the last moment that a row is about,
    on the person's own clock, where there is one: the samples of a window, or the day of a forecast
    and the day that it is for. `published` is bool [rows]: the test part that others have tested
    on before, where the data came with one.
    """

    name: str
    x: NDArray[np.float32]
    y: NDArray[Any]
    person: NDArray[np.int64]
    time: NDArray[np.int64] | None = None
    published: NDArray[np.bool_] | None = None


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One original file of a data set: its SHA-256 in hex, its address, its size in bytes.

    A file that the package brings needs no address. Without a SHA-256 it is known by what is
    made of it (`originals.Derived`).
    """

    name: str
    sha256: str
    url: str = ""
    size: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class DataSet:
    """A registered data set: its rows by natural site, and what one must know to cite it.

    `unseen` are rows that no site holds: an evaluator keeps them, by name as sites are. `made_up`
    says how the natural sites were made where nobody is behind them, `caution` what a study of
    these rows must not forget. `target_unit` are a number's usual value and spread, in which models
    learn it; None where that is 0 and 1.
    """

    name: str
    title: str
    schema: Schema
    sites: tuple[SiteRows, ...]
    license: str
    citation: str
    url: str
    files: tuple[SourceFile, ...]
    unseen: tuple[SiteRows, ...] = ()
    made_up: str = ""
    caution: str = ""
    target_unit: tuple[float, float] | None = None


def input_names(schema: Schema) -> tuple[str, ...]:
    """Return the name of each model input in order, such as ``age`` or ``cp=4``."""
    return tuple(
        name
        for feature in schema.features
        for name in (
            [f"{feature.name}={category.code}" for category in feature.categories[1:]]
            if feature.kind == "categorical"
            else [feature.name]
        )
    )


def target_columns(schema: Schema) -> tuple[str, ...]:
    """Return the columns of a table that hold the answer: the target, and a survival's event."""
    if schema.task == "segmentation":
        return tuple(f"{schema.target}_{feature.name}" for feature in schema.features)
    return (schema.target, schema.event) if schema.task == "survival" else (schema.target,)


def in_words(names: Sequence[str], most: int = 60) -> str:
    """Return names for a message; of very many, as an image has, only the first."""
    if len(names) <= most:
        return ", ".join(names)
    return f"{', '.join(names[:12])} and {len(names) - 12} more"


def exposure_input(schema: Schema) -> int | None:
    """Return which input is the logarithm of an exposure, or None."""
    names = [feature.name for feature in schema.features if feature.kind == "exposure"]
    return input_names(schema).index(names[0]) if names else None


def encode(schema: Schema, columns: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
    """Turn raw columns into model inputs, float32 [rows, inputs], alike on every machine.

    Args:
        schema: says what the columns are.
        columns: by feature name: codes as text [rows] for categorical features, numbers
            [rows] for others. Other columns are ignored.

    Raises:
        DataError: a column is missing or of another length, or a value is not one that the
            schema allows; the first bad row is given, counted from 1.
    """
    absent = [feature.name for feature in schema.features if feature.name not in columns]
    if absent:
        raise DataError(
            "data.missing-column",
            f"the table has no column {absent[0]!r}",
            f"the model's inputs are made from {in_words([f.name for f in schema.features])}",
            "add the column under exactly that name",
        )
    rows = len(columns[schema.features[0].name])
    blocks = []
    for feature in schema.features:
        column = np.asarray(columns[feature.name])
        if column.shape != (rows,):
            raise DataError(
                "data.ragged",
                f"column {feature.name!r} has shape {column.shape} where ({rows},) is expected",
                "all columns of a table have one value a row",
                "give every column the same number of values",
            )
        blocks.append(_inputs(feature, column))
    return np.concatenate(blocks, axis=1)


def _inputs(feature: Feature, column: NDArray[Any]) -> NDArray[np.float32]:
    """Return the inputs that one feature makes, [rows, 1] or [rows, categories - 1]."""
    if feature.kind == "categorical":
        codes = np.array([category.code for category in feature.categories])
        hit = column[:, None].astype(np.str_) == codes
        _demand(feature, column, hit.any(axis=1), f"is none of {', '.join(codes)}")
        indicators: NDArray[np.float32] = hit[:, 1:].astype(np.float32)
        return indicators
    try:
        values = column.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(
            "data.not-a-number",
            f"column {feature.name!r} holds something that is not a number",
            str(error),
            "give numbers; a missing value must be completed or its row left out",
        ) from error
    if feature.kind == "binary":
        _demand(feature, column, (values == 0) | (values == 1), "is neither 0 nor 1")
        return values[:, None].astype(np.float32)
    if feature.kind == "exposure":
        _demand(feature, column, (values > 0) & (values < np.inf), "is no number above 0")
        return np.log(values)[:, None].astype(np.float32)
    largest = float(np.finfo(np.float32).max)
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = (values - feature.center) / feature.scale
    _demand(feature, column, np.abs(scaled) <= largest, "is not a number a model can take")
    return scaled[:, None].astype(np.float32)


def _demand(feature: Feature, column: NDArray[Any], good: NDArray[np.bool_], why: str) -> None:
    """Refuse a column with the first of its values that is not good."""
    if good.all():
        return
    row = int(np.argmin(good))
    raise DataError(
        "data.value",
        f"row {row + 1}, column {feature.name!r}: {str(column[row])[:40]!r} {why}",
        f"{feature.title} is {feature.kind}" + (f", in {feature.unit}" if feature.unit else ""),
        "correct the value, or leave the row out",
    )


def take(rows: SiteRows, which: NDArray[Any], name: str | None = None) -> SiteRows:
    """Return those rows that a mask or an array of positions picks, under a new name if given."""
    return SiteRows(
        rows.name if name is None else name, rows.x[which], rows.y[which], rows.person[which],
        None if rows.time is None else rows.time[which],
        None if rows.published is None else rows.published[which],
    )  # fmt: skip


def together(name: str, parts: Sequence[SiteRows]) -> SiteRows:
    """Return the rows of several sites in one, with what all parts have of times and test parts."""
    times = [rows.time for rows in parts if rows.time is not None]
    published = [rows.published for rows in parts if rows.published is not None]
    return SiteRows(
        name,
        np.concatenate([rows.x for rows in parts]),
        np.concatenate([rows.y for rows in parts]),
        np.concatenate([rows.person for rows in parts]),
        np.concatenate(times) if len(times) == len(parts) else None,
        np.concatenate(published) if len(published) == len(parts) else None,
    )
