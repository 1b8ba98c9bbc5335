"""The section about the sites in numbers: a study's Table 1."""

from __future__ import annotations

from collegium.report.content import ReportContent
from collegium.report.markup import Child, Markup, element, join, paragraph, table
from collegium.report.measurements import SiteDescription
from collegium.report.quality_sections import SIGNED, computed
from collegium.report.wording import count, share

_MANY = 6
"""Of more classes none is counted here."""


def sites(content: ReportContent) -> Markup:
    """Return the sites in numbers, or why there are none."""
    found = content.site_table
    if found is None:
        return paragraph(
            "Sites tell nothing of their rows but noised numbers (differential privacy), so there "
            "is no table of sites."
            if content.protections.privacy
            else "The sites' rows were not described."
        )
    names = _classes(content)
    told = found.of == "all"
    heads = ["Site", "Rows" if told else "Test rows", *["Persons"] * told, *names]
    heads += ["Missing values"] * told
    everybody = (found.together, *found.sites)
    origin = computed(content) if told else SIGNED
    what = "all rows of the study" if told else "what the sites signed of their test rows"
    return join(
        table(
            join(f"Table 1. The sites: {what} ", origin),
            heads,
            [_row(one, len(names), told=told) for one in everybody],
            class_="numbers",
        ),
        paragraph(_note(content, told=told), class_="note"),
    )


def _row(one: SiteDescription, classes: int, *, told: bool) -> list[Child]:
    cells: list[Child] = [one.site[:1].upper() + one.site[1:] if " " in one.site else one.site]
    cells.append(_count(one.rows))
    if told:
        cells.append(_count(one.persons))
    if classes:
        shown = (one.classes or ())[-classes:]
        rows = sum(one.classes or ())
        cells += (
            [f"{count(number)} ({share(number / rows)})" for number in shown]
            if shown
            else [_untold()] * classes
        )
    if told:
        cells.append(_untold() if one.missing is None else share(one.missing))
    return cells


def _classes(content: ReportContent) -> list[str]:
    if content.task == "binary":
        return ["With the outcome"]
    if content.task == "survival":
        return ["With the event"]
    names = content.schema.classes
    return list(names) if len(names) <= _MANY else []


def _note(content: ReportContent, *, told: bool) -> str:
    small = "Counts below five are not told, and neither are counts from which one would follow."
    if not told:
        return f"{small} Persons and missing values stay at the sites."
    if content.protections.secrecy is not None:
        small += " With secure aggregation a site tells its number of rows alone."
    return f"{small} Missing values are a share of all cells of the model's columns."


def _count(number: int | None) -> Child:
    return _untold() if number is None else count(number)


def _untold() -> Markup:
    return element("span", "not told", class_="absent")
