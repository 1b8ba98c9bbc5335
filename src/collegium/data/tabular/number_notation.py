"""How a column writes its numbers: what commas and points mean, percent signs, ends such as >89.

Nothing is guessed from one cell: ``1,234`` may be either. Told is what only one reading explains.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

Reading = Literal["none", "decimal", "thousands", "points", "unclear"]

ENOUGH = 5
"""So many different numbers, all with three digits behind each comma, are no decimals by chance; so
many without a sign make a column one of numbers, in which others have ends such as >89."""

_PLAIN = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")
_DECIMAL = re.compile(r"[+-]?[0-9]+,[0-9]+(?:[eE][+-]?[0-9]{1,4})?")
_GROUPED = re.compile(r"[+-]?[1-9][0-9]{0,2}(?:,[0-9]{3})+(?:\.[0-9]+)?")
_POINTED = re.compile(r"[+-]?[1-9][0-9]{0,2}(?:\.[0-9]{3})+,[0-9]+")
_BY_POINTS = re.compile(r"[+-]?[1-9][0-9]{0,2}(?:\.[0-9]{3})+")
_SMALL = re.compile(r"[+-]?[0-9]{1,3}(?:\.[0-9]+)?")
_LARGE = re.compile(r"[+-]?[0-9]{4,}(?:\.[0-9]+)?")
_PERCENT = re.compile(r"(?P<number>[^%]*[0-9.]) ?%")
_END = re.compile(r"(?:[<>]=?|[≤≥]) ?(?P<above>[0-9.,+-]+)|(?P<from>[0-9][0-9.,]*) ?\+")


@dataclass(frozen=True, slots=True)
class Notation:
    """How a column's numbers are written.

    With `percent` every number has a percent sign, but 0; with `ends` a cell such as ``>89``,
    ``<0.5`` or ``90+`` counts as the number that it names.
    """

    commas: Reading = "none"
    percent: bool = False
    ends: bool = False


def notation_of(words: Collection[str], *, separates: bool | None) -> Notation:
    """Return how a column's numbers are written.

    Args:
        words: the column's different cells.
        separates: whether commas separate the file's cells; decimal commas are read only where
            they do not. None where cells have types, and commas no meaning.
    """
    bare = [_bare(word) for word in words]
    commas = "none" if separates is None else _commas([one for one, _ in bare], separates=separates)
    numbers = [(one, sign) for one, sign in bare if _PLAIN.fullmatch(without_commas(one, commas))]
    if 2 * len(numbers) < len(words):
        return Notation(commas)
    plain = {without_commas(one, commas) for one, sign in numbers if not sign}
    percent = any(sign == "%" for _, sign in numbers) and all(float(one) == 0 for one in plain)
    ended = [one for one, sign in numbers if sign == "end"]
    return Notation(commas, percent, len(plain) >= ENOUGH and 0 < len(ended) < len(plain))


def _bare(word: str) -> tuple[str, Literal["", "%", "end"]]:
    """Return a cell without a percent sign, or what makes it an end; and which of them it had."""
    if word.endswith("%") and (hit := _PERCENT.fullmatch(word)):
        return hit["number"].rstrip(), "%"
    if (word[:1] in "<>≤≥" or word.endswith("+")) and (hit := _END.fullmatch(word)):
        return hit["above"] or hit["from"], "end"
    return word, ""


def _commas(words: Sequence[str], *, separates: bool) -> Reading:
    if any(_POINTED.fullmatch(word) for word in words):
        others = (
            word for word in words
            if _PLAIN.fullmatch(word) and "." in word and not _BY_POINTS.fullmatch(word)
        )  # fmt: skip
        more = (word for word in words if _GROUPED.fullmatch(word) and "." in word)
        return "unclear" if any(others) or any(more) else "points"
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


def plainly(word: str, notation: Notation) -> str:
    """Return a cell with its number as others are written; other cells stay as they are."""
    bare, sign = _bare(word)
    if (sign == "%" and notation.percent) or (sign == "end" and notation.ends):
        number = without_commas(bare, notation.commas)
        return number if _PLAIN.fullmatch(number) else word
    return without_commas(word, notation.commas)


def without_commas(word: str, reading: Reading) -> str:
    """Return a cell's number with a decimal point alone; other cells stay as they are."""
    if reading == "decimal" and _DECIMAL.fullmatch(word):
        return word.replace(",", ".")
    if reading == "thousands" and _GROUPED.fullmatch(word):
        return word.replace(",", "")
    if reading == "points" and any(one.fullmatch(word) for one in (_POINTED, _BY_POINTS, _DECIMAL)):
        return word.replace(".", "").replace(",", ".")
    return word


def about_notation(name: str, words: Collection[str], notation: Notation) -> list[str]:
    """Return what should be known of how a column was read."""
    bare = [_bare(word) for word in words]
    told = about_commas(name, [one for one, _ in bare], notation.commas)
    notes = [] if told is None else [told]
    signed = next((word for word in words if plainly(word, Notation(percent=True)) != word), None)
    if notation.percent and signed is not None:
        notes.append(f"column {name!r} is in %: {signed} is read as {plainly(signed, notation)}")
    elif signed is not None and any(_PLAIN.fullmatch(word) for word in words):
        notes.append(
            f"cells of column {name!r} such as {signed} were not read as numbers: others of it have"
            " no percent sign; write all in one way"
        )
    ends = (word for word in words if _END.fullmatch(word) and plainly(word, notation) != word)
    end = next(ends, None)
    if end is not None:
        notes.append(
            f"cells of column {name!r} such as {end} count as the number that they name,"
            f" {plainly(end, notation)}"
        )
    return notes


def about_commas(name: str, words: Collection[str], reading: Reading) -> str | None:
    """Return what should be known of how a column's commas were read, if anything."""
    example = next((word for word in words if _GROUPED.fullmatch(word)), None)
    if reading == "points":
        odd = next(word for word in words if _POINTED.fullmatch(word))
        return f"points of column {name!r} separate thousands: {odd} is a number above 999"
    if reading == "thousands":
        return f"commas of column {name!r} separate thousands: {example} is a number above 999"
    if reading == "unclear":
        odd = next(
            word for word in words
            if any(one.fullmatch(word) for one in (_GROUPED, _DECIMAL, _POINTED))
        )  # fmt: skip
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
