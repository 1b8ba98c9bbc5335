"""Quantiles of columns from histograms that sites said, in integers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from collegium.data.tabular.agreed_preparation import (
    AgreedColumn,
    AgreedPreparation,
    histogram_range,
)
from collegium.data.tabular.site_statistics import BINS, SiteQuantiles

_QUANTILES = {"low": 5, "median": 50, "high": 95}
MASS_BITS = 20
"""A person weighs 2^20 in a histogram, so that a part of one is a whole number."""


def with_quantiles(
    before: AgreedPreparation, said: list[SiteQuantiles], included: tuple[str, ...]
) -> AgreedPreparation:
    """Return the last agreement: columns with their quantiles over all sites."""
    masses: dict[str, list[int]] = {}
    for one in said:
        for histogram in one.histograms:
            sums = masses.get(histogram.name, [0] * BINS)
            added = zip(sums, spread(histogram.cells), strict=True)
            masses[histogram.name] = [a + b for a, b in added]
    return with_masses(before, masses, included)


def with_masses(
    before: AgreedPreparation, masses: Mapping[str, Sequence[int]], included: tuple[str, ...]
) -> AgreedPreparation:
    """Return the last agreement from each column's mass by bin, over all sites."""
    columns = tuple(
        column
        if column.kind == "categorical"
        else msgspec.structs.replace(column, **_levels(column, masses.get(column.name, [0] * BINS)))
        for column in before.columns
    )
    return msgspec.structs.replace(
        before, step=3, columns=columns, included=(*before.included, included)
    )


def spread(cells: Sequence[tuple[int, int]]) -> list[int]:
    """Return the mass of each bin [BINS]: a cell of several bins is spread evenly over them."""
    mass = [0] * BINS
    begin = 0
    for end, count in cells:
        for at in range(begin, end + 1):
            mass[at] += (count << MASS_BITS) // (end + 1 - begin)
        begin = end + 1
    return mass


def _levels(column: AgreedColumn, mass: Sequence[int]) -> dict[str, int]:
    """Return quantiles from the mass of bins."""
    low, high = histogram_range(column)
    total = sum(mass)
    if not total or not column.scale:
        return dict.fromkeys(_QUANTILES, column.center)
    found = {}
    for name, percent in _QUANTILES.items():
        wanted, passed = total * percent // 100, 0
        for at, here in enumerate(mass):
            if here and passed + here >= wanted:
                within = ((wanted - passed) << MASS_BITS) // here
                found[name] = low + ((high - low) * ((at << MASS_BITS) + within)) // (
                    BINS << MASS_BITS
                )
                break
            passed += here
    return found
