"""Numbers that stand for no value, as -9999 does: far outside a column's rest, and frequent."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from collegium.assembly.tables import CutTable
from collegium.data.table import in_words
from collegium.data.tabular.computing_statistics import numbers_of
from collegium.study.english import Value
from collegium.study.notice import Notice

FEWEST = 10
"""Rows with the same value below which it may be one mistake."""

FAR = 4.0
"""So many standard deviations, by the quartiles of the rest, are no value of theirs."""

_OF_NORMAL = 1.349
"""Standard deviations between a normal distribution's quartiles."""


def about_stand_ins(table: CutTable) -> tuple[Notice, ...]:
    """Return a warning of numbers in a table's inputs that most likely stand for none."""
    names = []
    for column in table.agreement.columns:
        if column.kind != "numeric":
            continue
        found = [one.table.columns.get(column.name) for one in table.whole.values()]
        known = [numbers_of(one, column.kind) for one in found if one is not None]
        values = np.concatenate([*known, np.empty(0)])
        names += [f"{column.name} = {one:g}" for one in stand_ins(values[~np.isnan(values)])]
    if not names:
        return ()
    told: dict[str, Value] = {
        "case": "one" if len(names) == 1 else "several", "names": in_words(names, 6),
    }  # fmt: skip
    return (Notice("warning", "study.stand-in", told),)


def stand_ins(values: NDArray[np.float64]) -> list[float]:
    """Return the least and the greatest of values where that is frequent, alone and far away.

    Alone is one whose nearest other value is half of the rest's quartile range away or more.
    """
    found = []
    for end in (values.min(), values.max()) if len(values) else ():
        at = values == end
        rest = values[~at]
        if at.sum() < max(FEWEST, 0.005 * len(values)) or len(rest) < FEWEST:
            continue
        low, middle, high = np.quantile(rest, (0.25, 0.5, 0.75))
        width = high - low
        apart = np.abs(rest - end).min()
        if width > 0 and abs(end - middle) * _OF_NORMAL >= FAR * width and 2 * apart >= width:
            found.append(float(end))
    return found
