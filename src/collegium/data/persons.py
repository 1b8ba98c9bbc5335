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
    that any row of the person has (for a binary task: ever positive), 0 in a regression.
    """

    of_row: NDArray[np.int64]
    label: NDArray[np.int64]


def by_person(rows: SiteRows) -> Persons:
    """Group rows by person; where every row is another person, positions are the rows' own."""
    _, first, inverse = np.unique(rows.person, return_index=True, return_inverse=True)
    position = np.empty(len(first), dtype=np.int64)
    position[np.argsort(first)] = np.arange(len(first))
    of_row = position[inverse]
    label = np.zeros(len(first), dtype=np.int64)
    if _classes(rows.y):
        np.maximum.at(label, of_row, rows.y)
    return Persons(of_row, label)


def _classes(y: NDArray[Any]) -> bool:
    return bool(np.issubdtype(y.dtype, np.integer))
