"""Calibration as the report shows it: a reliability table and what it adds up to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from collegium.report.measurements import Calibration, Estimate
from collegium.report.wording import change, number, span

_Z = 1.959964
"""The normal quantile of a 95 % interval."""


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Rows with similar predictions; `low` and `high` bound the observed share (95 %, Wilson)."""

    rows: int
    predicted: float
    observed: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Reliability:
    """A reliability table and its totals over all rows.

    `predicted` and `observed` are the mean prediction and the share of events; `error` is the
    expected calibration error (Naeini et al. 2015): the mean over rows of |observed - predicted|
    of their bin.
    """

    bins: tuple[ReliabilityBin, ...]
    rows: int
    predicted: float
    observed: float
    error: float


def reliability_of(table: Sequence[Calibration]) -> Reliability | None:
    """Return the table with its totals, None for no rows."""
    filled = [one for one in table if one.rows > 0]
    rows = sum(one.rows for one in filled)
    if not rows:
        return None
    return Reliability(
        bins=tuple(
            ReliabilityBin(one.rows, one.predicted, one.observed, *wilson(one.observed, one.rows))
            for one in filled
        ),
        rows=rows,
        predicted=sum(one.rows * one.predicted for one in filled) / rows,
        observed=sum(one.rows * one.observed for one in filled) / rows,
        error=sum(one.rows * abs(one.observed - one.predicted) for one in filled) / rows,
    )


def wilson(observed: float, rows: int) -> tuple[float, float]:
    """Return the 95 % score interval of a share (Wilson 1927)."""
    squared = _Z**2
    middle = (observed + squared / (2 * rows)) / (1 + squared / rows)
    inside = observed * (1 - observed) / rows + squared / (4 * rows**2)
    half = _Z * sqrt(inside) / (1 + squared / rows)
    return max(0.0, middle - half), min(1.0, middle + half)


def recalibration_words(slope: Estimate, intercept: Estimate) -> str:
    """Return calibration slope and intercept, and what they mean."""
    return (
        f"Calibration slope {_told(slope)}: {_slope_means(slope)}. Calibration intercept "
        f"{_told(intercept, signed=True)}: {_intercept_means(intercept)}."
    )


def _slope_means(slope: Estimate) -> str:
    if slope.low <= 1 <= slope.high:
        return "no evidence that risks are too extreme or too moderate"
    return "risks are too extreme" if slope.high < 1 else "risks are too moderate"


def _intercept_means(intercept: Estimate) -> str:
    if intercept.low <= 0 <= intercept.high:
        return "no evidence that risks are too high or too low on average"
    return "risks are too high on average" if intercept.high < 0 else "too low on average"


def _told(one: Estimate, *, signed: bool = False) -> str:
    show = change if signed else number
    bounds = span(show("slope", one.low), show("slope", one.high))
    return f"{show('slope', one.value)} ({bounds})"
