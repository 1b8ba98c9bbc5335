"""How many rows a model's first layer could be made to single out of a sum of updates.

Whoever chooses a model's parameters, or steers them by updates of its own, can grade the thresholds
of U units so that neighbours differ by the rows between them (Fowl et al., "Robbing the Fed", ICLR
2022). Of R rows that fall evenly, R exp(-R / U) are between two thresholds by themselves.
"""

from __future__ import annotations

from collections.abc import Collection
from math import exp, log

from collegium.study.document import Study
from collegium.study.notice import Notice


def rows_alone(rows: int, units: int) -> float:
    """Return how many of R rows are between two of U graded thresholds by themselves, at best."""
    return rows * exp(-rows / units)


def about_first_layer(study: Study, rows: Collection[int]) -> tuple[Notice, ...]:
    """Return what the owner should know of a wide first layer, or of one that nobody here knows.

    Args:
        study: the document.
        rows: training rows of each site.
    """
    model, secure = study.model, study.privacy.secure_aggregation
    if study.privacy.differential_privacy is not None:
        return ()
    if model.architecture == "own":
        return (Notice("note", "study.own-architecture"),)
    if model.architecture not in ("mlp", "autoencoder"):
        return ()
    units = model.hidden[0]
    seen = max(rows) if secure is None else sum(rows) // (secure.groups or 1)
    alone = rows_alone(seen, units)
    if seen < 2 or alone < 1.0:
        return ()
    told = {
        "units": units, "alone": round(alone), "rows": seen, "fewer": int(seen / log(seen)),
        "case": "update" if secure is None else "sum",
    }  # fmt: skip
    return (Notice("note" if secure is None else "warning", "study.wide-first-layer", told),)
