"""The rows of a table that a study is about: whose they are, where, and what is to be predicted."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from msgspec import UNSET, UnsetType
from numpy.typing import NDArray

from collegium.data.table import CLASSIFYING
from collegium.data.tabular.class_groups import about_groups, with_groups
from collegium.data.tabular.columns import (
    Column,
    Kind,
    Table,
    as_days,
    as_numbers,
    as_words,
    canonical_word,
    inferred,
    missing_column,
    number_of,
    number_word,
    take_cells,
    take_rows,
)
from collegium.data.tabular.dates import days_by_cell
from collegium.data.tabular.left_out import Why
from collegium.errors import DataError
from collegium.study.document import TableSource, Task

MOST_NAMED = 10
"""Rows of a file that one line names."""


@dataclass(frozen=True, slots=True, eq=False)
class StudyRows:
    """Rows with a known target and, where the study names a column of sites, a known site.

    `table` holds the columns that may become inputs. `target` is the target's column, of survival
    the time, and `event` that of what ended it; `exposure` is what a count was counted over.
    `person` is int64 [rows], the same number in all rows of one person. `label` is int64 [rows],
    the position of the row's class (of survival: of its event) among this table's own, in the order
    of `class_order`; numbers to be predicted have none (empty). `site` is int64 [rows], indices
    into `sites`, ids in order. `place` is int64 [rows], where a row stands in its file, from 0.
    `time` is float64 [rows], by which they are cut, if they are: days since 1970 or any number.
    `left_out` counts the rows of the file that are none of these, each with its first reason.
    """

    table: Table
    target: Column
    event: Column | None
    person: NDArray[np.int64]
    label: NDArray[np.int64]
    site: NDArray[np.int64]
    sites: tuple[str, ...]
    place: NDArray[np.int64]
    notes: tuple[str, ...]
    exposure: Column | None = None
    left_out: tuple[tuple[Why, int], ...] = ()
    time: NDArray[np.float64] | None = None

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.person)


def read_again(studied: StudyRows, source: TableSource) -> StudyRows:
    """Return one site's rows with its columns read as if there were no others.

    So a column is what it would be in a file of the site's own.
    """
    columns = {name: _read_again(column, source) for name, column in studied.table.columns.items()}
    table = Table(columns, studied.rows, studied.table.notes)
    event = None if studied.event is None else _read_again(studied.event, source)
    exposure = None if studied.exposure is None else _read_again(studied.exposure, source)
    return replace(
        studied, table=table, target=_read_again(studied.target, source), event=event,
        exposure=exposure,
    )  # fmt: skip


def _read_again(column: Column, source: TableSource) -> Column:
    if column.codes is None:
        gone = column.values is not None and bool(np.isnan(column.values).all())
        return replace(column, kind="empty") if gone else column
    declared = declared_kinds(source).get(column.name)
    return inferred(column.name, column.unit, column.codes, column.words, declared)


def declared_kinds(source: TableSource) -> dict[str, Kind]:
    """Return how a study says that columns are to be read, by name."""
    kinds: dict[str, Kind] = dict.fromkeys(source.categorical, "categorical")
    return kinds | dict.fromkeys(source.numeric, "numeric")


def take_study_rows(studied: StudyRows, which: NDArray[np.int64]) -> StudyRows:
    """Return the rows at those positions; classes keep their numbers."""
    label = studied.label[which] if len(studied.label) else studied.label
    event = None if studied.event is None else take_cells(studied.event, which)
    exposure = None if studied.exposure is None else take_cells(studied.exposure, which)
    return StudyRows(
        take_rows(studied.table, which), take_cells(studied.target, which), event,
        studied.person[which], label, studied.site[which], studied.sites, studied.place[which],
        studied.notes, exposure, studied.left_out,
        None if studied.time is None else studied.time[which],
    )  # fmt: skip


def rows_of_study(table: Table, source: TableSource, task: Task, *, alone: str | None) -> StudyRows:
    """Return a table's rows as a study sees them.

    Args:
        table: as read.
        source: names target, site, person and what is dropped.
        task: what kind of target it is.
        alone: the site whose rows all of these are, or None where the study's column tells.

    Raises:
        DataError: a column that the study names is not there, no row has a target, or sites'
            names cannot be told apart.
    """
    named = {
        "target": source.target, "event": source.event, "exposure": source.exposure,
        "person": source.person, "time": source.time,
    }  # fmt: skip
    if alone is None:
        named["site"] = source.site
    for role, name in named.items():
        if name is not None and name not in table.columns:
            raise missing_column(name, table.columns, f"data.source.{role} names it")
    notes = list(table.notes)
    if source.groups is not None:
        named_classes = table.columns[source.event or source.target]
        notes += [] if alone is not None else about_groups(named_classes, source.groups)
        grouped = with_groups(named_classes, source.groups)
        table = replace(table, columns={**table.columns, grouped.name: grouped})
    keep = np.ones(table.rows, np.bool_)
    left_out: list[tuple[Why, int]] = []

    def leave_out(gone: NDArray[np.bool_], why: Why, what: str) -> None:
        gone = keep & gone
        if gone.any():
            notes.append(_left_out(gone, what))
            left_out.append((why, int(gone.sum())))
        keep[gone] = False

    target = table.columns[source.target]
    event = None if source.event is None else table.columns[source.event]
    values = None if task in CLASSIFYING else as_numbers(target)
    known = _has_word(target) if values is None else ~np.isnan(values)
    leave_out(~known, "no-target", f"no value of {source.target!r}")
    if values is not None and task != "regression":
        leave_out(values < 0, "negative", f"a negative {source.target!r}")
    if event is not None:
        leave_out(~_has_word(event), "no-event", f"no value of {event.name!r}")
    if source.exposure is not None:
        exposed = as_numbers(table.columns[source.exposure]) > 0
        leave_out(~exposed, "no-exposure", f"no {source.exposure!r} above 0")
    site_column = None if alone is not None or source.site is None else table.columns[source.site]
    if site_column is not None:
        leave_out(~_has_word(site_column), "no-site", f"no value of {source.site!r}")
    time = None if source.time is None else moments_of(table.columns[source.time])
    if time is not None:
        leave_out(np.isnan(time), "no-time", f"no date or number in {source.time!r}")
    if values is not None and not known.any() and _has_word(target).any():
        raise _no_number(target)
    if not keep.any():
        raise DataError(
            "data.no-rows", f"no row has a value of {source.target!r}",
            "nothing can be learned from rows without what is to be predicted",
            "check data.source.target, and the table",
        )  # fmt: skip
    which = np.flatnonzero(keep)
    person = _persons(None if source.person is None else table.columns[source.person], keep)
    kept = take_rows(table, which)
    aside = set_aside(source)
    inputs = {name: column for name, column in kept.columns.items() if name not in aside}
    if not inputs:
        raise DataError(
            "data.no-inputs", "the table has no column to predict from",
            f"beside target, site, person and drop there is none of {', '.join(table.columns)}",
            "shorten data.source.drop, or add columns",
        )  # fmt: skip
    target = kept.columns[source.target]
    site = np.zeros(len(which), np.int64)
    sites: tuple[str, ...] = (alone or "site",)
    if site_column is not None and source.site is not None:
        site, sites = _sites(kept.columns[source.site])
    event = None if source.event is None else kept.columns[source.event]
    exposure = None if source.exposure is None else kept.columns[source.exposure]
    label = _labels(target if event is None else event, task)
    inputs_of_rows = Table(inputs, len(which))
    return StudyRows(
        inputs_of_rows, target, event, person, label, site, sites, which, tuple(notes), exposure,
        tuple(left_out), None if time is None else time[which],
    )  # fmt: skip


def moments_of(column: Column) -> NDArray[np.float64]:
    """Return when rows were, float64 [rows]: days since 1970 or numbers, NaN where neither is told.

    Raises:
        DataError: ``data.value``, cells, none of which is a date or a number.
    """
    if column.kind == "numeric":
        return as_numbers(column)
    if column.kind == "date":
        return as_days(column)
    codes, words = as_words(column)
    days = np.array([*days_by_cell(words), np.nan])
    found = np.array([*map(number_of, words), np.nan]) if np.isnan(days).all() else days
    if np.isnan(found[codes]).all():
        row = int(np.argmax(codes >= 0))
        cell = repr(words[codes[row]][:40]) if codes[row] >= 0 else "an empty cell"
        raise DataError(
            "data.value",
            f"row {row + 1}, column {column.name!r}: {cell} is no date or number, nor is another",
            "data.source.time names it; of dates with slashes it has to be clear which number is"
            " the day",
            "write dates as 2024-12-31, or name another column",
        )
    return found[codes]


def absent_of(source: TableSource) -> tuple[str, ...] | UnsetType:
    """Return the numbers that stand for no value, in their shortest form, each once, sorted."""
    return tuple(sorted(map(number_word, source.missing))) if source.missing else UNSET


def set_aside(source: TableSource) -> set[str]:
    """Return the columns that are no inputs because the study says what they are."""
    named = (source.target, source.event, source.exposure, source.site, source.person, source.time)
    return {name for name in (*named, *source.drop) if name is not None}


def study_rows_bytes(studied: StudyRows) -> bytes:
    """Return bytes that tell these rows from any other, for a commitment to them."""
    columns = [*studied.table.columns.values(), studied.target]
    columns += [one for one in (studied.event, studied.exposure) if one is not None]
    parts = [np.ascontiguousarray(studied.person).tobytes()]
    if studied.time is not None:
        parts.append(np.ascontiguousarray(studied.time).tobytes())
    for column in columns:
        codes, words = as_words(column)
        parts += [column.name.encode(), column.unit.encode(), "\0".join(words).encode()]
        parts.append(np.ascontiguousarray(codes).tobytes())
    return b"".join(len(part).to_bytes(8, "big") + part for part in parts)


def time_of_rows(studied: StudyRows) -> NDArray[np.int64] | None:
    """Return rows in time as `SiteRows` has it, int64 [rows, 2]: only their order counts."""
    if studied.time is None:
        return None
    order = np.unique(studied.time, return_inverse=True)[1].astype(np.int64)
    return np.stack([order, order], axis=1)


def class_order(words: Iterable[str]) -> list[str]:
    """Return classes in the one order that does not depend on which others there are."""
    return sorted(words, key=_class_key)


ABSENT = frozenset(
    (
        "alive", "control", "false", "falsch", "faux", "gesund", "healthy", "lebend", "n", "nao",
        "negativ", "negative", "nein", "nej", "não", "no", "non", "survived", "survivor", "vivant",
        "vivo", "überlebt",
    )
)  # fmt: skip
"""Words, in small letters, for what a study does not ask about."""


def absence_first(ordered: list[str]) -> tuple[str, ...]:
    """Return classes in order; of two, one of which is a word for no, that one first."""
    said = [word.casefold() in ABSENT for word in ordered]
    return tuple(ordered[::-1] if said == [False, True] else ordered)


def _class_key(word: str) -> tuple[bool, float, str]:
    number = number_of(word)
    return (number != number, 0.0 if number != number else number, word)


def target_words(column: Column) -> tuple[NDArray[np.int64], list[str]]:
    """Return a target's classes by row, and their canonical words in `class_order`."""
    codes, words = as_words(column)
    canonical = [canonical_word(word) for word in words]
    present = {canonical[code] for code in np.unique(codes[codes >= 0]).tolist()}
    ordered = class_order(present)
    at = {word: number for number, word in enumerate(ordered)}
    table = np.array([*(at.get(word, -1) for word in canonical), -1], np.int64)
    return table[codes], ordered


