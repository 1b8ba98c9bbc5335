"""Groups of rows that a study is evaluated on by themselves, named before the test part opens.

A group is asked for by a column with few values (``sex``: a group each, the reference and whoever
lacks a value among them; ``sex=f``: these and all others) or by a number or date with a place to
cut (``age>=60``: below it, and from it on). Where nothing is asked for, sex and age are looked at.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from collegium.data.table import Feature, Schema, input_names
from collegium.data.tabular.agreed_preparation import AgreedColumn, AgreedPreparation
from collegium.data.tabular.columns import canonical_word
from collegium.data.tabular.dates import days_by_cell
from collegium.data.tabular.preparation import inputs_of
from collegium.study.refusal import Refusal, nearest, shown

_CUT = re.compile(
    r"(?P<name>[^<>=]+?)\s*>=\s*(?P<cut>-?[0-9]+(?:\.[0-9]+)?|[0-9]{4}-[0-9]{2}-[0-9]{2})"
)
_VALUE = re.compile(r"(?P<name>[^<>=]+?)\s*=\s*(?P<value>\S.*)")
_WORDS = re.compile(r"[^\W\d_]+")

SEX = frozenset(("gender", "geschlecht", "sesso", "sex", "sexe", "sexo"))
AGE = frozenset(("age", "alter", "edad", "età", "âge"))
"""Words of a column's name, in small letters, by which sex and age are found."""

OLD = 65
"""Years from which on a patient counts as old (ICH E7), the usual place to cut an age."""

Range = tuple[int, float, float]
"""An input's place, and between which values it lies: the lower one included."""


