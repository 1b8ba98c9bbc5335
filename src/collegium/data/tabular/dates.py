"""Words as dates: days since 1970-01-01, a time of day as a fraction.

Accepted are ISO 8601 (``2024-03-01``, with or without a time), ``2024/03/01``, ``01.03.2024`` (the
day first, as everywhere where dots are written) and ``13/03/2024`` or ``03/13/2024``. With slashes,
day and month are told apart by the column as a whole; a column that does not tell has no dates.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

Order = Literal["day", "month"]

_TIME = (
    r"(?:[T ](?P<h>\d{1,2}):(?P<n>\d{2})(?::(?P<s>\d{2})(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})?)?"
)
_YEAR_FIRST = re.compile(rf"(?P<y>\d{{4}})([-/.])(?P<m>\d{{1,2}})\2(?P<d>\d{{1,2}}){_TIME}")
_DOTS = re.compile(rf"(?P<d>\d{{1,2}})\.(?P<m>\d{{1,2}})\.(?P<y>\d{{4}}){_TIME}")
_SLASHES = re.compile(rf"(?P<a>\d{{1,2}})/(?P<b>\d{{1,2}})/(?P<y>\d{{4}}){_TIME}")


def days_of(words: Sequence[str]) -> list[float] | None:
    """Return each word's day, NaN for those that are no dates; None where none can be told."""
    order = _order(words)
    found = [_day(word, order) for word in words]
    return found if any(day == day for day in found) else None


def days_by_cell(words: Sequence[str]) -> list[float]:
    """Return each word's day by itself, NaN for what is no date or needs others to tell."""
    return [_day(word, None) for word in words]


def two_readings(words: Sequence[str]) -> list[str]:
    """Return a column's dates whose day and month differ if it does not tell which comes first."""
    dates = [hit for word in words if (hit := _SLASHES.fullmatch(word))]
    if 2 * len(dates) <= len(words) or _order(words) is not None:
        return []
    return [hit[0] for hit in dates if hit["a"] != hit["b"]]


def _order(words: Sequence[str]) -> Order | None:
    """Return which number comes first in dates with slashes; None where they do not tell."""
    pairs = [(int(hit["a"]), int(hit["b"])) for word in words if (hit := _SLASHES.fullmatch(word))]
    day_first = any(first > 12 for first, _ in pairs)
    month_first = any(second > 12 for _, second in pairs)
    if day_first == month_first:
        return None
    return "day" if day_first else "month"


def _day(word: str, order: Order | None) -> float:
    hit = _YEAR_FIRST.fullmatch(word) or _DOTS.fullmatch(word)
    if hit is not None:
        return _days(hit, int(hit["y"]), int(hit["m"]), int(hit["d"]))
    hit = _SLASHES.fullmatch(word)
    if hit is None or order is None:
        return float("nan")
    first, second = int(hit["a"]), int(hit["b"])
    month, day = (second, first) if order == "day" else (first, second)
    return _days(hit, int(hit["y"]), month, day)


def _days(hit: re.Match[str], year: int, month: int, day: int) -> float:
    hour, minute, second = (int(hit[name] or 0) for name in "hns")
    try:
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return float("nan")
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() / 86400.0
