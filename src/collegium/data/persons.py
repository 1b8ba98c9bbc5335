"""Rows grouped by person, so that nobody is ever on both sides of a cut.

A data set with several rows of one person (windows of a wearable, stays of a patient) would
otherwise be tested on people it was trained on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collegium.data.table import SiteRows


@dataclass(frozen=True, slots=True, eq=False)
class Persons:
    """The persons behind rows, in the order of their first rows.

    `of_row` [rows] is the position of a row's person; `label` [persons] is the highest class
    that any row of the person has (for a binary task: ever positive), for survival 1 where an
    event was seen, 0 where there are no classes.
    """

    of_row: NDArray[np.int64]
    label: NDArray[np.int64]


def by_person(rows: SiteRows) -> Persons:
    """Group rows by person; where every row is another person, positions are the rows' own."""
    of_row = positions(rows.person)
    label = np.zeros(int(of_row.max(initial=-1)) + 1, dtype=np.int64)
    np.maximum.at(label, of_row, _labels(rows.y))
    return Persons(of_row, label)


def positions(person: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the persons of rows, [rows], numbered from 0 in the order of their first rows."""
    _, first, inverse = np.unique(person, return_index=True, return_inverse=True)
    position = np.empty(len(first), dtype=np.int64)
    position[np.argsort(first)] = np.arange(len(first))
    return np.asarray(position[inverse])


def _labels(y: NDArray[Any]) -> NDArray[np.int64]:
    """Return what rows are stratified by, int64 [rows]."""
    if y.ndim == 2 and y.shape[1] == 2:
        return np.asarray(y[:, 1], dtype=np.int64)
    return (
        y
        if y.ndim == 1 and np.issubdtype(y.dtype, np.integer)
        else np.zeros(len(y), dtype=np.int64)
    )
