"""What a site says about its rows in each step of set-up, and its one canonical form.

Three steps: which columns there are, their moments, their quantiles. Numbers are exact integers,
so that whoever adds them gets the same bits. Said are only: kinds, units and names of columns;
counts of K persons or more, where the study says K (ten, most often); categories that K persons
or more have, by name and without counts; the target's classes by name; sums over K persons or
more; histogram cells of K persons or more.
docs/spec/12-statistics.md.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Literal

import msgspec

from collegium import canonical
from collegium.study.columns import LONGEST_NAME as LONGEST_NAME
from collegium.study.columns import MOST_CATEGORIES as MOST_CATEGORIES

STEPS = ("columns", "moments", "quantiles")

FEW_CLASSES = 20
"""Classes of a target that a site tells of by name, however few persons have one."""

VALUE_BITS = 32
"""A value is told in units of 2^(exponent - 32), where 2^exponent bounds the column's values."""

EXPONENTS = (-64, 64)
BINS = 64

_DIGITS = re.compile(r"0|-?[1-9][0-9]{0,60}")


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is shared: no unknown field."""


class ColumnStatistics(_Strict, frozen=True, kw_only=True):
    """A column, which is "empty" where fewer than K persons have a value.

    `present` is the number of rows with a value, 0 of an empty one. `missing` says that K
    persons or more have none. `exponent`: no absolute value is above its power of two; 0 for
    categories. `identifier` says that the column looks like a name of rows.
    """

    name: str
    unit: str
    kind: Literal["numeric", "date", "categorical", "empty"]
    present: int
    missing: bool
    exponent: int
    categories: tuple[str, ...]
    identifier: bool


class SiteColumns(_Strict, frozen=True, kw_only=True):
    """The first step; `classes` are the target's."""

    version: Literal[1] = 1
    step: Literal[1] = 1
    columns: tuple[ColumnStatistics, ...]
    classes: tuple[str, ...]
    target: ColumnStatistics | msgspec.UnsetType = msgspec.UNSET


class ColumnMoments(_Strict, frozen=True, kw_only=True):
    """Rows with a value, the sum of the values in units, and the sum of their squares, decimal."""

    name: str
    rows: int
    sum: str
    squares: str


class SiteMoments(_Strict, frozen=True, kw_only=True):
    """The second step: a moment for each numeric column or date of which the site has enough."""

    version: Literal[1] = 1
    step: Literal[2] = 2
    moments: tuple[ColumnMoments, ...]


class Histogram(_Strict, frozen=True, kw_only=True):
    """Cells as pairs: the last bin of the cell, and how many persons' first values fall in it."""

    name: str
    cells: tuple[tuple[int, int], ...]


class SiteQuantiles(_Strict, frozen=True, kw_only=True):
    """The third step."""

    version: Literal[1] = 1
    step: Literal[3] = 3
    histograms: tuple[Histogram, ...]


AnySaid = SiteColumns | SiteMoments | SiteQuantiles
_DECODERS: tuple[msgspec.json.Decoder[AnySaid], ...] = (
    msgspec.json.Decoder(SiteColumns), msgspec.json.Decoder(SiteMoments),
    msgspec.json.Decoder(SiteQuantiles),
)  # fmt: skip


def encode_site_statistics(said: AnySaid) -> bytes:
    """Return the canonical bytes of what a site says."""
    return canonical.encode(said)


def decode_site_statistics(data: bytes, step: int, smallest: int) -> AnySaid:
    """Return what a site says in a step, refusing what no site may say.

    Args:
        data: the blob.
        step: 1, 2 or 3.
        smallest: K, the persons behind everything that is told.

    Raises:
        FormatError: malformed, out of range, or about fewer persons than may be told.
    """
    said = canonical.decode(data, _DECODERS[step - 1], "a site's statistics")
    if isinstance(said, SiteColumns):
        told = said.columns if said.target is msgspec.UNSET else (*said.columns, said.target)
        fair = all(_fair_column(one, smallest) for one in told) and _rising(
            [one.name for one in said.columns]
        )
        fair = fair and _fair_words(said.classes)
    elif isinstance(said, SiteMoments):
        fair = all(_fair_moment(one, smallest) for one in said.moments)
        fair = fair and _rising([one.name for one in said.moments])
    else:
        fair = all(_fair_cells(one, smallest) for one in said.histograms)
        fair = fair and _rising([one.name for one in said.histograms])
    if not fair:
        raise canonical.malformed("a site's statistics", "a value is out of range")
    return said


def _fair_column(said: ColumnStatistics, smallest: int) -> bool:
    return (
        len(said.name) <= LONGEST_NAME
        and len(said.unit) <= LONGEST_NAME
        and (smallest <= said.present < 2**31 or (said.kind, said.present) == ("empty", 0))
        and EXPONENTS[0] <= said.exponent <= EXPONENTS[1]
        and _fair_words(said.categories)
    )


def _fair_words(words: tuple[str, ...]) -> bool:
    short = all(len(word) <= LONGEST_NAME for word in words)
    return short and len(set(words)) == len(words) <= MOST_CATEGORIES + 1


def _fair_moment(said: ColumnMoments, smallest: int) -> bool:
    if not (smallest <= said.rows < 2**31):
        return False
    if not (_DIGITS.fullmatch(said.sum) and _DIGITS.fullmatch(said.squares)):
        return False
    total, squares = int(said.sum), int(said.squares)
    most = said.rows << VALUE_BITS
    return abs(total) <= most and total * total <= said.rows * squares <= most * most


def _fair_cells(said: Histogram, smallest: int) -> bool:
    ends = [end for end, _ in said.cells]
    counts = all(smallest <= count < 2**31 for _, count in said.cells)
    return counts and _rising(ends) and all(0 <= end < BINS for end in ends)


def _rising(values: list[str] | list[int]) -> bool:
    return all(first < second for first, second in pairwise(values))  # type: ignore[operator]
