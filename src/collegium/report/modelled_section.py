"""The section about time and energy on a simulated network."""

from __future__ import annotations

from collegium.report import charts
from collegium.report.content import ReportContent
from collegium.report.markup import Markup, badge, bullets, element, folded, join, paragraph, table
from collegium.report.modelled import Modelled, Spending
from collegium.report.wording import number, title_of


def modelled(content: ReportContent) -> Markup:
    """Return what was modelled, drawn and in numbers, and by which assumptions."""
    found = content.modelled
    if found is None:
        return Markup("")
    figures = found.figures
    return join(
        paragraph(
            "Nothing here was measured on a real network or with a meter. Virtual time and energy "
            "follow from a model, whose constants are assumptions. ",
            badge("modelled", "computed"),
        ),
        paragraph(
            f"{figures.protocol} of {figures.validators} validators on the network "
            f"{figures.network} took {_rounded(figures.virtual_seconds)} virtual seconds."
            f"{_joules(found)}"
        ),
        element("div", *(_drawn(found, one) for one in found.spendings), class_="panels")
        if found.spendings
        else "",
        paragraph(
            "The shaded band is between all assumed durations and energies halved and all of them "
            "doubled. What a study waits for by its own settings is not scaled where it counts as "
            "waiting.",
            class_="note",
        )
        if found.spendings
        else "",
        table(
            "Modelled, over all closed rounds: virtual seconds, and joules beyond waiting",
            ["Part", "Seconds", "Joules"],
            [[name, _rounded(seconds), _rounded(joules)] for name, seconds, joules in found.parts],
            class_="numbers",
        ),
        folded(
            "The assumptions", bullets([f"{what}: {source}." for what, source in found.assumptions])
        ),
    )


def _joules(found: Modelled) -> str:
    joules, grams = found.figures.joules, found.figures.co2e_g
    if joules is None or grams is None:
        return ""
    return (
        f" The study took {_rounded(joules.marginal)} J beyond what the members' machines draw "
        f"anyway, which is {_rounded(joules.idle)} J in that time; both together, "
        f"{_rounded(grams)} g of CO2 equivalents."
    )


def _drawn(found: Modelled, spending: Spending) -> Markup:
    spent, low, high, values = zip(*spending.points, strict=True)
    measure = title_of(found.measure)
    last = f"{number(found.measure, values[-1])} after {_rounded(spent[-1])}"
    return element(
        "figure",
        element("figcaption", f"{measure} against {spending.unit.lower()} (modelled)"),
        charts.banded(
            f"{measure} on training rows against {spending.unit.lower()}, modelled",
            f"{last}; between {_rounded(low[-1])} and {_rounded(high[-1])} with assumptions halved "
            "and doubled.",
            tuple(zip(spent, values, strict=True)),
            (tuple(zip(low, values, strict=True)), tuple(zip(high, values, strict=True))),
            charts.axis_over(0.0, high[-1]),
            charts.axis_over(min(values), max(values), 4),
            spending.unit,
        ),
    )


def _rounded(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
