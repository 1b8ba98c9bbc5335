"""The range of every number: both ends, just outside, and what is no number at all."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest

from collegium.study.document import Network, Section, Study
from collegium.study.limit import Limit
from collegium.study.limits import check_limits, every_limit
from collegium.study.presets import preset_text
from collegium.study.reading import parse_study
from collegium.study.refusal import Refusal
from collegium.study.search_section import Range

HEART = parse_study(preset_text("heart"), "heart").study


SKETCHES: dict[str, Any] = {
    "schedule": {"kind": "step"}, "personalization": {"method": "ditto"},
    "source": {"table": "cohort.csv", "target": "died"},
    "early_stopping": {"patience": 3}, "augmentation": {}, "scores": {},
}  # fmt: skip
"""Sections that the preset lacks, as little of them as there may be."""


def with_value(path: tuple[str, ...], value: Any) -> Study:
    plain = msgspec.to_builtins(HEART)
    plain["threat"] = {"attack": "any"}
    private = {"unit": "patient", "epsilon": 8.0, "delta": 1e-5}
    plain["privacy"]["differential_privacy"] = private
    plain["privacy"]["secure_aggregation"] = {}
    table = plain
    for key in path[:-1]:
        if not isinstance(table.get(key), dict):
            table[key] = dict(SKETCHES.get(key, {})) if path[0] != "search" else _sketch(key)
        table = table[key]
    table[path[-1]] = value
    return _unchecked(plain)


def _sketch(key: str) -> dict[str, Any]:
    """A search, a section of it, or a range of a key's values."""
    if key in ("search", "training", "aggregation", "server", "model", "personalization"):
        return {}
    inside = 0.5 if key in ("momentum", "beta1", "beta2") else 1
    return {"low": inside, "high": inside}


def _unchecked(plain: dict[str, Any]) -> Study:
    def build(kind: Any, table: dict[str, Any]) -> Any:
        fields = {field.name: field.type for field in msgspec.structs.fields(kind)}
        assert fields.keys() >= table.keys()
        return kind(
            **{
                key: build(sections_of(fields[key])[0], value) if isinstance(value, dict) else value
                for key, value in table.items()
            }
        )

    study: Study = build(Study, plain)
    return study


def sections_of(kind: Any) -> list[type[Section]]:
    parts = [kind, *getattr(kind, "__args__", ())]
    return [part for part in parts if isinstance(part, type) and issubclass(part, Section)]


def is_refused(path: tuple[str, ...], value: Any) -> bool:
    refusal = refusal_of(with_value(path, value))
    if refusal is None:
        return False
    assert refusal.code == "study.range"
    assert refusal.path[: len(path)] == path
    assert len(refusal.diagnostics()) < 400
    return True


def refusal_of(study: Study) -> Refusal | None:
    try:
        check_limits(study)
    except Refusal as refusal:
        return refusal
    return None


def numeric_paths(kind: type[Section], path: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    found: set[tuple[str, ...]] = set()
    for field in msgspec.structs.fields(kind):
        sections = sections_of(field.type)
        if kind is Network and sections:
            continue  # a list of tables: what checks them knows their order in time
        if sections:
            found |= numeric_paths(sections[0], (*path, field.name))
            if sections[0] is not Range:
                continue
        parts = [field.type, *getattr(field.type, "__args__", ())]
        if {int, float} & {*parts, *(a for part in parts for a in getattr(part, "__args__", ()))}:
            found.add((*path, field.name))
    return found


def test_every_number_of_the_document_has_a_range() -> None:
    assert {limit.path for limit in every_limit()} == numeric_paths(Study)


@pytest.mark.parametrize("limit", every_limit(), ids=lambda limit: ".".join(limit.path))
def test_ends_belong_to_a_range_unless_open_and_nothing_beyond(limit: Limit) -> None:
    assert is_refused(limit.path, limit.low) == limit.open_low
    assert is_refused(limit.path, limit.high) == limit.open_high
    assert is_refused(limit.path, math.nextafter(limit.low, -math.inf))
    assert is_refused(limit.path, limit.high * 2 + 1)
    for value in (math.nan, math.inf, -math.inf, 10**5000, -(10**5000)):
        assert is_refused(limit.path, value)


def test_the_promised_ranges() -> None:
    for path, inside, outside in (
        ("training.rounds", (1, 100_000), (0, 100_001)),
        ("training.momentum", (0.0, 0.999), (-0.1, 1.0)),
        ("training.client_fraction", (0.01, 1.0), (0.0, 1.01)),
        ("aggregation.exponent", (-8, 30), (-9, 31)),
        ("data.split.test", (0.01, 0.9), (0.0, 0.91)),
        ("evaluation.threshold", (0.01, 0.99), (0.0, 1.0)),
        ("evaluation.bootstrap", (0, 100, 10_000), (1, 99, 10_001)),
        ("faults.dropout", (0.0, 0.99), (-0.1, 1.0)),
        ("faults.traps", (0.01, 1.0), (0.0, 1.1)),
        ("study.seed", (0, 2**53 - 1), (-1, 2**53)),
        ("model.hidden", ((1, 2),), ((1, 0), (1,) * 17)),
    ):
        where = tuple(path.split("."))
        assert not any(is_refused(where, value) for value in inside), path
        assert all(is_refused(where, value) for value in outside), path
