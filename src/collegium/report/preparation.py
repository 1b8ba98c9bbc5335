"""What a report says of a table's preparation: what was agreed, and what statistics left a site."""

from __future__ import annotations

from dataclasses import dataclass

from collegium.data.tabular.agreed_preparation import REASONS, AgreedColumn, AgreedPreparation
from collegium.data.tabular.preparation import target_unit, value_of
from collegium.report.markup import Markup, bullets, join, paragraph, table
from collegium.report.wording import counted


@dataclass(frozen=True, slots=True)
class Preparation:
    """A table's columns as agreed, the columns that no model sees, and who said what.

    `columns` are cells: name, what it is, how it enters, at how many sites it has values, and
    whether its absence is an input. `target` says how the target is trained, where that is not as
    it stands. `included` are the sites whose statistics were added, by step; `summed` says that
    from the second step on nobody saw a single site's. Of `described` columns the document says
    everything, and nobody said anything.
    """

    columns: tuple[tuple[str, str, str, str, str], ...]
    left_out: tuple[tuple[str, str], ...]
    included: tuple[tuple[str, ...], ...]
    smallest: int
    target: str = ""
    summed: bool = False
    described: bool = False


def preparation_of(
    agreement: AgreedPreparation, smallest: int, *, summed: bool = False
) -> Preparation:
    """Return what a report tells of an agreement, and of how many persons sites speak."""
    return Preparation(
        tuple(_column(one) for one in agreement.columns),
        tuple((one.name, REASONS[one.reason]) for one in agreement.left_out),
        agreement.included,
        smallest,
        _target(agreement),
        summed,
        described=agreement.step == 0,
    )


def _target(agreement: AgreedPreparation) -> str:
    name, unit = agreement.target.name, target_unit(agreement)
    if unit is not None:
        return f"The target “{name}” is standardized: (value - {unit[0]:.6g}) / {unit[1]:.6g}."
    if isinstance(agreement.exposure, str):
        return (
            f"“{name}” is counted over the exposure “{agreement.exposure}”. The model "
            "predicts a rate."
        )
    return ""


def _column(column: AgreedColumn) -> tuple[str, str, str, str, str]:
    if column.kind == "categorical":
        what = f"one of {', '.join(column.categories)}"
        enters = f"indicators beside {column.categories[0]}, and one for any other"
    else:
        what = (
            "date" if column.kind == "date" else f"number{f' in {column.unit}' * bool(column.unit)}"
        )
        unit = "days since 1970" if column.kind == "date" else column.unit
        center, scale = value_of(column, column.center), value_of(column, column.scale)
        enters = f"(value - {center:.6g}) / {scale:.6g}{f' {unit}' if unit else ''}"
        enters = enters if column.scale else "only a missing-value indicator"
    return column.name, what, enters, str(column.sites), "yes" if column.missing else "no"


def _told(smallest: int, *, summed: bool) -> tuple[str, str, str]:
    """Return what a site says in each step."""
    many = f"{smallest} persons or more"
    rounded = ", rounded down," if summed else ""
    hidden = "; masked: only the sum over the sites was visible" if summed else ""
    bins = f"64 bins, joined in the sum until each has {many}" if summed else f"cells of {many}"
    return (
        f"of each column its name and unit, and where {many} have a value its kind, how many"
        f" training rows have one{rounded or ','} the power of two that no value exceeds, and the"
        " categories that"
        f" {many} share; the target's classes by name",
        "of each number and date: how many values, their sum and the sum of their squares, exactly"
        f"{hidden}",
        f"of each number and date: a histogram in {bins}{hidden}",
    )


def section(preparation: Preparation) -> Markup:
    """Return the section's content."""
    if preparation.described:
        return _described(preparation)
    heads = ("Column", "What it is", "Encoding", "Sites with values", "Missing-value indicator")
    steps = _told(preparation.smallest, summed=preparation.summed)
    pairs = zip(steps, preparation.included, strict=False)
    said = bullets([f"{told} ({counted(len(sites), 'site')})" for told, sites in pairs])
    what = "sums over the sites" if preparation.summed else "the sites' statistics"
    left_out = (
        join(
            paragraph("Excluded columns:"),
            bullets([f"{name}: {why}" for name, why in preparation.left_out]),
        )
        if preparation.left_out
        else Markup("")
    )
    return join(
        paragraph(
            "The sites agreed on the preparation of their tables on the ledger, before the "
            f"first round. Every validator recomputed it from {what}. The statistics are "
            "computed from training rows only."
        ),
        paragraph(preparation.target) if preparation.target else "",
        table("The model's columns", heads, preparation.columns),
        left_out,
        paragraph("For this, each site released only:"),
        said,
    )


def _described(preparation: Preparation) -> Markup:
    """Return the section of a table whose columns the study's document describes."""
    heads = ("Column", "What it is", "Encoding", "Missing-value indicator")
    columns = [(name, what, how, missing) for name, what, how, _, missing in preparation.columns]
    return join(
        paragraph(
            "The study document describes the columns: their ranges, categories and scales. The "
            "sites exchanged no statistics for this, so that the preparation costs no privacy. "
            "That the ranges and categories were known without looking at rows is the word of "
            "whoever wrote them, and cannot be verified."
        ),
        paragraph(preparation.target) if preparation.target else "",
        table("The model's columns", heads, columns),
    )
