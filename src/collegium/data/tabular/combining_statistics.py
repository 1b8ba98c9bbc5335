"""From what sites say in a step to what all agree on: integer arithmetic, the same bits everywhere.

What one site says is attested by it; here it is only added up. docs/spec/15-statistics.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from math import isqrt
from typing import Literal

import msgspec

from collegium.data.table import CLASSIFYING
from collegium.data.tabular.agreed_preparation import (
    FINE_BITS,
    REASONS,
    AgreedColumn,
    AgreedPreparation,
    ExcludedColumn,
    Reason,
    decode_agreed,
    encode_agreed,
)
from collegium.data.tabular.columns import number_of
from collegium.data.tabular.quantiles import with_quantiles
from collegium.data.tabular.site_statistics import (
    MOST_CATEGORIES,
    VALUE_BITS,
    AnySaid,
    ColumnMoments,
    ColumnStatistics,
    SiteColumns,
    SiteMoments,
    SiteQuantiles,
    decode_site_statistics,
)
from collegium.data.tabular.study_rows import absence_first, absent_of, class_order, set_aside
from collegium.errors import DataError, FormatError
from collegium.study.document import TableSource, Task
from collegium.study.tables import CLASSES

_FINER = FINE_BITS - VALUE_BITS


def agreed(
    source: TableSource,
    task: Task,
    before: AgreedPreparation | None,
    said: Mapping[str, bytes | None],
) -> AgreedPreparation:
    """Return what follows from what sites say in the step after an agreement.

    Args:
        source: the study's table.
        task: what is to be predicted.
        before: what was agreed before; None in the first step.
        said: what each site said, by name; None where it cannot be had. What is malformed is
            left out, as if it had not been said.

    Raises:
        DataError: nothing can be learned from what is left.
    """
    step = 1 if before is None else before.step + 1
    understood = {}
    for name in sorted(said):
        data = said[name]
        try:
            if data is not None:
                understood[name] = decode_site_statistics(data, step, source.smallest)
        except FormatError:
            continue
    included = tuple(understood)
    if before is None:
        columns = [one for one in understood.values() if isinstance(one, SiteColumns)]
        return _columns(source, task, columns, included)
    return follows_from(before, list(understood.values()), included)


def follows_from(
    before: AgreedPreparation, said: Sequence[AnySaid], included: tuple[str, ...]
) -> AgreedPreparation:
    """Return what follows from what is said in the second or the third step.

    Args:
        before: what was agreed before.
        said: by each site, or by the sum over all of them.
        included: the sites.

    Raises:
        DataError: nothing can be learned from what is left.
    """
    if before.step == 1:
        moments = [one for one in said if isinstance(one, SiteMoments)]
        return _moments(before, moments, included)
    histograms = [one for one in said if isinstance(one, SiteQuantiles)]
    return with_quantiles(before, histograms, included)


def conclusion(
    source: TableSource, task: Task, before: bytes | None, said: Mapping[str, bytes | None],
    fewest: int,
) -> bytes:  # fmt: skip
    """Return the blob of what follows from a step, as every validator and auditor gets it.

    Args:
        source: the study's table.
        task: what is to be predicted.
        before: the blob of the last step's agreement; None in the first step.
        said: the blobs of what sites said, by site; None where one cannot be had.
        fewest: sites that must be included.

    Raises:
        DataError: nothing can be learned, or from too few sites.
        FormatError: the last agreement is malformed.
    """
    found = agreed(source, task, None if before is None else decode_agreed(before), said)
    if len(found.included[-1]) < fewest:
        raise DataError(
            "data.statistics", f"{len(found.included[-1])} sites have said what can be added up",
            f"the study needs {fewest}", "see which sites' statistics are missing or malformed",
        )  # fmt: skip
    return encode_agreed(found)


def _columns(
    source: TableSource, task: Task, said: list[SiteColumns], included: tuple[str, ...]
) -> AgreedPreparation:
    by_name: dict[str, list[ColumnStatistics]] = {}
    for one in said:
        for column in one.columns:
            by_name.setdefault(column.name, []).append(column)
    aside = sorted(set_aside(source))
    everywhere = sum(bool(one.columns) for one in said)
    found = [
        _column(name, by_name[name], everywhere, source.most_categories)
        for name in sorted(by_name.keys() - set(aside))
    ]
    classes = _classes(source, task, said)
    target = _target(source, task, said)
    agreement = AgreedPreparation(
        step=1, task=task, target=target, classes=classes,
        columns=tuple(one for one in found if isinstance(one, AgreedColumn)),
        left_out=tuple(one for one in found if isinstance(one, ExcludedColumn)),
        event=source.event or "", exposure=source.exposure or msgspec.UNSET,
        aside=tuple(aside), absent=absent_of(source), unknown=source.unknown, included=(included,),
    )  # fmt: skip
    return _with_inputs(agreement)


def _column(
    name: str, said: list[ColumnStatistics], everywhere: int, most: int | None
) -> AgreedColumn | ExcludedColumn:
    """Return what becomes of a column; where a site that speaks at all lacks it, it is missing."""
    units = {one.unit for one in said if one.unit}
    if len(units) > 1:
        return ExcludedColumn(name=name, reason="units")
    alive = [one for one in said if one.kind != "empty"]
    if not alive:
        return ExcludedColumn(name=name, reason="empty")
    if all(one.identifier for one in alive):
        return ExcludedColumn(name=name, reason="identifier")
    rows: dict[Literal["numeric", "date", "categorical"], int] = {}
    for one in alive:
        if one.kind != "empty":
            rows[one.kind] = rows.get(one.kind, 0) + one.present
    kind = max(rows, key=lambda one: (rows[one], one))
    missing = len(said) < everywhere or any(one.missing for one in said)
    alike = [one for one in alive if one.kind == kind]
    categories: tuple[str, ...] = ()
    if kind == "categorical":
        sites = Counter(word for one in alike for word in one.categories)
        kept = class_order(sites)
        if most is not None:
            kept = class_order(sorted(kept, key=lambda word: -sites[word])[:most])
        categories = tuple(kept)
        if len(categories) > MOST_CATEGORIES:
            return ExcludedColumn(name=name, reason="too-many")
        if not categories:
            return ExcludedColumn(name=name, reason="no-category")
    return AgreedColumn(
        name=name, unit=min(units, default=""), kind=kind, sites=len(alive), missing=missing,
        categories=categories, exponent=max(one.exponent for one in alike),
    )  # fmt: skip


def _classes(source: TableSource, task: Task, said: list[SiteColumns]) -> tuple[str, ...]:
    fewest, most = CLASSES.get(task, (0, 0))
    if not most:
        return ()
    column = source.target if source.event is None else source.event
    found = source.classes or absence_first(class_order({w for one in said for w in one.classes}))
    if not found:
        raise DataError(
            "data.classes", f"no class of {column!r} is known",
            f"no site has {source.smallest} persons with the same value of it",
            "for a number choose model.architecture = 'linear' and such; for classes form larger"
            " sites, lower data.source.smallest, or name data.source.classes",
        )  # fmt: skip
    if not fewest <= len(found) <= most:
        wanted = "two values" if most == 2 else f"{fewest} values or more"
        raise DataError(
            "data.classes", f"the column {column!r} has {len(found)} different values",
            f"a {task} study needs {wanted}; found:"
            f" {', '.join(found[:10]) or 'none'}{' and more' if len(found) > 10 else ''}",
            "choose another data.source.task and model.architecture, take values together in"
            " data.source.groups, or name those that count in data.source.classes",
        )  # fmt: skip
    if (
        task == "ordinal"
        and not source.classes
        and any(number_of(one) != number_of(one) for one in found)
    ):
        raise DataError(
            "data.classes", f"the order of the classes of {column!r} is not known",
            f"found: {', '.join(found[:10])}",
            "name them from the least to the most in data.source.classes",
        )  # fmt: skip
    return found


def _target(source: TableSource, task: Task, said: list[SiteColumns]) -> AgreedColumn:
    told = [one.target for one in said if isinstance(one.target, ColumnStatistics)]
    if task in CLASSIFYING:
        return AgreedColumn(
            name=source.target, unit="", kind="categorical", sites=len(said), missing=False
        )
    numeric = [one for one in told if one.kind == "numeric"]
    units = {one.unit for one in numeric if one.unit}
    if not numeric or len(units) > 1:
        why = "sites give it in different units" if numeric else "no site has enough numbers of it"
        raise DataError(
            "data.classes", f"the target {source.target!r} cannot be learned", why,
            "correct the tables, choose another data.source.target, or lower"
            " data.source.smallest",
        )  # fmt: skip
    return AgreedColumn(
        name=source.target, unit=min(units, default=""), kind="numeric", sites=len(numeric),
        missing=False, exponent=max(one.exponent for one in numeric),
    )  # fmt: skip


def _moments(
    before: AgreedPreparation, said: list[SiteMoments], included: tuple[str, ...]
) -> AgreedPreparation:
    by_name: dict[str, list[ColumnMoments]] = {}
    for one in said:
        for moment in one.moments:
            by_name.setdefault(moment.name, []).append(moment)
    kept, left_out = [], list(before.left_out)
    for column in before.columns:
        if column.kind == "categorical":
            kept.append(column)
            continue
        with_moments = _with_moments(column, by_name.get(column.name, []))
        if with_moments.scale or (column.missing and by_name.get(column.name)):
            kept.append(with_moments)
        else:
            reason: Reason = "constant" if by_name.get(column.name) else "empty"
            left_out.append(ExcludedColumn(name=column.name, reason=reason))
    target = before.target
    if before.task not in CLASSIFYING:
        target = _with_moments(target, by_name.get(target.name, []))
    return _with_inputs(msgspec.structs.replace(
        before, step=2, target=target, columns=tuple(kept),
        left_out=tuple(sorted(left_out, key=lambda one: one.name)),
        included=(*before.included, included),
    ))  # fmt: skip


def _with_moments(column: AgreedColumn, said: list[ColumnMoments]) -> AgreedColumn:
    """Return a column with mean and standard deviation, the latter 0 where all values are one."""
    rows = sum(one.rows for one in said)
    if not rows:
        return column
    total, squares = sum(int(one.sum) for one in said), sum(int(one.squares) for one in said)
    center = _rounded(total << _FINER, rows)
    deviation = rows * squares - total * total
    scale = isqrt((deviation << (2 * _FINER)) // (rows * rows))
    return msgspec.structs.replace(column, center=center, scale=scale)


def _with_inputs(agreement: AgreedPreparation) -> AgreedPreparation:
    if agreement.columns:
        return agreement
    reasons = "; ".join(f"{one.name}: {REASONS[one.reason]}" for one in agreement.left_out[:10])
    raise DataError(
        "data.no-inputs", "the table has no column to predict from", reasons or "no site has any",
        "add columns, form larger sites, or lower data.source.smallest",
    )  # fmt: skip


def _rounded(numerator: int, denominator: int) -> int:
    """Return the nearest integer of a fraction with a positive denominator, halves upwards."""
    return (2 * numerator + denominator) // (2 * denominator)
