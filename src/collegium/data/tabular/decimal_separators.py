"""What a comma in a column's numbers means: a decimal point, thousands, or what nobody can say.

Nothing is guessed from one cell: ``1,234`` may be either. Told is what only one reading explains.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Literal

Reading = Literal["none", "decimal", "thousands", "unclear"]

ENOUGH = 5
"""So many different numbers, all with three digits behind each comma, are no decimals by chance."""

_DECIMAL = re.compile(r"[+-]?[0-9]+,[0-9]+(?:[eE][+-]?[0-9]{1,4})?")
_GROUPED = re.compile(r"[+-]?[1-9][0-9]{0,2}(?:,[0-9]{3})+(?:\.[0-9]+)?")
_SMALL = re.compile(r"[+-]?[0-9]{1,3}(?:\.[0-9]+)?")
_LARGE = re.compile(r"[+-]?[0-9]{4,}(?:\.[0-9]+)?")


def reading_of(words: Collection[str], *, separates: bool) -> Reading:
    """Return what commas mean in a column's numbers.

    Args:
        words: the column's different cells.
        separates: whether commas separate the file's cells; decimal commas are read only where
            they do not.
    """
    grouped = [word for word in words if _GROUPED.fullmatch(word)]
    decimal = [word for word in words if _DECIMAL.fullmatch(word) and word not in set(grouped)]
    if not grouped and not decimal:
        return "none"
    if not decimal:
        certain = any(word.count(",") > 1 or "." in word for word in grouped)
        small = any(_SMALL.fullmatch(word) for word in words)
        large = any(_LARGE.fullmatch(word) for word in words)
        likely = separates and small and not large and len(grouped) >= ENOUGH
        if certain or likely:
            return "thousands"
    return "unclear" if separates else "decimal"


def without_commas(word: str, reading: Reading) -> str:
    """Return a cell with its number as others are written; other cells stay as they are."""
    if reading == "decimal" and _DECIMAL.fullmatch(word):
        return word.replace(",", ".")
    if reading == "thousands" and _GROUPED.fullmatch(word):
        return word.replace(",", "")
    return word


def about_commas(name: str, words: Collection[str], reading: Reading) -> str | None:
    """Return what should be known of how a column was read, if anything."""
    example = next((word for word in words if _GROUPED.fullmatch(word)), None)
    if reading == "thousands":
        return f"commas of column {name!r} separate thousands: {example} is a number above 999"
    if reading == "unclear":
        odd = next(word for word in words if _GROUPED.fullmatch(word) or _DECIMAL.fullmatch(word))
        return (
            f"cells of column {name!r} such as {odd} were not read as numbers: a comma may stand"
            " for a decimal point or for thousands; write them with a point or without separators"
        )
    if reading != "decimal" or example is None:
        return None
    decimals = [word for word in words if _DECIMAL.fullmatch(word)]
    if len(decimals) < ENOUGH or not all(_GROUPED.fullmatch(word) for word in decimals):
        return None
    return (
        f"commas of column {name!r} were read as decimal points, as in {example}; if they separate"
        " thousands, write the numbers without them"
    )
