"""The map of losses by rule and attack: each cell has its number and one of nine shades.

Shades have one hue and go from that of the page to its opposite, in a light page and in a dark
one: who sees no colour at all, or prints in grey, sees the same order.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean

from collegium.benchmark.summary import AttackSummary, RuleSummary
from collegium.report.markup import Markup, element, join, paragraph, scroller
from collegium.report.wording import counted, span

STEPS = (0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 40.0)
"""Losses in points at which the next shade begins."""

LIGHT = (
    "#fcf3ed", "#fbe1cc", "#f9cca8", "#f4b581", "#ed9c55", "#dd8123", "#a25a08", "#7b4200",
    "#552c00",
)  # fmt: skip
DARK = (
    "#25211d", "#3e2c1a", "#55391b", "#6e461a", "#8a5619", "#d28425", "#e69b4c", "#f6b575",
    "#fed6af",
)  # fmt: skip
"""Shades from the least loss on: equal steps of lightness in OKLCH (Ottosson 2020)."""

INK_LIGHT, INK_DARK = "#20252d", "#ffffff"
"""Of text on a shade: dark on the lighter ones, and light on the darker ones."""


def _shades(shades: Sequence[str], dark_ink: range) -> str:
    return "".join(
        f".h{step} {{ background: {shade}; "
        f"color: {INK_LIGHT if step in dark_ink else INK_DARK}; }}\n"
        for step, shade in enumerate(shades)
    )


STYLE = f"""
.heat {{ font-size: .82rem; border-collapse: separate; border-spacing: 2px; width: auto;
  margin: 0; }}
.heat th, .heat td {{ border: 0; padding: .25rem .4rem; text-align: right; }}
.heat thead th {{ writing-mode: vertical-rl; text-align: right; vertical-align: middle;
  white-space: nowrap; padding: .4rem .25rem; }}
.heat thead th:first-child {{ writing-mode: horizontal-tb; text-align: left;
  vertical-align: bottom; }}
.heat tbody th {{ text-align: left; }}
.heat td {{ min-width: 2.9rem; border-radius: 3px; }}
.heat .none {{ color: var(--soft); }}
.scale {{ list-style: none; padding: 0; margin: 0 0 1rem; display: flex; flex-wrap: wrap; gap: 2px;
  font-size: .82rem; font-variant-numeric: tabular-nums; }}
.scale li {{ margin: 0; padding: .2rem .6rem; border-radius: 3px; }}
{_shades(LIGHT, range(6))}@media (prefers-color-scheme: dark) {{
{_shades(DARK, range(5, 9))}}}
@media (max-width: 44rem) {{ .heat tbody th {{ max-width: 9.5rem; }} }}
@media print {{ .heat td, .scale li {{ print-color-adjust: exact; }} }}
"""


def heat_map(title: str, rows: Sequence[RuleSummary]) -> Markup:
    """Return the map of rules in their order, the most harmful attack at the left, and its scale.

    Args:
        title: what is shown, for those who do not see it.
        rows: rules that were attacked.
    """
    losses: dict[str, list[float]] = {}
    for one in rows:
        for found in one.against:
            losses.setdefault(found.attack, []).append(found.loss.value)
    attacks = sorted(losses, key=lambda name: (-fmean(losses[name]), name))
    head = element("tr", *(element("th", one, scope="col") for one in ("Rule", *attacks)))
    body = [
        element("tr", element("th", rule_name(one.rule), scope="row"), *_cells(one, attacks))
        for one in rows
    ]
    heat = element("table", element("thead", head), element("tbody", *body), class_="heat")
    return join(
        paragraph("Loss to each attack, in points:", class_="note"),
        element("ul", *(element("li", words, class_=f"h{step}") for step, words in _scale()),
                class_="scale"),
        scroller(heat, title=title),
    )  # fmt: skip


def rule_name(rule: str) -> Markup:
    """Return a rule's name, which may break between its parts."""
    first, *others = rule.split("+")
    return join(first, *(join("+", element("wbr"), one) for one in others))


def points(value: float) -> str:
    """Return points of accuracy to one decimal, with a minus sign that is none of zero."""
    return f"{round(value, 1) + 0.0:.1f}".replace("-", "−")


def _scale() -> list[tuple[int, str]]:
    between = [span(f"{low:g}", f"{high:g}") for low, high in pairwise(STEPS)]
    return list(enumerate((f"below {STEPS[0]:g}", *between, f"{STEPS[-1]:g} or more")))


def _cells(one: RuleSummary, attacks: Sequence[str]) -> list[Markup]:
    by_attack = {found.attack: found for found in one.against}
    return [
        element("td", "–", class_="none") if attack not in by_attack else _cell(by_attack[attack])
        for attack in attacks
    ]


def _cell(found: AttackSummary) -> Markup:
    value = found.loss.value
    failed = f"; {counted(found.failed, 'study', 'studies')} failed" if found.failed else ""
    at_most = f"{found.attack}: at most {points(found.largest)} in "
    return element(
        "td",
        points(value),
        class_=f"h{sum(value >= step for step in STEPS)}",
        title=f"{at_most}{counted(found.trials, 'trial')}{failed}",
    )
