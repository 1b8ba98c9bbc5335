"""What the sites of a study of tables agree on, step by step, and its one canonical form.

After the last step it is the preparation of a model's inputs. docs/spec/15-statistics.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from collegium import canonical
from collegium.data.tabular.site_statistics import (
    MOST_CATEGORIES,
)
from collegium.study.document import Task

FINE_BITS = 48
"""Agreed numbers are told in units of 2^(exponent - 48): sixteen bits finer than values."""

_SPREAD = 4
"""Histograms reach from the mean by so many standard deviations to either side."""

Reason = Literal["constant", "empty", "identifier", "no-category", "too-many", "units"]

REASONS: Mapping[Reason, str] = {
    "constant": "it has one value everywhere",
    "empty": "no site has enough persons with a value",
    "identifier": "it looks like an identifier of rows",
    "no-category": "no value of it is shared by enough persons of one site",
    "too-many": f"it has more than {MOST_CATEGORIES} categories:"
    " data.source.most_categories keeps the most frequent",
    "units": "sites give it in different units",
}


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is shared: no unknown field."""


class AgreedColumn(_Strict, frozen=True, kw_only=True):
    """A column that becomes inputs, or the target of a regression.

    `sites` have enough persons with a value. `center` (the mean), `scale` (the standard
    deviation), `low`, `median` and `high` (5, 50 and 95 %) of a number or date are in units of
    2^(exponent - 48), 0 until their step. `missing`: whether a value's absence is an input.
    Of a column that the document describes, values count as the nearer of `lowest` and `highest`
    beyond these, in the same units, and `sites` is 0.
    """

    name: str
    unit: str
    kind: Literal["numeric", "date", "categorical"]
    sites: int
    missing: bool
    categories: tuple[str, ...] = ()
    exponent: int = 0
    center: int = 0
    scale: int = 0
    low: int = 0
    median: int = 0
    high: int = 0
    lowest: int | msgspec.UnsetType = msgspec.UNSET
    highest: int | msgspec.UnsetType = msgspec.UNSET


class ExcludedColumn(_Strict, frozen=True, kw_only=True):
    """A column that some site has and no model sees."""

    name: str
    reason: Reason


class AgreedPreparation(_Strict, frozen=True, kw_only=True):
    """What is agreed after a step; after the last one, the preparation of a model's inputs.

    `event` is the column that tells what ended a survival's time, whose two values are then
    `classes`, the event last; `exposure` is what a count was counted over. `aside` are the columns
    that the study sets aside; `absent` are numbers, in their shortest form, that stand for no value
    in any of them; `included` names by step whose statistics were added. `step` is 0
    where the study's document says everything, and nobody's were.
    """

    version: Literal[1] = 1
    step: int
    task: Task
    target: AgreedColumn
    event: str
    exposure: str | msgspec.UnsetType = msgspec.UNSET
    classes: tuple[str, ...]
    columns: tuple[AgreedColumn, ...]
    left_out: tuple[ExcludedColumn, ...]
    aside: tuple[str, ...]
    absent: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    unknown: Literal["other", "refuse"]
    included: tuple[tuple[str, ...], ...]


_DECODER = msgspec.json.Decoder(AgreedPreparation)


def encode_agreed(agreement: AgreedPreparation) -> bytes:
    """Return the canonical bytes of an agreement."""
    return canonical.encode(agreement)


def decode_agreed(data: bytes) -> AgreedPreparation:
    """Return an agreement from its canonical bytes.

    Raises:
        FormatError: malformed.
    """
    return canonical.decode(data, _DECODER, "an agreement on a table")


def histogram_range(column: AgreedColumn) -> tuple[int, int]:
    """Return where a column's histogram begins and ends, in units of 2^(exponent - 48)."""
    reach = _SPREAD * max(column.scale, 1)
    return column.center - reach, column.center + reach
