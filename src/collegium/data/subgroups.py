"""Groups of rows that a study is evaluated on by themselves, named before the test part opens.

A group is asked for by a feature with few values (``sex``: a group each) or by a numeric one
with a place to cut (``age>=60``: below it, and from it on).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collegium.data.table import Feature, Schema, input_names
from collegium.study.refusal import Refusal, nearest, shown

_CUT = re.compile(r"(?P<name>[^<>=]+?)\s*>=\s*(?P<cut>-?[0-9]+(?:\.[0-9]+)?)")


@dataclass(frozen=True, slots=True, eq=False)
class Subgroup:
    """A group: what it is called, and of which rows of model inputs it is made.

    `columns` are the inputs [columns] that tell, each True where `low <= input < high`; a group
    of a categorical feature's reference has none of its indicators.
    """

    title: str
    feature: str
    columns: tuple[int, ...]
    low: float
    high: float

    def of(self, x: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Return which rows of inputs [rows, inputs] are in the group, [rows]."""
        told = x[:, list(self.columns)].astype(np.float64)
        return np.asarray(((told >= self.low) & (told < self.high)).all(axis=1))


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


def subgroups(schema: Schema, asked: Sequence[str]) -> tuple[Subgroup, ...]:
    """Return the groups that a study asks for.

    Raises:
        Refusal: a feature is not there, or needs a cut, or cannot have one.
    """
    columns = input_columns(schema)
    known = {feature.name: feature for feature in schema.features}
    found: list[Subgroup] = []
    for number, text in enumerate(asked):
        cut = _CUT.fullmatch(text.strip())
        name = cut["name"] if cut else text.strip()
        feature = known.get(name)
        if feature is None:
            raise Refusal(
                ("evaluation", "subgroups", number), "study.unknown-name",
                f"there is no feature {shown(name)} to make subgroups of",
                f"the data set has {len(known)} features", nearest(name, known),
            )  # fmt: skip
        if (feature.kind == "numeric") != (cut is not None) or feature.kind == "exposure":
            raise Refusal(
                ("evaluation", "subgroups", number), "study.combination",
                f"{shown(text)} makes no subgroups",
                f"{name} is {_KINDS[feature.kind]}", _advice(feature),
            )  # fmt: skip
        found += (
            _cut(feature, columns[name], float(cut["cut"]))
            if cut
            else _split(feature, columns[name])
        )
    return tuple(found)


_KINDS = {
    "numeric": "a number with many values",
    "binary": "0 or 1",
    "categorical": "a category",
    "exposure": "an exposure",
}


def _advice(feature: Feature) -> str:
    if feature.kind == "numeric":
        return f'say where to cut, as in "{feature.name}>={feature.center:g}"'
    if feature.kind == "exposure":
        return "remove it"
    return f'write "{feature.name}" alone: each of its values is a group'


def _cut(feature: Feature, columns: tuple[int, ...], cut: float) -> list[Subgroup]:
    # As an input is made: a row that is exactly at the cut must not fall below it by rounding.
    edge = float(np.float32((cut - feature.center) / feature.scale))
    unit = f" {feature.unit}" if feature.unit else ""
    return [
        Subgroup(f"{feature.title} below {cut:g}{unit}", feature.name, columns, -np.inf, edge),
        Subgroup(f"{feature.title} {cut:g}{unit} or more", feature.name, columns, edge, np.inf),
    ]


def _split(feature: Feature, columns: tuple[int, ...]) -> list[Subgroup]:
    if feature.kind == "binary":
        return [
            Subgroup(f"{feature.title} = 0", feature.name, columns, -np.inf, 0.5),
            Subgroup(f"{feature.title} = 1", feature.name, columns, 0.5, np.inf),
        ]
    first, *others = feature.categories
    return [
        Subgroup(f"{feature.title}: {first.title}", feature.name, columns, -np.inf, 0.5),
        *(
            Subgroup(f"{feature.title}: {one.title}", feature.name, (column,), 0.5, np.inf)
            for one, column in zip(others, columns, strict=True)
        ),
    ]
