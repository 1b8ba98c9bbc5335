"""Quantiles of columns from histograms that sites said, in integers."""

from __future__ import annotations

import msgspec

from collegium.data.tabular.agreed_preparation import (
    AgreedColumn,
    AgreedPreparation,
    histogram_range,
)
from collegium.data.tabular.site_statistics import BINS, Histogram, SiteQuantiles

_QUANTILES = {"low": 5, "median": 50, "high": 95}
_MASS_BITS = 20


def with_quantiles(
    before: AgreedPreparation, said: list[SiteQuantiles], included: tuple[str, ...]
) -> AgreedPreparation:
    """Return the last agreement: columns with their quantiles over all sites."""
    by_name: dict[str, list[Histogram]] = {}
    for one in said:
        for histogram in one.histograms:
            by_name.setdefault(histogram.name, []).append(histogram)
    columns = tuple(
        column
        if column.kind == "categorical"
        else msgspec.structs.replace(column, **_levels(column, by_name.get(column.name, [])))
        for column in before.columns
    )
    return msgspec.structs.replace(
        before, step=3, columns=columns, included=(*before.included, included)
    )


def _levels(column: AgreedColumn, said: list[Histogram]) -> dict[str, int]:
    """Return quantiles from histograms; a cell of several bins is spread evenly over them."""
    mass = [0] * BINS
    for one in said:
        begin = 0
        for end, count in one.cells:
            for at in range(begin, end + 1):
                mass[at] += (count << _MASS_BITS) // (end + 1 - begin)
            begin = end + 1
    low, high = histogram_range(column)
    total = sum(mass)
    if not total or not column.scale:
        return dict.fromkeys(_QUANTILES, column.center)
    found = {}
    for name, percent in _QUANTILES.items():
        wanted, passed = total * percent // 100, 0
        for at, here in enumerate(mass):
            if here and passed + here >= wanted:
                within = ((wanted - passed) << _MASS_BITS) // here
                found[name] = low + ((high - low) * ((at << _MASS_BITS) + within)) // (
                    BINS << _MASS_BITS
                )
                break
            passed += here
    return found