def _has_word(column: Column) -> NDArray[np.bool_]:
    codes, _ = as_words(column)
    return codes >= 0


def check_counts(studied: StudyRows) -> None:
    """Refuse a target of counts that has fractions.

    Raises:
        DataError: ``data.value``.
    """
    values = as_numbers(studied.target)
    broken = np.flatnonzero(values != np.rint(values))
    if len(broken):
        name = studied.target.name
        raise DataError(
            "data.value",
            f"the target {name!r} has values that are no counts, such as {values[broken[0]]:g}",
            f"a count is a whole number, 0 or more; {in_file(studied.place[broken])}",
            "choose model.architecture = 'linear' for a number with fractions, or name in"
            " data.source.exposure what a rate was made with, and the count as the target",
        )


def _no_number(target: Column) -> DataError:
    words = [word[:40] for word in target_words(target)[1]]
    fitting = "logistic" if len(words) == 2 else "multinomial"
    return DataError(
        "data.not-a-number", f"the target {target.name!r} holds words, and a number is asked for",
        f"found: {', '.join(words[:5])}{' and more' if len(words) > 5 else ''}",
        f"choose model.architecture = {fitting!r} for classes, or name another data.source.target",
    )  # fmt: skip


def _labels(target: Column, task: Task) -> NDArray[np.int64]:
    counted = task in ("regression", "count")
    return np.empty(0, np.int64) if counted else target_words(target)[0]


