"""The sites of a study in numbers (its Table 1), as far as its design lets them out.

With differential privacy nothing is told but what is noised, so there is no table. Where updates
are hidden in a sum, sites tell their rows, and everything else is of all sites together. Counts
below `SMALLEST_COUNT` are not told, and no count from which one follows: all classes of the site,
and then those of all sites together.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import UNSET, UnsetType
from numpy.typing import NDArray

from collegium.assembly.preparation import Prepared
from collegium.data.table import CLASSIFYING, SiteRows, Task, together
from collegium.data.tabular.computing_statistics import numbers_of
from collegium.data.tabular.preparation import positions
from collegium.learning.evaluation.statement import SMALLEST_COUNT, Statement
from collegium.report.measurements import SiteDescription, SiteTable

_ALL = "all sites"


def site_table(prepared: Prepared) -> SiteTable | None:
    """Return the table of a simulated study; None where differential privacy tells nothing."""
    privacy, task = prepared.study.privacy, prepared.dataset.schema.task
    if privacy.differential_privacy is not None:
        return None
    classes = max(2, len(prepared.dataset.schema.classes))
    parts = {
        name: together(name, [prepared.train[name], prepared.test[name]]) for name in prepared.sites
    }
    absent = {name: _absent(prepared, name) for name in parts}
    sites = [_described(task, rows, classes, absent[rows.name]) for rows in parts.values()]
    everybody = together(_ALL, list(parts.values()))
    cells = np.sum(list(absent.values()), axis=0)
    whole = _described(task, everybody, classes, (int(cells[0]), int(cells[1])))
    if privacy.secure_aggregation is not None:
        alone = tuple(SiteDescription(site=one.site, rows=one.rows) for one in sites)
        return SiteTable("all", alone, whole)
    return SiteTable("all", tuple(sites), _without_rest(sites, whole))


def signed_site_table(
    statements: Sequence[tuple[str, Statement]], summed: tuple[int, int] | UnsetType = UNSET
) -> SiteTable | None:
    """Return the table of what sites signed about their test rows, by site; None of none.

    Args:
        statements: of each site.
        summed: rows by class of all sites, where a secure sum tells them.
    """
    if not statements:
        return None
    sites = [
        SiteDescription(
            site=site, rows=one.rows,
            classes=one.classes if isinstance(one.classes, tuple) else None,
        )
        for site, one in sorted(statements, key=lambda told: told[0])
    ]  # fmt: skip
    counted = [one.classes for one in sites if one.classes is not None]
    whole = SiteDescription(
        site=_ALL, rows=sum(one.rows for _, one in statements),
        classes=summed if isinstance(summed, tuple)
        else tuple(map(sum, zip(*counted, strict=True))) if len(counted) == len(sites) else None,
    )  # fmt: skip
    return SiteTable("test", tuple(sites), whole)


def _described(
    task: Task, rows: SiteRows, classes: int, absent: tuple[int, int]
) -> SiteDescription:
    """Return rows in numbers; `absent` is how many cells have no value, and how many there are."""
    if len(rows.y) < SMALLEST_COUNT:
        return SiteDescription(site=rows.name, rows=None)
    label = rows.y[:, 1] if task == "survival" else rows.y
    counted: tuple[int, ...] | None = None
    if task == "survival" or task in CLASSIFYING:
        found = np.bincount(label.astype(np.int64), minlength=classes)
        counted = None if (found < SMALLEST_COUNT).any() else tuple(found.tolist())
    empty, cells = absent
    persons = len(np.unique(rows.person))
    return SiteDescription(
        site=rows.name, rows=len(rows.y), persons=_enough(persons), classes=counted,
        missing=None if 0 < empty < SMALLEST_COUNT or not cells else empty / cells,
    )  # fmt: skip


def _without_rest(sites: Sequence[SiteDescription], whole: SiteDescription) -> SiteDescription:
    """Return the whole without what would give away the one part that a site withholds."""
    return SiteDescription(
        site=whole.site,
        rows=None if any(one.rows is None for one in sites) else whole.rows,
        persons=None if any(one.persons is None for one in sites) else whole.persons,
        classes=None if any(one.classes is None for one in sites) else whole.classes,
        missing=None if any(one.missing is None for one in sites) else whole.missing,
    )


def _enough(number: int) -> int | None:
    return number if number >= SMALLEST_COUNT else None


def _absent(prepared: Prepared, site: str) -> tuple[int, int]:
    """Return how many cells of a site's table have no value, and how many it has."""
    if prepared.table is None:
        rows = len(prepared.train[site].y) + len(prepared.test[site].y)
        return 0, rows * len(prepared.dataset.schema.features)
    studied = prepared.table.whole[site]
    columns = prepared.table.agreement.columns
    empty = 0
    for one in columns:
        found = studied.table.columns.get(one.name)
        missing: NDArray[np.bool_] = np.ones(studied.rows, np.bool_)
        if found is not None:
            missing = (
                positions(one, found, studied.rows) == -2
                if one.kind == "categorical"
                else np.isnan(numbers_of(found, one.kind))
            )
        empty += int(missing.sum())
    return empty, studied.rows * len(columns)
