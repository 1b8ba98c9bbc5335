"""What a site signs about a model on its test part: whole numbers in one canonical form.

A statement is a blob that `evaluation.post` names by its SHA-256. A measure is written in units
of 1e-9, so no float is ever hashed. What decoding checks makes a statement agree with itself:
accuracy is the correct rows over all rows, sensitivity and specificity fit the classes. What a
site withholds, and why, is `disclosure`.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from collegium import canonical
from collegium.canonical import LARGEST_INTEGER, from_text, malformed
from collegium.data.table import CLASSIFYING, Task

UNITS = 10**9
"""A value of 1 in a statement's units."""

SMALLEST_COUNT = 5
"""A class with fewer rows, or a test part with fewer, is never told."""

WHAT = "an evaluation statement"

MEASURES: dict[Task, tuple[str, ...]] = {
    "binary": ("accuracy", "auc", "sensitivity", "specificity", "brier", "log_loss"),
    "multiclass": ("accuracy", "auc", "log_loss"),
    "ordinal": ("accuracy", "qwk", "log_loss"),
    "regression": ("mae", "rmse", "r2"),
    "count": ("poisson_deviance", "mae", "rmse"),
    "survival": ("c_index",),
    "segmentation": ("dice", "iou"),
}
"""What is measured for each task, in the order in which it is told."""

RANGES = dict.fromkeys(
    ("accuracy", "auc", "sensitivity", "specificity", "brier", "c_index", "dice", "iou"), (0, UNITS)
) | {
    "qwk": (-UNITS, UNITS),
    "poisson_deviance": (0, LARGEST_INTEGER),
    "log_loss": (0, LARGEST_INTEGER),
    "mae": (0, LARGEST_INTEGER),
    "rmse": (0, LARGEST_INTEGER),
    "r2": (-LARGEST_INTEGER, UNITS),
}


class Value(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A measure in units of 1e-9, with its 95 % interval if there is one (both bounds or none)."""

    high: int | msgspec.UnsetType = msgspec.UNSET
    low: int | msgspec.UnsetType = msgspec.UNSET
    name: str
    value: int


class Statement(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One model on one site's test part.

    `model` is the SHA-256 of the model's blob, base64url; `kind` says whether that is the
    study's model or the one that the site trained alone. `classes` counts rows by class.
    `withheld` is "nothing"; "by-class": only rows, correct rows and accuracy are told; or
    "all": only the number of rows is. `values` are in the order of `MEASURES`.
    """

    classes: tuple[int, ...] | msgspec.UnsetType = msgspec.UNSET
    correct: int | msgspec.UnsetType = msgspec.UNSET
    kind: Literal["federated", "local"]
    model: str
    rows: int
    task: Task
    values: tuple[Value, ...]
    version: Literal[1] = 1
    withheld: Literal["nothing", "by-class", "all"]


_DECODER = msgspec.json.Decoder(Statement)


def encode_statement(statement: Statement) -> bytes:
    """Return the canonical bytes after checking them.

    Raises:
        FormatError: the statement contradicts itself or tells what must be withheld.
    """
    _check(statement)
    return canonical.encode(statement)


def decode_statement(data: bytes) -> Statement:
    """Return the statement behind canonical bytes.

    Raises:
        FormatError: other bytes, or a statement that contradicts itself.
    """
    statement = canonical.decode(data, _DECODER, WHAT)
    _check(statement)
    return statement


def units_of_ratio(part: int, whole: int) -> int:
    """Return part / whole in units of 1e-9, exactly, halves rounded up."""
    return (2 * UNITS * part + whole) // (2 * whole)


def _check(statement: Statement) -> None:
    from_text(statement.model, 32, "a model's digest")
    rows, correct, classes = statement.rows, statement.correct, statement.classes
    names = tuple(value.name for value in statement.values)
    if not 1 <= rows <= LARGEST_INTEGER:
        raise malformed(WHAT, f"{rows} rows cannot be tested on")
    if names != _told(statement, names):
        raise malformed(WHAT, "its values are not those that are told for such a test part")
    classified = statement.task in CLASSIFYING
    if (correct is not msgspec.UNSET) != (classified and statement.withheld != "all"):
        raise malformed(WHAT, "correct rows are told unless all is withheld, for classes only")
    if (classes is not msgspec.UNSET) != (classified and statement.withheld == "nothing"):
        raise malformed(WHAT, "classes are counted where nothing is withheld, and only there")
    if statement.withheld != "all" and rows < SMALLEST_COUNT:
        raise malformed(WHAT, f"a part of {rows} rows must be withheld")
    for value in statement.values:
        _check_value(value)
    if correct is not msgspec.UNSET:
        if statement.values[0].value != units_of_ratio(correct, rows):
            raise malformed(WHAT, "accuracy is not the share of correct rows")
        if classes is not msgspec.UNSET:
            _check_classes(statement, correct, classes)


def _told(statement: Statement, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of the values that must be there; where no classes are, some may lack."""
    if statement.withheld == "all":
        return ()
    if statement.task not in CLASSIFYING:
        if statement.withheld == "by-class":
            raise malformed(WHAT, f"a {statement.task} has no classes to withhold")
        return tuple(name for name in MEASURES[statement.task] if name in names)
    return ("accuracy",) if statement.withheld == "by-class" else MEASURES[statement.task]


def _check_value(value: Value) -> None:
    least, most = RANGES[value.name]
    if not least <= value.value <= most:
        raise malformed(WHAT, f"{value.name} is out of range")
    if value.low is msgspec.UNSET or value.high is msgspec.UNSET:
        if value.low is not value.high:
            raise malformed(WHAT, f"{value.name} has one bound of an interval")
    elif not least <= value.low <= value.high <= most:
        raise malformed(WHAT, f"the interval of {value.name} is out of range")


def _check_classes(statement: Statement, correct: int, classes: tuple[int, ...]) -> None:
    if (len(classes) == 2) != (statement.task == "binary") or len(classes) < 2:
        raise malformed(WHAT, f"a {statement.task} task cannot have {len(classes)} classes")
    if min(classes) < SMALLEST_COUNT:
        raise malformed(WHAT, f"a class of fewer than {SMALLEST_COUNT} rows must be withheld")
    if sum(classes) != statement.rows:
        raise malformed(WHAT, "its classes do not add up to its rows")
    if statement.task == "binary":
        negatives, positives = classes
        told = {value.name: value.value for value in statement.values}
        found = (told["sensitivity"] * positives * 2 + UNITS) // (2 * UNITS)
        if (told["sensitivity"], told["specificity"]) != (
            units_of_ratio(found, positives),
            units_of_ratio(correct - found, negatives),
        ):
            raise malformed(WHAT, "sensitivity and specificity do not fit the correct rows")
