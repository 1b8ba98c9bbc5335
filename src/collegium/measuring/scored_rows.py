"""The test rows of a finished simulation, with what its model says of each.

Only one process that held everybody's rows can tell them. Where members are others, each has its
own rows, and this has none to show.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from collegium.assembly.tables import table_path
from collegium.data.table import Schema
from collegium.data.tabular.preparation import agreed_labels
from collegium.data.tabular.reading import cells_as_written
from collegium.errors import RunError
from collegium.measuring.scoring import ScoredRun, score_run
from collegium.study.document import TableSource


@dataclass(frozen=True, slots=True)
class ScoredRow:
    """A test row: its site, its number from 1, its IDs, its true values and its scores.

    `row` counts the rows of the table; of a registered data set, those of the site's test part.
    `true` is the class in words or the number; of survival the time, and 1 for an event.
    """

    site: str
    row: int
    ids: tuple[str, ...]
    true: tuple[str | float, ...]
    scores: tuple[float, ...]


def scored_rows(folder: Path, ids: Sequence[str] = ()) -> tuple[Schema, tuple[ScoredRow, ...]]:
    """Return the schema and test rows of a run of a simulation, after verifying it.

    Args:
        folder: the run.
        ids: columns of the study's table to tell beside them, as they are written.

    Raises:
        CollegiumError: it is no finished simulation, cannot be scored, or has no such column.
    """
    one = score_run(folder)
    schema = one.prepared.dataset.schema
    if not one.simulated or schema.task == "segmentation":
        why = "its members hold their own rows" if not one.simulated else "a row is a picture"
        raise RunError(
            "model.no-test-rows", f"{folder} has no test rows to write", why,
            "ask for those of a simulation; each member has its own",
        )  # fmt: skip
    cells = _cells(one, ids)
    found = []
    for name, rows in one.prepared.test.items():
        for number, place in enumerate(_places(one, name)):
            found.append(ScoredRow(
                name, int(place) + 1, tuple(column[place] for column in cells),
                _true(schema, rows.y[number]), tuple(map(float, one.scores[name][number])),
            ))  # fmt: skip
    return schema, tuple(found)


def _places(one: ScoredRun, name: str) -> NDArray[np.int64]:
    table = one.prepared.table
    if table is None:
        return np.arange(len(one.prepared.test[name].y))
    part = table.parts[name].test
    if not table.agreement.classes:
        return part.place
    return part.place[agreed_labels(table.agreement, part)[0] >= 0]


def _cells(one: ScoredRun, ids: Sequence[str]) -> list[tuple[str, ...]]:
    source, table = one.study.data.source, one.prepared.table
    if not ids:
        return []
    if table is None or not isinstance(source, TableSource):
        raise RunError(
            "model.no-test-rows", "rows of a registered data set have no ID column",
            "they are numbered in each site's test part", "leave --id out",
        )  # fmt: skip
    path = table_path(source, one.prepared.read.folder)
    return list(cells_as_written(path, ids, by_row=table.agreement.step == 0).values())


def _true(schema: Schema, value: NDArray[np.generic]) -> tuple[str | float, ...]:
    if schema.classes and schema.task != "survival":
        return (schema.classes[int(value)],)
    return tuple(float(one) for one in np.atleast_1d(value))
