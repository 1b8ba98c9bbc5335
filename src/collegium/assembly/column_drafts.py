"""Drafts of what a study's document is to say of its table's columns, from the table itself.

They save typing, not thought: a range that is taken from rows tells of those rows whoever reads the
document, so each has to be replaced by what is known without them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from math import ceil, floor, log10
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from collegium.assembly.tables import read_studied, table_path
from collegium.data.table import CLASSIFYING
from collegium.data.tabular.columns import Column
from collegium.data.tabular.computing_statistics import (
    looks_like_identifier,
    numbers_of,
    shared_words,
)
from collegium.data.tabular.study_rows import absence_first, class_order, target_words
from collegium.errors import DataError
from collegium.study.columns import MOST_CATEGORIES
from collegium.study.document import Data, Study
from collegium.study.rendering import toml_key, toml_value
from collegium.study.tables import task_of

RELEASED = (
    "these ranges and categories are of the table's rows: registering them releases something about"
    " those rows that no epsilon covers. Replace each by what is known without them, such as a"
    " form, a device's range or a published cohort"
)


def column_drafts(study: Study, folder: Path) -> Iterator[str]:
    """Yield lines of TOML for the columns of a study's table that its document does not describe.

    Args:
        study: the document, which may lack them.
        folder: of its file.

    Raises:
        DataError: the study has no table, or it cannot be read.
    """
    source = study.data.source
    if isinstance(source, str):
        raise DataError(
            "data.no-columns", f"{source} has a schema of its own",
            "columns are described of a table of one's own",
            'name one: source = { table = "cohort.csv", … }',
        )  # fmt: skip
    known, task = study.data.columns or {}, task_of(study)
    studied = read_studied(
        source, msgspec.structs.replace(study, data=Data(source=source)),
        table_path(source, folder), alone=None,
    )  # fmt: skip
    yield "# " + RELEASED
    if not source.classes and task in (*CLASSIFYING, "survival"):
        named = studied.target if studied.event is None else studied.event
        words = absence_first(class_order(target_words(named)[1]))
        yield f"# in data.source, the positive one last: classes = {toml_value(list(words))}"
    numbers = [] if task in CLASSIFYING else [studied.target]
    numbers += [] if studied.exposure is None else [studied.exposure]
    for column in numbers:
        if column.name not in known:
            yield from _of_values(column, numbers_of(column, "numeric"), "numeric")
    for name, column in sorted(studied.table.columns.items()):
        if name not in known:
            yield from _draft(column, studied.person, source.smallest)


def _draft(column: Column, person: NDArray[np.int64], smallest: int) -> Iterator[str]:
    """Yield a column's description, or why it has none: then it is not looked at."""
    if column.kind == "categorical":
        words = class_order(shared_words(column, person, smallest))
        if 0 < len(words) <= MOST_CATEGORIES:
            yield ""
            yield f"[data.columns.{toml_key(column.name)}]"
            yield f"categories = {toml_value(words)}"
        else:
            yield f"# {toml_key(column.name)}: no list of categories"
        return
    kind = "date" if column.kind == "date" else "numeric"
    values = numbers_of(column, kind)
    present = ~np.isnan(values)
    few = len(np.unique(values[present])) < 2
    if few or (kind == "numeric" and looks_like_identifier(column.name, values[present])):
        yield f"# {toml_key(column.name)}: {'one value' if few else 'an identifier'}"
        return
    yield from _of_values(column, values, kind)
    if len(np.unique(person[~present])) >= smallest:
        yield "missing = true"


def _of_values(column: Column, values: NDArray[np.float64], kind: str) -> Iterator[str]:
    low, high = _outward(float(np.nanmin(values)), float(np.nanmax(values)))
    yield ""
    yield f"[data.columns.{toml_key(column.name)}]"
    if kind == "date":
        days = [datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day) for day in (low, high)]
        yield f"dates = {toml_value([day.date().isoformat() for day in days])}"
        return
    yield f"range = {toml_value([_short(low), _short(high)])}"
    if column.unit:
        yield f"unit = {toml_value(column.unit)}"


def _outward(low: float, high: float) -> tuple[float, float]:
    """Return a range around another one, with ends that are round for its width."""
    step = 10.0 ** floor(log10(max(high - low, 1e-9))) / 5
    return floor(low / step) * step, ceil(high / step) * step


def _short(value: float) -> int | float:
    rounded = float(f"{value:.12g}")
    return int(rounded) if rounded.is_integer() else rounded
