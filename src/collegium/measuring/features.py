"""What counts as one feature of a model, and which of its values a model is looked at with.

A column of a table is one feature, however many inputs it became: its categories, any other word,
and whether it is missing. Where a data set came with a column already cut into yes-or-no features
(``stage_i``, ``stage_ii``), those of one prefix of which no row has two are one too. Values are
those that test rows have: of a number the values at nine places between the 5th and the 95th
percentile, of few values and of categories those of so many rows that they are nobody's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from collegium.assembly.preparation import Prepared
from collegium.data.subgroups import input_columns
from collegium.data.table import Feature
from collegium.data.tabular.agreed_preparation import AgreedColumn
from collegium.data.tabular.preparation import inputs_of, value_of
from collegium.learning.evaluation.statement import SMALLEST_COUNT

Floats = NDArray[np.float32]
Settings = tuple[tuple[str, Floats], ...]

_PLACES = np.linspace(0.05, 0.95, 9)
_CODED = re.compile(r"(?P<title>.+) \(1 (?P<yes>[^,()]+), 0 (?P<no>[^()]+)\)")
"""A title that says what the codes of a yes-or-no feature mean."""


@dataclass(frozen=True, slots=True, eq=False)
class ModelFeature:
    """A feature: its inputs by number, and values that occur, as printed and as these inputs.

    There are no values of a feature that has none, or one alone, that can be told.
    """

    name: str
    title: str
    unit: str
    columns: tuple[int, ...]
    settings: Settings = ()


def model_features(prepared: Prepared) -> tuple[ModelFeature, ...]:
    """Return the features of a study's model, with values of the sites' test rows."""
    x = np.concatenate([rows.x for rows in prepared.test.values()])
    if prepared.table is None:
        return tuple(_of_schema(prepared, x))
    found, place = [], 0
    for column in prepared.table.agreement.columns:
        inputs = len(inputs_of(column))
        if inputs:
            own = tuple(range(place, place + inputs))
            found.append(_of_table(column, own, x[:, place : place + inputs]))
        place += inputs
    if place < x.shape[1]:  # an exposure is the last input
        exposure = prepared.dataset.schema.features[-1]
        found.append(ModelFeature(exposure.name, exposure.title, exposure.unit, (place,)))
    return tuple(found)


def _of_schema(prepared: Prepared, x: Floats) -> Iterator[ModelFeature]:
    columns = input_columns(prepared.dataset.schema)
    everybody = np.concatenate([*(rows.x for rows in prepared.train.values()), x])
    cut: dict[str, list[Feature]] = {}
    for one in prepared.dataset.schema.features:
        prefix, separator, _ = one.name.rpartition("_")
        if one.kind == "binary" and separator:
            cut.setdefault(prefix, []).append(one)
    whole: dict[str, str] = {}
    for prefix, parts in cut.items():
        places = [columns[one.name][0] for one in parts]
        if len(parts) > 1 and everybody[:, places].sum(axis=1).max() <= 1:
            whole |= {one.name: prefix for one in parts}
    for one in prepared.dataset.schema.features:
        prefix = whole.get(one.name, "")
        if not prefix:
            yield _registered(one, columns[one.name], x[:, list(columns[one.name])])
        elif one is cut[prefix][0]:
            yield _joined(prefix, cut[prefix], columns, x)


def _joined(
    prefix: str, parts: Sequence[Feature], columns: Mapping[str, tuple[int, ...]], x: Floats
) -> ModelFeature:
    """Return a column that was cut into yes-or-no features, with its values by their names."""
    own = tuple(columns[one.name][0] for one in parts)
    names = ["none of these", *(one.name[len(prefix) + 1 :] for one in parts)]
    indicators = np.eye(len(names), dtype=np.float32)[:, 1:]
    told = list(_common(list(zip(names, indicators, strict=True)), x[:, list(own)]))
    return ModelFeature(prefix, prefix.replace("_", " "), "", own, _several(told))


def _registered(feature: Feature, columns: tuple[int, ...], x: Floats) -> ModelFeature:
    title, settings = feature.title, list[tuple[str, Floats]]()
    if feature.kind == "numeric":
        settings = [
            (_number(feature.center + float(one) * feature.scale), np.array([one], np.float32))
            for one in _occurring(x[:, 0])
        ]
    elif feature.kind == "binary":
        coded = _CODED.fullmatch(title)
        title = coded["title"] if coded else title
        words = (coded["no"], coded["yes"]) if coded else ("no", "yes")
        settings = [(word, np.array([code], np.float32)) for code, word in enumerate(words)]
    elif feature.kind == "categorical":
        indicators = np.eye(len(feature.categories), dtype=np.float32)[:, 1:]
        names = [one.title for one in feature.categories]
        settings = list(zip(names, indicators, strict=True))
    told = settings if feature.kind == "numeric" else list(_common(settings, x))
    return ModelFeature(feature.name, title, feature.unit, columns, _several(told))


def _of_table(column: AgreedColumn, columns: tuple[int, ...], x: Floats) -> ModelFeature:
    if column.kind == "categorical":
        names = [*column.categories, "another value", *["missing"] * column.missing]
        indicators = np.eye(len(names), dtype=np.float32)[:, 1:]
        told = list(_common(list(zip(names, indicators, strict=True)), x))
    elif column.scale:
        there = x[:, 0] if not column.missing else x[x[:, 1] == 0, 0]
        told = [
            (_shown(column, float(one)), np.array([one, *[0] * column.missing], np.float32))
            for one in _occurring(there)
        ]
    else:
        told = []
    unit = "" if column.kind == "date" else column.unit
    return ModelFeature(column.name, column.name, unit, columns, _several(told))


def _occurring(values: Floats) -> Iterator[np.float32]:
    """Yield values of a number that occur, in order."""
    if not len(values):
        return
    different, often = np.unique(values, return_counts=True)
    if len(different) <= len(_PLACES):
        yield from different[often >= SMALLEST_COUNT]
    else:
        yield from np.unique(np.quantile(values, _PLACES, method="inverted_cdf"))


def _common(settings: Sequence[tuple[str, Floats]], x: Floats) -> Iterator[tuple[str, Floats]]:
    """Yield the values that enough rows have."""
    for name, inputs in settings:
        if (x == inputs).all(axis=1).sum() >= SMALLEST_COUNT:
            yield name, inputs


def _several(settings: Sequence[tuple[str, Floats]]) -> Settings:
    return tuple(settings) if len(settings) > 1 else ()


def _shown(column: AgreedColumn, standardized: float) -> str:
    value = value_of(column, column.center) + standardized * value_of(column, column.scale)
    if column.kind == "date":
        return (date(1970, 1, 1) + timedelta(days=round(value))).isoformat()
    return _number(value)


def _number(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"
