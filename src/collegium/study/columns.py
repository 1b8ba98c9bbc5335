"""What a document says of a table's columns, so that nobody's rows are asked: whether it can be.

A mean, a scale or a list of categories that is taken from rows is a release of those rows. One
that was known before, from a form, a device's range or a paper, is none.
"""

from __future__ import annotations

from datetime import date

from collegium.study.document import ColumnBounds, Study, TableSource, Task
from collegium.study.refusal import DocumentPath, Refusal, contradiction, shown
from collegium.study.rendering import toml_key

MOST_CATEGORIES = 100
LONGEST_NAME = 200

FURTHEST = 2.0**63
"""No bound is further from 0: column statistics end there as well."""

WITH_CLASSES: tuple[Task, ...] = ("binary", "multiclass", "ordinal", "survival")
"""Tasks with classes: the target's, or what ended a survival's time."""

WITH_NUMBERS: tuple[Task, ...] = ("regression", "count", "survival")
"""Tasks whose target is a number."""

_DRAFT = "`collegium check STUDY --bounds` drafts the lines"


def check_columns(study: Study) -> None:
    """Refuse columns whose bounds are none: out of order, twice, or of more than one kind.

    It takes time in proportion to the document's length.

    Raises:
        Refusal: ``study.columns`` or ``study.range``.
    """
    for name, column in (study.data.columns or {}).items():
        here: DocumentPath = ("data", "columns", name)
        if not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
            raise _no_bounds(here, f"{shown(name)} cannot be a column", "a name has 1 to 200 marks")
        kinds = [
            key for key in ("range", "dates", "categories") if getattr(column, key) is not None
        ]
        if len(kinds) != 1:
            raise _no_bounds(
                here, f"column {shown(name)} has {' and '.join(kinds) or 'no bounds'}",
                "a number has a range, a date has dates, anything else has categories",
            )  # fmt: skip
        for key in ("range", "dates"):
            ends = getattr(column, key)
            if ends is not None and len(ends) != 2:
                raise _no_bounds((*here, key), f"{key} has {len(ends)} ends", "it has two")
        _check_scale(here, column)
        if column.range is not None:
            _check_range(here, column, *column.range)
        if column.dates is not None:
            _check_dates(here, *column.dates)
        words = column.categories
        if words is not None and not (
            0 < len(words) <= MOST_CATEGORIES
            and len(set(words)) == len(words)
            and all(0 < len(word) <= LONGEST_NAME and word == word.strip() for word in words)
        ):
            raise _no_bounds(
                (*here, "categories"), f"the categories of {shown(name)} are no list of categories",
                f"they are 1 to {MOST_CATEGORIES} different words without blanks around them",
            )  # fmt: skip


def check_described(study: Study, source: TableSource, task: Task) -> None:
    """Refuse columns that leave out what a study needs of them, or say what is said elsewhere.

    Raises:
        Refusal: ``study.columns``.
    """
    columns, here = study.data.columns, ("data", "columns")
    if columns is None:
        if study.privacy.differential_privacy is None:
            return
        raise _no_bounds(
            ("privacy", "differential_privacy"),
            "with differential privacy a table's columns are described in the document",
            "the sums with which sites would otherwise agree on its preparation are exact, and no"
            " epsilon covers them",
            f"write [data.columns.NAME] with a range or categories for each column: {_DRAFT}",
        )
    for key in ("categorical", "numeric", "most_categories"):
        if getattr(source, key):
            raise _no_bounds(
                ("data", "source", key), f"data.source.{key} says what data.columns says",
                "a column that is described has its kind from there", f"remove {key}",
            )  # fmt: skip
    if task in WITH_CLASSES and not source.classes:
        raise _no_bounds(
            ("data", "source"), "the target's classes are not named",
            "those that occur would be taken from rows", 'add classes = ["no", "yes"] to'
            " data.source, the positive one last",
        )  # fmt: skip
    numbers = {source.target} if task in WITH_NUMBERS else set()
    numbers |= set() if source.exposure is None else {source.exposure}
    for name in sorted(numbers):
        column = columns.get(name)
        if column is None or column.range is None:
            raise _no_bounds(
                here, f"column {shown(name)} has no range", "the study needs it as a number",
                f"add [data.columns.{toml_key(name)}] with range = [LOWEST, HIGHEST]",
            )  # fmt: skip
        low, high = column.range
        if (
            task == "count"
            and name == source.target
            and not (low >= 0 and low.is_integer() and high.is_integer())
        ):
            raise _no_bounds(
                (*here, name, "range"), f"the range of {shown(name)} is none of counts",
                "a count is a whole number, 0 or more", "write whole numbers",
            )  # fmt: skip
        if (name == source.exposure and low <= 0) or (task == "survival" and low < 0):
            raise _no_bounds(
                (*here, name, "range"), f"the range of {shown(name)} begins at {low:g}",
                "a time is 0 or more, and an exposure above 0", "begin it later",
            )  # fmt: skip
    others = {source.site, source.person, source.event, *source.drop} - numbers
    others |= {source.target} - numbers
    for name in columns:
        if name in others:
            raise _no_bounds(
                (*here, name), f"{shown(name)} is described, and is no input",
                "it is the target, or data.source says what it is", "remove its description",
            )  # fmt: skip
    if not columns.keys() - numbers:
        raise _no_bounds(here, "no input is described", "a model predicts from something", _DRAFT)


