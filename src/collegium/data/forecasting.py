"""Series by region turned into forecasts: lags as columns, a later value as the target.

A row is about the days from its origin to the day that it forecasts, so that a cut by time leaves
out of training whatever reaches into the test part; columns before the origin may.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from collegium.data.registered import DataSetRows, read_only
from collegium.data.table import Feature, Schema, SiteRows, encode

SPREAD = 4.0
"""Of logarithms of counts or rates: columns enter, and targets are learned, in that unit."""


def forecast_schema(name: str, words: str, unit: str, lags: int, ahead: int, step: str) -> Schema:
    """Return the columns of a forecast: ln(1 + value) at the origin and before.

    Args:
        name: of the value.
        words: what the value is.
        unit: of the value.
        lags: how many values are known, the origin's among them.
        ahead: how many steps after the origin the target lies.
        step: what a step is called, such as day.
    """
    return Schema(
        features=tuple(
            Feature(
                f"{name}_{lag}", f"ln(1 + {words}), {lag} {step}s before the origin", "numeric",
                f"ln(1 + {unit})", 0.0, SPREAD,
            )
            for lag in range(lags)
        ),
        target=f"{name}_in_{ahead}_{step}s",
        task="regression",
    )  # fmt: skip


def forecasts(
    series: Mapping[str, NDArray[np.float64]], schema: Schema, ahead: int, days_a_step: int
) -> DataSetRows:
    """Return the rows of series by site: a row for each origin that has all lags and its target.

    Args:
        series: values by site, one a step without gaps, all from the same day on; NaN where a
            value is missing: rows that would need it are left out.
        schema: of `forecast_schema`.
        ahead: as there.
        days_a_step: 1 for a daily series, 7 for a weekly one; moments are days.
    """
    lags = len(schema.features)
    sites = []
    for number, (name, values) in enumerate(sorted(series.items())):
        logs = np.log1p(values)
        origins = np.arange(lags - 1, len(logs) - ahead)
        known = logs[origins[:, None] - np.arange(lags)]
        target = logs[origins + ahead]
        whole = ~(np.isnan(known).any(axis=1) | np.isnan(target))
        columns = {one.name: known[whole, at] for at, one in enumerate(schema.features)}
        moments = np.stack([origins, origins + ahead], axis=1)[whole] * days_a_step
        sites.append(
            read_only(
                SiteRows(
                    name, encode(schema, columns), target[whole].astype(np.float32),
                    np.full(int(whole.sum()), number), moments,
                )
            )
        )  # fmt: skip
    return DataSetRows(tuple(sites))
