"""One site's rows as a CSV file: what a hospital's node reads, and what a trial writes for it.

The columns are the schema's features and its target (of survival: the time and the event). A class
is written by its name or by its number, counted from 0. A further column may tell which rows belong
to one person; its cells are only compared with each other and never leave the site.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from collegium.data.reading import NUMBER, Cells, read_cells
from collegium.data.table import CLASSIFYING, Feature, Schema, SiteRows, encode, target_columns
from collegium.errors import DataError

PERSON = "person"
"""What `site_table` calls the column of persons."""

_DIGITS = 17
"""Significant digits that tell any binary64 from its neighbors."""


def read_site(path: Path, schema: Schema, name: str, person: str | None = None) -> SiteRows:
    """Read a site's rows, in the order of the file.

    Args:
        path: a CSV file; what `data.reading.read_table` says of it holds here too.
        schema: what its columns mean.
        name: the site's name.
        person: the column that is equal in all rows of one person; if absent, every row is of
            another person.

    Raises:
        DataError: what is wrong with the file, with row and column where there is one.
    """
    besides = (*target_columns(schema), *([person] if person is not None else []))
    cells = read_cells(path, schema, besides)
    x = encode(schema, {feature.name: cells.column(feature) for feature in schema.features})
    persons = np.arange(len(x), dtype=np.int64)
    if person is not None:
        persons = _numbered([text for _, text in cells.of(person)])
    return SiteRows(name, x, _targets(schema, cells), persons)


def _targets(schema: Schema, cells: Cells) -> NDArray[np.int64] | NDArray[np.float32]:
    column = cells.of(schema.target)
    if schema.task not in CLASSIFYING:
        numbers_of = [
            cells.column(Feature(name, name, "numeric" if place == 0 else "binary"))
            for place, name in enumerate(target_columns(schema))
        ]
        together = np.stack(numbers_of, axis=1).astype(np.float32)
        return together if schema.task == "survival" else together[:, 0]
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
    are in the column `PERSON`, numbered from 0.

    Raises:
        DataError: an input is not one that the schema makes.
    """
    columns: list[list[str]] = []
    at = 0
    for feature in schema.features:
        width = len(feature.categories) - 1 if feature.kind == "categorical" else 1
        inputs = rows.x[:, at : at + width]
        columns.append([_cell(feature, inputs[row]) for row in range(len(inputs))])
        at += width
    answers = rows.y.T if schema.task == "survival" else rows.y[None]
    columns += [[_target(schema, value) for value in answer.tolist()] for answer in answers]
    columns.append([str(number) for number in _numbered([str(one) for one in rows.person])])
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        [*(feature.name for feature in schema.features), *target_columns(schema), PERSON]
    )
    writer.writerows(zip(*columns, strict=True))
    return text.getvalue()


def _target(schema: Schema, value: float) -> str:
    if schema.task in CLASSIFYING:
        return schema.classes[int(value)]
    return repr(value).removesuffix(".0")


def _cell(feature: Feature, inputs: NDArray[np.float32]) -> str:
    """Return the shortest cell that becomes these inputs."""
    if feature.kind == "categorical":
        (hits,) = np.nonzero(inputs)
        cell = feature.categories[int(hits[0]) + 1 if len(hits) else 0].code
        tried = [cell]
    elif feature.kind == "binary":
        tried = [str(int(inputs[0]))]
    else:
        exact = float(inputs[0]) * feature.scale + feature.center
        if feature.kind == "exposure":
            exact = float(np.exp(np.float64(inputs[0])))
        rounded = (float(f"{exact:.{digits}g}") for digits in range(1, _DIGITS + 1))
        tried = [repr(number).removesuffix(".0") for number in rounded]
    schema = Schema((feature,), "", "regression")
    for cell in tried:
        value = cell if feature.kind == "categorical" else float(cell)
        if np.array_equal(encode(schema, {feature.name: np.array([value])})[0], inputs):
            return cell
    raise DataError(
        "data.inconsistent",
        f"an input of {feature.name!r} has no cell that becomes it again",
        "the data set holds inputs that its own schema does not make",
        "repair the loader that brings the data set",
    )