def _persons(column: Column | None, keep: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return each kept row's person; where it is not told, every row is another person's."""
    own = np.arange(len(keep), dtype=np.int64)
    if column is None:
        return own[keep]
    codes, words = as_words(column)
    return np.where(codes >= 0, codes, len(words) + own)[keep]


def _sites(column: Column) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    codes, words = as_words(column)
    present = np.unique(codes).tolist()
    ids = {code: site_id(words[code]) for code in present}
    ordered = sorted(set(ids.values()))
    if len(ordered) < len(ids):
        twice = next(one for one in ordered if list(ids.values()).count(one) > 1)
        alike = [words[code] for code, name in ids.items() if name == twice]
        raise DataError(
            "data.site-name", f"sites {alike[0]!r} and {alike[1]!r} cannot be told apart",
            f"as members both are called {twice!r}: small letters, digits, - and _",
            "rename one of them in the table",
        )  # fmt: skip
    table = np.full(len(words) + 1, -1, np.int64)
    for code, name in ids.items():
        table[code] = ordered.index(name)
    return table[codes], tuple(ordered)


def site_id(word: str) -> str:
    """Return a member's id for a site's name: ``St. Mary's, Ulm`` is ``st-mary-s-ulm``.

    Raises:
        DataError: nothing of the name is left.
    """
    plain = unicodedata.normalize("NFKD", canonical_word(word).replace("ß", "ss"))
    ascii_only = plain.encode("ascii", "ignore").decode().lower()
    found = re.sub(r"[^a-z0-9_]+", "-", ascii_only).strip("-_")[:40].strip("-_")
    if not found:
        raise DataError(
            "data.site-name", f"{word[:60]!r} cannot be a member's id",
            "an id is 1 to 40 of a-z, 0-9, - and _, starting with a letter or digit",
            "rename the site in the table",
        )  # fmt: skip
    return found


def _left_out(gone: NDArray[np.bool_], why: str) -> str:
    rows = np.flatnonzero(gone)
    return f"{len(rows)} row{'s' if len(rows) > 1 else ''} with {why} left out: {in_file(rows)}"


def in_file(places: NDArray[np.int64]) -> str:
    """Return in words which rows of a file these are, as its owner counts them from 1."""
    first = ", ".join(str(place + 1) for place in places[:MOST_NAMED].tolist())
    more = len(places) - MOST_NAMED
    return f"row{'s' if len(places) > 1 else ''} {first}{f' and {more} more' if more > 0 else ''}"