@dataclass(frozen=True, slots=True)
class Subgroup:
    """A group: what it is called, the column that tells, and of which rows of inputs it is made.

    Its rows have every input within its range; with `others` it is all rows but these.
    """

    title: str
    feature: str
    ranges: tuple[Range, ...]
    others: bool = False

    def of(self, x: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Return which rows of inputs [rows, inputs] are in the group, [rows]."""
        inside = np.ones(len(x), np.bool_)
        for place, low, high in self.ranges:
            told = x[:, place].astype(np.float64)
            inside &= (told >= low) & (told < high)
        return ~inside if self.others else inside


@dataclass(frozen=True, slots=True)
class _Column:
    """A column as its owner knows it. `values` are its groups by the word that asks for each.

    Of a number or date, `at` is the place of its input and `absent` that of its absence, if that is
    one; `center` and `scale` are the input's 0 and 1.
    """

    name: str
    title: str
    kind: Literal["numeric", "date", "binary", "categorical", "exposure"]
    values: tuple[tuple[str, Subgroup], ...] = ()
    at: int = 0
    absent: int | None = None
    unit: str = ""
    center: float = 0.0
    scale: float = 1.0


def input_columns(schema: Schema) -> dict[str, tuple[int, ...]]:
    """Return which model inputs each feature has, by its name."""
    found: dict[str, tuple[int, ...]] = {}
    place = 0
    for feature in schema.features:
        size = len(feature.categories) - 1 if feature.kind == "categorical" else 1
        found[feature.name] = tuple(range(place, place + size))
        place += size
    if place != len(input_names(schema)):
        raise AssertionError("a feature's inputs do not stand together")
    return found


def subgroups(
    schema: Schema, asked: Sequence[str], agreement: AgreedPreparation | None = None
) -> tuple[Subgroup, ...]:
    """Return the groups that a study asks for.

    Args:
        schema: of the model's inputs.
        asked: by the study.
        agreement: what a table's columns became, where they come from one.

    Raises:
        Refusal: a column or value is not there, or a column needs a cut, or cannot have one.
    """
    known = _columns(schema, agreement)
    found: list[Subgroup] = []
    for number, text in enumerate(asked):
        path = ("evaluation", "subgroups", number)
        name, cut, value = _parsed(text.strip(), known)
        column = known.get(name)
        if column is None:
            raise Refusal(
                path, "study.unknown-name",
                f"there is no column {shown(name)} to make subgroups of",
                f"the model has inputs of {len(known)} columns", nearest(name, known),
            )  # fmt: skip
        numbers = column.kind in ("numeric", "date")
        if numbers != (cut is not None) or column.kind == "exposure":
            raise Refusal(
                path, "study.combination", f"{shown(text)} makes no subgroups",
                f"{name} is {_KINDS[column.kind]}", _advice(column),
            )  # fmt: skip
        if cut is not None:
            found += _cut(column, _place(column, cut, path), cut)
        elif value is None:
            found += [group for _, group in column.values]
        else:
            found += _one_value(column, value, path)
    return tuple(found)


def usual_subgroups(schema: Schema, agreement: AgreedPreparation | None) -> tuple[str, ...]:
    """Return what is asked for where a study asks for nothing: sex and age, where they are inputs.

    An age is cut at `OLD`, where that is within a standard deviation of the mean, else at the mean.
    """
    found = []
    for column in _columns(schema, agreement).values():
        words = {word.casefold() for word in _WORDS.findall(column.name)}
        if column.kind in ("binary", "categorical") and words & (SEX | AGE):
            found.append(column.name)
        elif column.kind == "numeric" and words & AGE and not set("<>=") & set(column.name):
            near = abs(OLD - column.center) <= column.scale
            found.append(f"{column.name}>={OLD if near else round(column.center)}")
    return tuple(found)


_KINDS = {
    "numeric": "a number with many values",
    "date": "a date",
    "binary": "0 or 1",
    "categorical": "a category",
    "exposure": "an exposure",
}


def _parsed(text: str, known: dict[str, _Column]) -> tuple[str, str | None, str | None]:
    """Return the name that is asked for, and where to cut or which value, if that is said."""
    if text in known:
        return text, None, None
    if cut := _CUT.fullmatch(text):
        return cut["name"], cut["cut"], None
    value = _VALUE.fullmatch(text)
    return (text, None, None) if value is None else (value["name"], None, value["value"])


def _advice(column: _Column) -> str:
    if column.kind == "numeric":
        return f'say where to cut, as in "{column.name}>={column.center:g}"'
    if column.kind == "date":
        return f'say where to cut, as in "{column.name}>=2024-01-01"'
    if column.kind == "exposure":
        return "remove it"
    return f'write "{column.name}" alone: each of its values is a group'


def _columns(schema: Schema, agreement: AgreedPreparation | None) -> dict[str, _Column]:
    """Return the columns that may be asked for, by name."""
    if agreement is None:
        places = input_columns(schema)
        return {one.name: _of_feature(one, places[one.name]) for one in schema.features}
    found, at = {}, 0
    for column in agreement.columns:
        features = inputs_of(column)
        found[column.name] = _of_agreed(column, features, at)
        at += len(features)
    if isinstance(agreement.exposure, str):
        found[agreement.exposure] = _Column(agreement.exposure, agreement.exposure, "exposure")
    return found


def _of_feature(feature: Feature, places: tuple[int, ...]) -> _Column:
    name, title = feature.name, feature.title
    if feature.kind in ("numeric", "exposure"):
        return _Column(
            name, title, feature.kind, (), places[0], None, feature.unit, feature.center,
            feature.scale,
        )  # fmt: skip
    if feature.kind == "binary":
        return _Column(name, title, "binary", (
            ("0", Subgroup(f"{title} = 0", name, (_below(places[0]),))),
            ("1", Subgroup(f"{title} = 1", name, (_above(places[0]),))),
        ))  # fmt: skip
    first, *others = feature.categories
    reference = Subgroup(f"{title}: {first.title}", name, tuple(map(_below, places)))
    return _Column(name, title, "categorical", (
        (first.code, reference),
        *((one.code, Subgroup(f"{title}: {one.title}", name, (_above(place),)))
          for one, place in zip(others, places, strict=True)),
    ))  # fmt: skip


def _of_agreed(column: AgreedColumn, features: Sequence[Feature], at: int) -> _Column:
    """Return an agreed column, whose inputs begin at a place."""
    name = column.name
    places = range(at, at + len(features))
    gap = Subgroup(f"{name}: no value", name, (_above(places[-1]),))
    gaps = (("", gap),) * column.missing
    if column.kind == "categorical":
        first, *others = column.categories
        reference = Subgroup(f"{name}: {first}", name, tuple(map(_below, places)))
        rest = Subgroup(f"{name}: any other", name, (_above(at + len(others)),))
        return _Column(name, name, "categorical", (
            (first, reference),
            *((word, Subgroup(f"{name}: {word}", name, (_above(place),)))
              for word, place in zip(others, places, strict=False)),
            ("", rest), *gaps,
        ))  # fmt: skip
    if not column.scale:
        known = Subgroup(f"{name}: a value", name, (_below(places[-1]),))
        return _Column(name, name, "binary", (("", known), *gaps))
    number = features[0]
    return _Column(
        name, name, column.kind, (), at, places[-1] if column.missing else None,
        column.unit, number.center, number.scale,
    )  # fmt: skip


def _below(place: int) -> Range:
    return place, -np.inf, 0.5


def _above(place: int) -> Range:
    return place, 0.5, np.inf


def _place(column: _Column, cut: str, path: tuple[str | int, ...]) -> float:
    """Return where a column is cut, in its own unit."""
    found = days_by_cell([cut])[0] if column.kind == "date" else float("nan")
    if column.kind == "numeric" and not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", cut):
        found = float(cut)
    if found != found:
        raise Refusal(
            path, "study.combination", f"{shown(cut)} is no place to cut {column.name} at",
            f"{column.name} is {_KINDS[column.kind]}", _advice(column),
        )  # fmt: skip
    return found


def _cut(column: _Column, cut: float, written: str) -> list[Subgroup]:
    # As an input is made: a row that is exactly at the cut must not fall below it by rounding.
    edge = float(np.float32((cut - column.center) / column.scale))
    at = f"{written}{f' {column.unit}' if column.unit else ''}"
    gone = column.absent
    known = () if gone is None else (_below(gone),)
    found = [
        Subgroup(f"{column.title} below {at}", column.name, ((column.at, -np.inf, edge), *known)),
        Subgroup(f"{column.title} {at} or more", column.name, ((column.at, edge, np.inf), *known)),
    ]
    if gone is not None:
        found.append(Subgroup(f"{column.title}: no value", column.name, (_above(gone),)))
    return found


def _one_value(column: _Column, value: str, path: tuple[str | int, ...]) -> list[Subgroup]:
    """Return who has a value, and all others."""
    words = {word: group for word, group in column.values if word}
    group = words.get(canonical_word(value))
    if group is None:
        raise Refusal(
            path, "study.unknown-name", f"{column.name} has no value {shown(value)}",
            f"the model has an input for each of {len(words)}", nearest(value, words),
        )  # fmt: skip
    others = Subgroup(f"{group.title}: all others", column.name, group.ranges, others=True)
    return [group, others]