def check_has_table(study: Study) -> None:
    """Refuse descriptions of columns where the study's data are registered.

    Raises:
        Refusal: ``study.combination``.
    """
    if study.data.columns is not None and isinstance(study.data.source, str):
        raise contradiction(
            ("data", "columns"), f"{study.data.source} has a schema of its own",
            "columns are described of a table of one's own", "remove data.columns",
        )  # fmt: skip


def _check_scale(here: DocumentPath, column: ColumnBounds) -> None:
    for key in ("typical", "spread"):
        if getattr(column, key) is not None and column.range is None:
            raise _no_bounds(
                (*here, key), f"{key} goes with a range", "dates and categories have none",
                f"remove {key}",
            )  # fmt: skip
    if column.unit is not None and (column.range is None or len(column.unit) > LONGEST_NAME):
        raise _no_bounds((*here, "unit"), "the unit is none", "a number has one, in few words")


def _check_range(here: DocumentPath, column: ColumnBounds, low: float, high: float) -> None:
    if not -FURTHEST <= low < high <= FURTHEST:
        raise _no_bounds(
            (*here, "range"), f"the range goes from {low:g} to {high:g}",
            "it has two numbers, the lower one first, neither beyond 2^63",
        )  # fmt: skip
    middle, spread = typical_of(column), spread_of(column)
    if not low <= middle <= high:
        raise _no_bounds((*here, "typical"), f"typical is {middle:g}", "it lies within the range")
    if not 0 < spread <= high - low or spread < max(abs(low), abs(high)) * 2.0**-40:
        raise _no_bounds(
            (*here, "spread"), f"spread is {spread:g}",
            "it is above 0, at most the range's width, and no tiny part of its values",
        )  # fmt: skip


def typical_of(column: ColumnBounds) -> float:
    """Return the value that stands for a missing one."""
    low, high = column.range or (0.0, 0.0)
    return low + (high - low) / 2 if column.typical is None else column.typical


def spread_of(column: ColumnBounds) -> float:
    """Return the unit of a number's scale."""
    low, high = column.range or (0.0, 0.0)
    return (high - low) / 4 if column.spread is None else column.spread


def days_of_bounds(first: str, last: str) -> tuple[int, int] | None:
    """Return two ISO dates as days since 1970-01-01, None where they are none in order."""
    try:
        found = tuple(date.fromisoformat(one).toordinal() - _EPOCH for one in (first, last))
    except ValueError:
        return None
    return (found[0], found[1]) if found[0] < found[1] else None


_EPOCH = date(1970, 1, 1).toordinal()


def _check_dates(here: DocumentPath, first: str, last: str) -> None:
    if days_of_bounds(first, last) is None:
        raise _no_bounds(
            (*here, "dates"), f"dates are {shown(first)} and {shown(last)}",
            "they are two dates as 2024-03-01, the earlier one first",
        )  # fmt: skip


def _no_bounds(path: DocumentPath, what: str, why: str, todo: str = "") -> Refusal:
    return Refusal(path, "study.columns", what, why, todo or "correct it")
