"""Whether a data set is what its schema says: for loaders that other packages bring.

A mistake in a loader should be found by name before the first round, not as a broadcast error
in the middle of training.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np

from collegium.data.table import DataSet, Schema, SiteRows, input_names
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
    for name, count in Counter([f.name for f in schema.features] + [schema.target]).items():
        if count > 1:
            yield f"two columns are named {name!r}"
    for feature in schema.features:
        codes = [category.code for category in feature.categories]
        if feature.kind == "categorical" and (len(codes) < 2 or len(set(codes)) < len(codes)):
            yield f"feature {feature.name!r} needs two or more different categories"
        if not (np.isfinite(feature.center) and np.isfinite(feature.scale) and feature.scale > 0):
            yield f"feature {feature.name!r} needs a finite center and a scale above 0"
    expected = {"binary": 2, "regression": 0}.get(schema.task, max(3, len(schema.classes)))
    if len(schema.classes) != expected:
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
    wanted = np.float32 if schema.task == "regression" else np.int64
    if rows.y.shape != (count,) or rows.y.dtype != wanted:
        yield f"y of {where} is {rows.y.dtype} {rows.y.shape}, not {wanted.__name__} ({count},)"
    elif schema.task == "regression":
        if not np.isfinite(rows.y).all():
            yield f"y of {where} holds a value that is not finite"
    elif count and not (rows.y.min() >= 0 and rows.y.max() < len(schema.classes)):
        yield f"y of {where} holds a number that is no class"
    if rows.person.shape != (count,) or rows.person.dtype != np.int64:
        yield f"person of {where} is {rows.person.dtype} {rows.person.shape}, not int64 ({count},)"
    yield from _time_faults(where, rows)


def _time_faults(where: str, rows: SiteRows) -> Iterator[str]:
    time, shape = rows.time, (len(rows.x), 2)
    if time is None:
        return
    if time.shape != shape or time.dtype != np.int64:
        yield f"time of {where} is {time.dtype} {time.shape}, not int64 {shape}"
    elif (time[:, 0] > time[:, 1]).any():
        yield f"time of {where} has a row that ends before it begins"
