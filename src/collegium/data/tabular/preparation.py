"""From a table to a model's inputs by what was agreed: the same numbers at every site.

A number or date enters as (value - mean) / standard deviation, at most eight to either side, and
a missing one as the median; a categorical column as indicators of its categories except the
first, and one for any other word. Where ten persons of a site miss a value, its absence is one
more input. Where the study's document describes the columns, it says what stands for mean,
standard deviation and median, and whether absence is an input.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from collegium.data.table import Feature, Schema, SiteRows, take
from collegium.data.tabular.agreed_preparation import FINE_BITS, AgreedColumn, AgreedPreparation
from collegium.data.tabular.columns import Column, as_numbers, as_words, canonical_word
from collegium.data.tabular.computing_statistics import numbers_of
from collegium.data.tabular.study_rows import StudyRows, target_words, time_of_rows
from collegium.errors import DataError

OTHER, ABSENT = "(other)", "(missing)"
FURTHEST = 8.0
"""Standard deviations from the mean beyond which values count as if they were there."""


def value_of(column: AgreedColumn, agreed: int) -> float:
    """Return an agreed number of a column in the column's unit; exact."""
    return float(np.ldexp(float(agreed), column.exponent - FINE_BITS))


def target_unit(agreement: AgreedPreparation) -> tuple[float, float] | None:
    """Return mean and standard deviation of a number to be predicted, None of anything else."""
    target = agreement.target
    if agreement.task != "regression" or not target.scale:
        return None
    return value_of(target, target.center), value_of(target, target.scale)


def input_schema(agreement: AgreedPreparation) -> Schema:
    """Return the inputs, each as a feature, and the question that the target answers."""
    features = [feature for column in agreement.columns for feature in inputs_of(column)]
    if isinstance(agreement.exposure, str):
        features.append(Feature(agreement.exposure, agreement.exposure, "exposure"))
    classes = () if agreement.task == "survival" else agreement.classes
    return Schema(
        features=tuple(features),
        target=agreement.target.name,
        task=agreement.task,
        classes=classes,
        event=agreement.event,
        positive=f"{agreement.target.name} is {classes[-1]}" if agreement.task == "binary" else "",
    )


def inputs_of(column: AgreedColumn) -> list[Feature]:
    """Return the inputs that a column becomes, in order."""
    name = column.name
    found = []
    if column.kind == "categorical":
        found = [
            Feature(f"{name}={word}", f"{name} is {word}", "binary")
            for word in column.categories[1:]
        ]
        found.append(Feature(f"{name} {OTHER}", f"{name} is none of these", "binary"))
    elif column.scale:
        unit = "days since 1970-01-01" if column.kind == "date" else column.unit
        center, scale = value_of(column, column.center), value_of(column, column.scale)
        found = [Feature(name, name, "numeric", unit, center, scale)]
    if column.missing:
        found.append(Feature(f"{name} {ABSENT}", f"{name} is missing", "binary"))
    return found


def encode_columns(
    agreement: AgreedPreparation, columns: Mapping[str, Column], rows: int
) -> NDArray[np.float32]:
    """Return a model's inputs, float32 [rows, inputs]; a column that is not there is missing.

    An exposure, which is there and above 0, enters last, as its logarithm.
    """
    blocks = [_inputs(column, columns.get(column.name), rows) for column in agreement.columns]
    if isinstance(agreement.exposure, str):
        blocks.append(np.log(as_numbers(columns[agreement.exposure]))[:, None])
    return np.concatenate(blocks, axis=1).astype(np.float32)


def _inputs(column: AgreedColumn, found: Column | None, rows: int) -> NDArray[np.float64]:
    if column.kind == "categorical":
        blocks, missing = _indicators(column, found, rows)
    else:
        values = np.full(rows, np.nan) if found is None else numbers_of(found, column.kind)
        missing = np.isnan(values)
        blocks = []
        if column.scale:
            center, scale = value_of(column, column.center), value_of(column, column.scale)
            filled = np.where(missing, value_of(column, column.median), within(column, values))
            blocks = [np.clip((filled - center) / scale, -FURTHEST, FURTHEST)[:, None]]
    if column.missing:
        blocks.append(missing[:, None].astype(np.float64))
    return np.concatenate(blocks, axis=1)


def check_unit(column: AgreedColumn, found: Column, why: str) -> None:
    """Refuse a column whose header names another unit than is known of it.

    Raises:
        DataError: ``data.units``.
    """
    if found.unit and column.unit and found.unit != column.unit:
        raise DataError(
            "data.units", f"column {column.name!r} is in {found.unit}", f"{why} {column.unit}",
            f"convert it to {column.unit}",
        )  # fmt: skip


def within(column: AgreedColumn, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return values moved to the nearer end where they are beyond what the study says of them."""
    if isinstance(column.lowest, int) and isinstance(column.highest, int):
        return np.clip(values, value_of(column, column.lowest), value_of(column, column.highest))
    return values


def _indicators(
    column: AgreedColumn, found: Column | None, rows: int
) -> tuple[list[NDArray[np.float64]], NDArray[np.bool_]]:
    at = positions(column, found, rows)
    missing = at == -2
    if not column.missing:
        at = np.where(missing, -1, at)
    numbers = np.arange(1, len(column.categories))
    return [
        (at[:, None] == numbers).astype(np.float64), (at == -1)[:, None].astype(np.float64)
    ], missing  # fmt: skip


def positions(column: AgreedColumn, found: Column | None, rows: int) -> NDArray[np.int64]:
    """Return each row's category by number; -1 for another word, -2 where it is missing."""
    if found is None:
        return np.full(rows, -2, np.int64)
    codes, words = as_words(found)
    known = {canonical_word(word): number for number, word in enumerate(column.categories)}
    table = np.array([*(known.get(canonical_word(word), -1) for word in words), -2], np.int64)
    return table[codes]


def agreed_labels(
    agreement: AgreedPreparation, studied: StudyRows
) -> tuple[NDArray[np.int64], list[str]]:
    """Return each row's agreed class by number, -1 for another one; and the words that occur."""
    found, words = target_words(studied.target if studied.event is None else studied.event)
    known = {word: number for number, word in enumerate(agreement.classes)}
    table = np.array([*(known.get(word, -1) for word in words), -1], np.int64)
    return table[found], words


def encode_study_rows(agreement: AgreedPreparation, studied: StudyRows, name: str) -> SiteRows:
    """Return a site's rows as a model sees them; rows of a class that was not agreed stay out.

    Raises:
        DataError: no row is left.
    """
    columns = dict(studied.table.columns)
    if studied.exposure is not None:
        columns[studied.exposure.name] = studied.exposure
    x = encode_columns(agreement, columns, studied.rows)
    values = as_numbers(studied.target).astype(np.float32)
    if agreement.task in ("regression", "count"):
        return SiteRows(name, x, values, studied.person, time_of_rows(studied))
    label, words = agreed_labels(agreement, studied)
    y = np.stack([values, label], axis=1).astype(np.float32) if agreement.event else label
    rows = SiteRows(name, x, y, studied.person, time_of_rows(studied))
    if (label >= 0).all():
        return rows
    if not (label >= 0).any():
        raise DataError(
            "data.classes", f"no row of {name} has a class that was agreed",
            f"agreed are {', '.join(agreement.classes)}; found {', '.join(words[:5])}",
            "write the target alike at every site, or name its values in data.source.classes",
        )  # fmt: skip
    return take(rows, label >= 0)
