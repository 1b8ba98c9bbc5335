"""The section about subgroups: the study's model on each group that the study names."""

from __future__ import annotations

from collections.abc import Sequence

from collegium.report.answer import KEY_FIGURES
from collegium.report.content import ReportContent
from collegium.report.figures import Figure
from collegium.report.markup import Child, Markup, join, paragraph, table
from collegium.report.measurements import Subgroup
from collegium.report.quality_sections import computed, figure
from collegium.report.wording import PRIMARY, count, in_sentence, number, title_of

_SMALL = "withheld: too few rows, or too few of a class, in this group or in one that would follow"
_SPECIFIED = "The subgroups were specified when the study was registered."
_USUAL = "The study specifies no subgroups; these are the usual ones, by sex and by age."


def subgroups(content: ReportContent) -> Markup:
    """Return the quality of the study's model by subgroup."""
    names = KEY_FIGURES[content.task]
    rows: list[Sequence[Child]] = [
        [
            one.title,
            "withheld" if one.rows is None else count(one.rows),
            *(figure(name, _figure(one, name)) for name in names),
        ]
        for one in content.subgroups
    ]
    return join(
        paragraph(
            _USUAL if content.usual_subgroups else _SPECIFIED, " ", _weakest(content), " ",
            computed(content),
        ),
        table(
            "The study’s model by subgroup, with 95\u00a0% intervals",
            ["Subgroup", "Test rows", *map(title_of, names)],
            rows,
            class_="figures",
        ),
        paragraph(
            "Small groups have wide intervals. Different values do not prove that the model "
            "treats two groups differently, and similar values do not prove that it treats them "
            "equally. Groups of different features overlap.",
            class_="note",
        ),
    )  # fmt: skip


def _figure(one: Subgroup, name: str) -> Figure:
    value, interval = one.overall.get(name), one.intervals.get(name)
    if value is None:
        return Figure(absent=_SMALL if one.rows is None else "undefined for these rows")
    if interval is None:
        return Figure(value, absent="no interval")
    return Figure(value, interval.low, interval.high)


def _weakest(content: ReportContent) -> str:
    """Return between which groups the primary measure goes from lowest to highest."""
    primary = PRIMARY[content.task]
    told = sorted(
        (value, one.title)
        for one in content.subgroups
        if (value := one.overall.get(primary)) is not None
    )
    if len(told) < 2:
        return "Fewer than two subgroups are large enough to measure."
    low, high = (f"{number(primary, value)} ({title})" for value, title in (told[0], told[-1]))
    return f"By subgroup, {in_sentence(primary)} ranges from {low} to {high}."
