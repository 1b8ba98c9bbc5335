"""One site's rows as a CSV file: what a hospital's node reads, and what a trial writes for it.

The columns are the schema's features and its target (of survival: the time and the event). A class
is written by its name or by its number, counted from 0. A further column may tell which rows belong
to one person; its cells are only compared with each other and never leave the site. Two more may
hold the first and the last moment that a row is about, and one which rows are the published test
part.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collegium.data.reading import NUMBER, Cells, read_cells
from collegium.data.table import (
    CLASSIFYING,
    Feature,
    Schema,
    SiteRows,
    Task,
    encode,
    target_columns,
)
from collegium.errors import DataError

PERSON = "person"
"""What `site_table` calls the column of persons."""

TIME = ("begins", "ends")
PUBLISHED = "published"
"""What it calls the columns of times and of the published test part, where rows have them."""

SEVERAL: frozenset[Task] = frozenset({"survival", "segmentation"})
"""Tasks with more than one column of answers."""

_DIGITS = 17
"""Significant digits that tell any binary64 from its neighbors."""


def read_site(
    path: Path,
    schema: Schema,
    name: str,
    person: str | None = None,
    *,
    time: tuple[str, str] | None = None,
    published: str | None = None,
) -> SiteRows:
    """Read a site's rows, in the order of the file.

    Args:
        path: a CSV file; what `data.reading.read_table` says of it holds here too.
        schema: what its columns mean.
        name: the site's name.
        person: the column that is equal in all rows of one person; if absent, every row is of
            another person.
        time: the columns of each row's first and last moment, whole numbers on one clock.
        published: the column that is 1 in the rows of the published test part, else 0.

    Raises:
        DataError: what is wrong with the file, with row and column where there is one.
    """
    more = (person, *(time or ()), published)
    besides = (*target_columns(schema), *(one for one in more if one is not None))
    cells = read_cells(path, schema, besides)
    x = encode(schema, {feature.name: cells.column(feature) for feature in schema.features})
    persons = np.arange(len(x), dtype=np.int64)
    if person is not None:
        persons = _numbered([text for _, text in cells.of(person)])
    moments, tested = None, None
    if time is not None:
        both = [cells.column(Feature(one, one, "numeric")) for one in time]
        moments = np.stack(both, axis=1).astype(np.int64)
    if published is not None:
        tested = cells.column(Feature(published, published, "binary")).astype(np.float64) == 1
    return SiteRows(name, x, _targets(schema, cells), persons, moments, tested)


def _targets(schema: Schema, cells: Cells) -> NDArray[np.int64] | NDArray[np.float32]:
    if schema.task not in CLASSIFYING:
        masks = schema.task == "segmentation"
        numbers_of = [
            cells.column(Feature(name, name, "binary" if place or masks else "numeric"))
            for place, name in enumerate(target_columns(schema))
        ]
        together = np.stack(numbers_of, axis=1).astype(np.float32)
        return together if schema.task in SEVERAL else together[:, 0]
    column = cells.of(schema.target)
    numbers = {str(number): number for number in range(len(schema.classes))}
    known = numbers | {name: number for number, name in enumerate(schema.classes)}
    found = np.empty(len(column), dtype=np.int64)
    for row, (line, text) in enumerate(column):
        number = known.get(text)
        if number is None and NUMBER.fullmatch(text) and float(text).is_integer():
            number = numbers.get(str(int(float(text))))
        if number is None:
            raise DataError(
                "data.value",
                f"row {row + 1} (line {line}), column {schema.target!r}: {text[:40]!r} is no class",
                f"the classes are, from 0 on: {', '.join(schema.classes)}",
                "write the class's name or number, or leave the row out",
            )
        found[row] = number
    return found


def _numbered(texts: list[str]) -> NDArray[np.int64]:
    """Return a number for each text, the same for equal ones, in order of appearance."""
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(text, len(numbers)) for text in texts], dtype=np.int64)


def site_table(schema: Schema, rows: SiteRows) -> str:
    """Return a site's rows as CSV, from which `read_site` makes the same inputs, bit for bit.

    Cells are as a hospital has them, in the feature's unit and as short as possible; persons
    are in the column `PERSON`, numbered from 0, and what rows have besides in `TIME` and
    `PUBLISHED`.

    Raises:
        DataError: an input is not one that the schema makes.
    """
    columns: list[list[str]] = []
    at = 0
    for feature in schema.features:
        width = len(feature.categories) - 1 if feature.kind == "categorical" else 1
        inputs = rows.x[:, at : at + width]
        columns.append(_cells(feature, inputs))
        at += width
    answers = rows.y.T if schema.task in SEVERAL else rows.y[None]
    columns += [[_target(schema, value) for value in answer.tolist()] for answer in answers]
    columns.append([str(number) for number in _numbered([str(one) for one in rows.person])])
    names = [*(feature.name for feature in schema.features), *target_columns(schema), PERSON]
    if rows.time is not None:
        columns += [[str(moment) for moment in moments] for moments in rows.time.T.tolist()]
        names += TIME
    if rows.published is not None:
        columns.append([str(int(one)) for one in rows.published.tolist()])
        names.append(PUBLISHED)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(zip(*columns, strict=True))
    return text.getvalue()


def _target(schema: Schema, value: float) -> str:
    if schema.task in CLASSIFYING:
        return schema.classes[int(value)]
    return repr(value).removesuffix(".0")


def _cells(feature: Feature, inputs: NDArray[np.float32]) -> list[str]:
    """Return for each row the shortest cell that becomes its inputs."""
    if feature.kind == "categorical":
        hit = np.where(inputs.any(axis=1), inputs.argmax(axis=1) + 1, 0)
        cells = [feature.categories[place].code for place in hit.tolist()]
        found = _becomes(feature, np.array(cells), inputs)
    elif feature.kind == "binary":
        cells = [str(int(value)) for value in inputs[:, 0].tolist()]
        found = _becomes(feature, np.array(cells, dtype=np.float64), inputs)
    else:
        cells, found = _numbers(feature, inputs)
    if not found.all():
        raise DataError(
            "data.inconsistent",
            f"an input of {feature.name!r} has no cell that becomes it again",
            "the data set holds inputs that its own schema does not make",
            "repair the loader that brings the data set",
        )
    return cells


def _numbers(feature: Feature, inputs: NDArray[np.float32]) -> tuple[list[str], NDArray[np.bool_]]:
    """Return each number with as few digits as will do, and for which rows some will."""
    exact = inputs[:, 0].astype(np.float64) * feature.scale + feature.center
    if feature.kind == "exposure":
        exact = np.exp(inputs[:, 0].astype(np.float64))
    cells = [""] * len(exact)
    missing = np.arange(len(exact))
    for digits in range(1, _DIGITS + 1):
        rounded = [float(f"{value:.{digits}g}") for value in exact[missing].tolist()]
        hit = _becomes(feature, np.array(rounded), inputs[missing])
        for place, row in zip(np.flatnonzero(hit).tolist(), missing[hit].tolist(), strict=True):
            cells[row] = repr(rounded[place]).removesuffix(".0")
        missing = missing[~hit]
        if not len(missing):
            break
    found = np.ones(len(exact), dtype=np.bool_)
    found[missing] = False
    return cells, found


def _becomes(
    feature: Feature, values: NDArray[Any], inputs: NDArray[np.float32]
) -> NDArray[np.bool_]:
    """Return which values the schema turns into these inputs, [rows]."""
    made = encode(Schema((feature,), "", "regression"), {feature.name: values})
    return np.asarray((made == inputs).all(axis=1))
