"""Whether a data set is what its schema says: for loaders that other packages bring.

A mistake in a loader should be found by name before the first round, not as a broadcast error
in the middle of training.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collegium.data.table import CLASSIFYING, DataSet, Schema, SiteRows, input_names, target_columns
from collegium.errors import DataError


def check_dataset(dataset: DataSet) -> None:
    """Check names, shapes, types and values of all rows.

    Raises:
        DataError: the first thing that contradicts the schema.
    """
    faults = [*_schema_faults(dataset.schema)]
    if not dataset.sites:
        faults.append("it has no site")
    faults += [
        f"two sites are named {name!r}"
        for name, count in Counter(rows.name for rows in dataset.sites).items()
        if count > 1
    ]
    if not faults:
        held = (*dataset.sites, *dataset.unseen)
        faults = [fault for rows in held for fault in _row_faults(dataset.schema, rows)]
    if faults:
        raise DataError(
            "data.inconsistent",
            f"data set {dataset.name!r} is not what its schema says",
            faults[0],
            "repair the loader that brings the data set",
        )


def _schema_faults(schema: Schema) -> Iterator[str]:
    if not schema.features:
        yield "it has no feature"
    columns = [*(feature.name for feature in schema.features), *target_columns(schema)]
    for name, count in Counter(columns).items():
        if count > 1:
            yield f"two columns are named {name!r}"
    for feature in schema.features:
        codes = [category.code for category in feature.categories]
        if feature.kind == "categorical" and (len(codes) < 2 or len(set(codes)) < len(codes)):
            yield f"feature {feature.name!r} needs two or more different categories"
        if not (np.isfinite(feature.center) and np.isfinite(feature.scale) and feature.scale > 0):
            yield f"feature {feature.name!r} needs a finite center and a scale above 0"
    exposures = sum(feature.kind == "exposure" for feature in schema.features)
    if exposures > (schema.task == "count"):
        yield f"a {schema.task} task cannot have {exposures} exposures"
    if (schema.task == "survival") != bool(schema.event):
        yield f"a {schema.task} task cannot have the column of events {schema.event!r}"
    expected = 2 if schema.task == "binary" else max(3, len(schema.classes))
    if len(schema.classes) != (expected if schema.task in CLASSIFYING else 0):
        yield f"a {schema.task} task cannot have {len(schema.classes)} classes"


def _row_faults(schema: Schema, rows: SiteRows) -> Iterator[str]:
    where = f"site {rows.name!r}"
    count = len(rows.x)
    shape = (count, len(input_names(schema)))
    if count == 0:
        yield f"{where} has no rows"
    if rows.x.shape != shape or rows.x.dtype != np.float32:
        yield f"x of {where} is {rows.x.dtype} {rows.x.shape}, not float32 {shape}"
    elif not np.isfinite(rows.x).all():
        yield f"x of {where} holds a value that is not finite"
    wanted = np.int64 if schema.task in CLASSIFYING else np.float32
    several = {"survival": 2, "segmentation": shape[1]}.get(schema.task)
    answers = (count,) if several is None else (count, several)
    if rows.y.shape != answers or rows.y.dtype != wanted:
        yield f"y of {where} is {rows.y.dtype} {rows.y.shape}, not {wanted.__name__} {answers}"
    elif count:
        yield from (f"y of {where} holds {what}" for what in _target_faults(schema, rows.y))
    if rows.person.shape != (count,) or rows.person.dtype != np.int64:
        yield f"person of {where} is {rows.person.dtype} {rows.person.shape}, not int64 ({count},)"
    yield from _time_faults(where, rows)
    published = rows.published
    if published is not None and (published.shape != (count,) or published.dtype != np.bool_):
        yield f"published of {where} is {published.dtype} {published.shape}, not bool ({count},)"


def _time_faults(where: str, rows: SiteRows) -> Iterator[str]:
    time, shape = rows.time, (len(rows.x), 2)
    if time is None:
        return
    if time.shape != shape or time.dtype != np.int64:
        yield f"time of {where} is {time.dtype} {time.shape}, not int64 {shape}"
    elif (time[:, 0] > time[:, 1]).any():
        yield f"time of {where} has a row that ends before it begins"


def _target_faults(schema: Schema, y: NDArray[Any]) -> Iterator[str]:
    if schema.task in CLASSIFYING:
        if not (y.min() >= 0 and y.max() < len(schema.classes)):
            yield "a number that is no class"
    elif not np.isfinite(y).all():
        yield "a value that is not finite"
    elif schema.task == "count" and not ((y >= 0) & (y == np.floor(y))).all():
        yield "a value that is no whole number, 0 or more"
    elif schema.task == "segmentation" and not np.isin(y, (0, 1)).all():
        yield "a pixel that is neither 0 nor 1"
    elif schema.task == "survival" and not (y[:, 0] >= 0).all():
        yield "a time below 0"
    elif schema.task == "survival" and not np.isin(y[:, 1], (0, 1)).all():
        yield "an event that is neither 0 nor 1"
