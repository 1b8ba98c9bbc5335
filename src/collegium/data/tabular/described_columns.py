"""A table's preparation from the study's document alone: no row of anybody has a part in it.

So it is no release: two tables that differ in one row, however odd that is, are prepared alike.
Cells are read one by one as well (`read_table_file`, `only`): what a row becomes depends on no
other row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from collegium.data.table import CLASSIFYING
from collegium.data.tabular.agreed_preparation import FINE_BITS, AgreedColumn, AgreedPreparation
from collegium.data.tabular.columns import Column, Kind, as_numbers, canonical_word, unreadable
from collegium.data.tabular.computing_statistics import exponent_of, numbers_of
from collegium.data.tabular.preparation import check_unit, positions, within
from collegium.data.tabular.study_rows import (
    StudyRows,
    absent_of,
    in_file,
    set_aside,
    take_study_rows,
    target_words,
)
from collegium.study.columns import days_of_bounds, spread_of, typical_of
from collegium.study.document import ColumnBounds, Study
from collegium.study.tables import task_of

What = Literal["moved", "other", "unreadable", "left out", "absent"]

_BECAME: Mapping[What, str] = {
    "moved": "values beyond the range count as its nearer end",
    "other": "categories that the study does not name count as any other",
    "unreadable": "cells that are no number or date count as missing",
    "left out": "rows of a class that the study does not name are left out",
    "absent": "the file does not have it, so it counts as missing in every row",
}


@dataclass(frozen=True, slots=True, eq=False)
class Deviation:
    """Cells of a column that are not what the document says: known to their site, told to nobody.

    `what` is what became of them, `rows` where they stand in the file, int64, from 0.
    """

    column: str
    what: What
    rows: NDArray[np.int64]

    def in_words(self) -> str:
        """Return a line that tells columns and rows, and no cell."""
        where = "" if self.what == "absent" else f": {in_file(self.rows)}"
        return f"column {self.column!r}: {_BECAME[self.what]}{where}"


def described_preparation(study: Study) -> AgreedPreparation | None:
    """Return how a study's tables are prepared where its document says so, else None.

    Raises:
        Refusal: the study's model and its target do not fit.
    """
    source, columns = study.data.source, study.data.columns
    if isinstance(source, str) or columns is None:
        return None
    task = task_of(study)
    kind: Literal["categorical", "numeric"] = "categorical" if task in CLASSIFYING else "numeric"
    target = AgreedColumn(name=source.target, unit="", kind=kind, sites=0, missing=False)
    if source.target in columns:
        target = _described(source.target, columns[source.target])
    inputs = sorted(columns.keys() - {source.target, source.exposure})
    return AgreedPreparation(
        step=0, task=task, target=target, event=source.event or "",
        exposure=source.exposure or msgspec.UNSET,
        classes=tuple(canonical_word(word) for word in source.classes),
        columns=tuple(_described(name, columns[name]) for name in inputs), left_out=(),
        aside=tuple(sorted(set_aside(source))), absent=absent_of(source), unknown=source.unknown,
        included=(),
    )  # fmt: skip


def _described(name: str, column: ColumnBounds) -> AgreedColumn:
    """Return a column as its description has it; numbers are exact integers."""
    if column.categories is not None:
        words = tuple(dict.fromkeys(canonical_word(word) for word in column.categories))
        return AgreedColumn(
            name=name, unit="", kind="categorical", sites=0, missing=column.missing,
            categories=words,
        )  # fmt: skip
    low, high = column.range or days_of_bounds(*(column.dates or ("", ""))) or (0, 1)
    bounds = msgspec.structs.replace(column, range=(float(low), float(high)))
    exponent = exponent_of(max(abs(low), abs(high)))

    def units(value: float) -> int:
        return round(Fraction(value) * Fraction(2) ** (FINE_BITS - exponent))

    return AgreedColumn(
        name=name, unit=column.unit or "", kind="numeric" if column.range else "date", sites=0,
        missing=column.missing, exponent=exponent, center=units(typical_of(bounds)),
        scale=units(spread_of(bounds)), low=units(low), median=units(typical_of(bounds)),
        high=units(high), lowest=units(low), highest=units(high),
    )  # fmt: skip


def described_kinds(study: Study) -> Mapping[str, Kind] | None:
    """Return how each column that a study looks at is read, None where no document says it."""
    source, columns = study.data.source, study.data.columns
    if isinstance(source, str) or columns is None:
        return None
    kinds: dict[str, Kind] = {
        name: "categorical" if one.categories else "numeric" if one.range else "date"
        for name, one in columns.items()
    }
    named = (source.target, source.event, source.site, source.person, source.time)
    return {**dict.fromkeys((one for one in named if one), "categorical"), **kinds}


def within_bounds(
    studied: StudyRows, study: Study, agreement: AgreedPreparation
) -> tuple[StudyRows, tuple[Deviation, ...]]:
    """Return one site's rows as the document has them, and what of them was not so.

    Rows of a class that it does not name are left out; a target and an exposure beyond their
    ranges count as the nearer end. Inputs are moved where they are encoded.

    Raises:
        DataError: ``data.units``, the header names another unit than the document.
    """
    found = [
        one for column in agreement.columns
        for one in _deviations(column, studied.table.columns.get(column.name), studied.place)
    ]  # fmt: skip
    rows, named = studied, studied.event or studied.target
    if agreement.classes:
        codes, words = target_words(named)
        known = np.array([*(word in agreement.classes for word in words), False], np.bool_)[codes]
        found += _told(named.name, "left out", ~known, studied.place)
        rows = studied if known.all() else take_study_rows(studied, np.flatnonzero(known))
    target, exposure = rows.target, rows.exposure
    if isinstance(agreement.target.lowest, int):
        target, more = _moved(target, agreement.target, rows.place)
        found += more
    bounds = (study.data.columns or {}).get("" if exposure is None else exposure.name)
    if exposure is not None and bounds is not None:
        exposure, more = _moved(exposure, _described(exposure.name, bounds), rows.place)
        found += more
    return replace(rows, target=target, exposure=exposure), tuple(found)


def _deviations(
    column: AgreedColumn, found: Column | None, place: NDArray[np.int64]
) -> list[Deviation]:
    if found is None:
        return [Deviation(column.name, "absent", place)]
    check_unit(column, found, "the study describes it in")
    if column.kind == "categorical":
        at = positions(column, found, len(place))
        return _told(column.name, "other", at == -1, place)
    values = numbers_of(found, column.kind)
    beyond = (within(column, values) != values) & ~np.isnan(values)
    return _told(column.name, "moved", beyond, place) + _told(
        column.name, "unreadable", unreadable(found, values), place
    )


def _told(
    name: str, what: What, which: NDArray[np.bool_], place: NDArray[np.int64]
) -> list[Deviation]:
    return [Deviation(name, what, place[which])] if which.any() else []


def _moved(
    column: Column, described: AgreedColumn, place: NDArray[np.int64]
) -> tuple[Column, list[Deviation]]:
    check_unit(described, column, "the study describes it in")
    values = as_numbers(column)
    moved = within(described, values)
    plain = Column(column.name, column.unit, "numeric", moved, None, ())
    return plain, _told(column.name, "moved", moved != values, place)
