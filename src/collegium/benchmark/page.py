"""A robustness benchmark's page: what is demanded, the heat map, who was granted what."""

from __future__ import annotations

from collections.abc import Sequence

from collegium.benchmark.grid import Grid
from collegium.benchmark.summary import AttackSummary, Requirement, RuleSummary, in_words
from collegium.benchmark.trial import Part
from collegium.plugins import find
from collegium.report.markup import (
    Child,
    Markup,
    bullets,
    element,
    folded,
    join,
    paragraph,
    table,
)
from collegium.report.style import STYLE
from collegium.study.document import Study

_STEPS = (0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 40.0)
"""Losses in points at which the next shade begins."""

_HEAT = """
.wide { overflow-x: auto; margin: 0 0 1rem; }
.heat { font-size: .82rem; border-collapse: separate; border-spacing: 2px; width: auto; }
.heat, .heat caption, .heat tbody, .heat th, .heat td { width: auto; }
.heat { display: table; } .heat caption { display: table-caption; }
.heat thead { display: table-header-group; position: static; width: auto; height: auto;
  clip-path: none; }
.heat tbody { display: table-row-group; } .heat tr { display: table-row; }
.heat th, .heat td { display: table-cell; border: 0; padding: .25rem .4rem; text-align: right; }
.heat td::before { content: none; }
.heat thead th { writing-mode: vertical-rl; text-align: left; vertical-align: bottom;
  white-space: nowrap; }
.heat thead th:first-child { writing-mode: horizontal-tb; }
.heat tbody th { text-align: left; white-space: nowrap; position: sticky; left: 0;
  background: var(--paper); }
.heat td { min-width: 2.9rem; border-radius: 3px; }
.heat .none { color: var(--soft); }
""" + "".join(
    f".heat td.h{step} {{ background: color-mix(in oklab, var(--bad) {share}%, var(--panel)); }}\n"
    for step, share in enumerate((0, 6, 14, 24, 36, 48, 60, 72, 84))
)


def page(
    study: Study,
    grid: Grid,
    part: Part,
    standings: Sequence[RuleSummary],
    demands: Sequence[Requirement],
) -> str:
    """Return the page as HTML that needs nothing else."""
    title = f"Robustness of rules on {study.study.id}"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", title),
        element("style", Markup(STYLE + _HEAT)),
    )
    body = element(
        "body",
        paragraph("Benchmark", class_="kicker"),
        element("h1", title),
        paragraph(study.study.question, class_="question"),
        _about(study, grid, part),
        _demanded(demands),
        *(_map(grid, count, standings) for count in grid.counts),
        _granted(grid),
        element(
            "footer",
            "Made by collegium bench robustness. Simulated adversaries on research data: not for "
            "clinical use.",
        ),
    )
    return f"<!DOCTYPE html>\n{element('html', head, body, lang='en').source}\n"


def _about(study: Study, grid: Grid, part: Part) -> Markup:
    trials = len(grid.splits) * grid.placements
    rows = (
        "test parts"
        if part == "test"
        else ("training parts (for choosing a design, not for reporting)")
    )
    return join(
        paragraph(
            "Each cell is the loss of accuracy under attack in percentage points: the accuracy "
            f"of the rule's clean run minus that under attack, on the same {rows} of the honest "
            f"sites. It is the mean over {len(grid.splits)} splits with {grid.placements} "
            f"placements of the attackers each ({trials} trials): the sites with the highest "
            "weight, those with the lowest, then random ones. Brackets: 95 % intervals "
            "(Student's t over splits)."
        ),
        paragraph(
            f"{study.training.rounds} rounds, {study.training.local_epochs} local epochs, "
            f"momentum at the sites {study.training.site_momentum or 0:g}; a robust rule is set "
            "to tolerate as many sites as attack. FedAvg is the undefended baseline: it "
            "tolerates no attackers and uses no momentum."
        ),
    )


def _demanded(demands: Sequence[Requirement]) -> Markup:
    if not demands:
        return Markup("")
    return element(
        "section",
        element("h2", "Requirements for the study's own rule"),
        bullets(
            [
                join(
                    element("strong", "Holds" if one.holds else "Does not hold"),
                    f": {one.says}. Measured: {one.measured}.",
                )
                for one in demands
            ]
        ),
    )


def _map(grid: Grid, count: int, standings: Sequence[RuleSummary]) -> Markup:
    rows = [one for one in standings if one.count == count]
    heads = ("rule", "clean", "worst", "best choice", *grid.attacks)
    columns = [element("th", one, scope="col") for one in heads]
    body = [element("tr", element("th", one.rule, scope="row"), *_cells(grid, one)) for one in rows]
    worst: list[Sequence[Child]] = [
        (one.rule, in_words(one.clean), one.against[0].attack, in_words(one.against[0].loss),
         f"{one.against[0].largest:.1f}", in_words(one.hindsight))
        for one in sorted(rows, key=lambda one: one.against[0].loss.value if one.against else 0.0)
        if one.clean is not None and one.against and one.hindsight is not None
    ]  # fmt: skip
    refused = [f"{one.rule}: {one.refused}" for one in rows if one.refused is not None]
    attackers = "attacker" if count == 1 else "attackers"
    return element(
        "section",
        element("h2", f"{count} {attackers}"),
        element(
            "div",
            element(
                "table",
                element(
                    "caption",
                    "“worst” is the loss to the attack that is worst on average; “best choice” "
                    "is the loss if the best attack is chosen for each split and placement.",
                ),
                element("thead", element("tr", *columns)),
                element("tbody", *body),
                class_="heat",
            ),
            class_="wide",
        ),
        table(
            "Every rule against its worst attack, the least harmed first",
            ("rule", "clean accuracy", "worst attack", "loss", "largest loss of a trial",
             "loss to the best choice"),
            worst,
        )
        if worst
        else "",
        folded("Rules that cannot work with these numbers", bullets(refused)) if refused else "",
    )  # fmt: skip


def _cells(grid: Grid, one: RuleSummary) -> list[Markup]:
    if one.refused is not None:
        return [element("td", "–", class_="none") for _ in range(3 + len(grid.attacks))]
    by_attack = {found.attack: found for found in one.against}
    clean = "" if one.clean is None else f"{one.clean.value:.1f}"
    worst = one.against[0] if one.against else None
    hindsight = one.hindsight.value if one.hindsight is not None else None
    return [
        element("td", clean),
        _shaded(None if worst is None else worst.loss.value, worst),
        _shaded(hindsight, None),
        *(_shaded(found.loss.value if (found := by_attack.get(attack)) else None, found)
          for attack in grid.attacks),
    ]  # fmt: skip


def _shaded(loss: float | None, against: AttackSummary | None) -> Markup:
    if loss is None:
        return element("td", "–", class_="none")
    step = sum(loss >= one for one in _STEPS)
    title = None
    if against is not None:
        failed = f"; {against.failed} studies failed" if against.failed else ""
        title = (
            f"{against.attack}: {in_words(against.loss)}, at most {against.largest:.1f} in "
            f"{against.trials} trials{failed}"
        )
    return element("td", f"{loss:.1f}", class_=f"h{step}", title=title)


def _granted(grid: Grid) -> Markup:
    rows: list[Sequence[Child]] = []
    for name in grid.attacks:
        attack = find("attacks", name)
        words = dict(attack.grant.words())
        rows.append((name, attack.about, words["Knows"], words["Adapts"]))
    return element(
        "section",
        element("h2", "What each attack is granted"),
        table("", ("attack", "what it does", "what it knows", "how it adapts"), rows),
    )
