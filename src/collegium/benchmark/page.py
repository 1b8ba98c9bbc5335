"""A robustness benchmark's page: the rules in order, how each attack harms each, what it is worth.

Rules are ranked by what they keep: the accuracy under the attack that is worst for them.
"""

from __future__ import annotations

from collections.abc import Sequence

from collegium.benchmark import heat_map
from collegium.benchmark.grid import Grid
from collegium.benchmark.heat_map import points, rule_name
from collegium.benchmark.summary import FEWEST_SPLITS, Mean, Requirement, RuleSummary, ranked
from collegium.benchmark.trial import Part
from collegium.plugins import find
from collegium.report.markup import (
    Child,
    Markup,
    badge,
    bullets,
    element,
    folded,
    join,
    paragraph,
    table,
)
from collegium.report.shell import whole_page
from collegium.report.wording import counted, span
from collegium.study.document import Study

_STYLE = (
    heat_map.STYLE
    + """
.benchmark { max-width: 84rem; }
.ranking tbody th { white-space: nowrap; }
"""
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
    return whole_page(
        f"{title} · Collegium benchmark",
        [
            paragraph("Robustness benchmark", class_="kicker"),
            element("h1", title),
            paragraph(element("strong", "Question. "), study.study.question, class_="question"),
        ],
        [
            _answer(grid, standings, demands),
            *(_of_count(count, standings) for count in grid.counts),
            _granted(grid),
            _measured(study, grid, part),
        ],
        "Not for clinical use. Made by collegium bench robustness: simulated adversaries on "
        "research data.",
        style=_STYLE,
        class_="benchmark",
    )


def _answer(grid: Grid, standings: Sequence[RuleSummary], demands: Sequence[Requirement]) -> Markup:
    return element(
        "section",
        element("h2", "Answer", badge("Not for clinical use", "clinical")),
        *(paragraph(_lead(one, ranked(standings, one)), class_="lead") for one in grid.counts),
        paragraph("Requirements for the study's own rule:") if demands else "",
        bullets([
            join(element("strong", _HOLDS[one.holds]), f": {one.says}. Measured: {one.measured}.")
            for one in demands
        ]),
        class_="answer",
        id="answer",
    )  # fmt: skip


_HOLDS = {True: "Holds", False: "Does not hold", None: "Not decided"}


def _lead(count: int, order: Sequence[RuleSummary]) -> str:
    if not order:
        return f"No rule was tested against {_attackers(count)}."
    best = order[0]
    lead = (
        f"Against {_attackers(count)}, {best.rule} keeps the highest accuracy under its worst "
        f"attack ({best.against[0].attack}): {_in_words(best.against[0].kept)}."
    )
    plain = next((one for one in order if one.rule == "fedavg" and one is not best), None)
    if plain is None:
        return lead
    return f"{lead} Without a defence, FedAvg keeps {_in_words(plain.against[0].kept)}."


def _of_count(count: int, standings: Sequence[RuleSummary]) -> Markup:
    order = ranked(standings, count)
    refused = [
        f"{one.rule}: {one.refused}"
        for one in standings
        if one.count == count and one.refused is not None
    ]
    shown: list[Child] = []
    if order:
        shown = [
            table(
                "Rules by the accuracy that they keep under their worst attack, in percent; losses "
                "in percentage points. Where intervals overlap, the order may be chance.",
                ("Rule", "Kept under the worst attack", "Worst attack", "Without an attack",
                 "Largest loss of a trial", "Loss to the best choice"),
                [_standing(one) for one in order],
                class_="figures ranking",
            ),
            heat_map.heat_map(f"Losses by rule and attack, {_attackers(count)}", order),
        ]  # fmt: skip
    return element(
        "section",
        element("h2", _attackers(count).capitalize()),
        *shown,
        folded("Rules that cannot work with these numbers", bullets(refused)) if refused else "",
        id=f"attackers-{count}",
    )


def _standing(one: RuleSummary) -> Sequence[Child]:
    worst = one.against[0]
    return (
        rule_name(one.rule), _figure(worst.kept), worst.attack, _figure(one.clean),
        points(worst.largest), _figure(one.hindsight),
    )  # fmt: skip


def _granted(grid: Grid) -> Markup:
    rows: list[Sequence[Child]] = []
    for name in grid.attacks:
        attack = find("attacks", name)
        words = dict(attack.grant.words())
        rows.append((name, attack.about, words["Knows"], words["Adapts"]))
    return element(
        "section",
        element("h2", "What each attack is granted"),
        table("Attacks", ("Attack", "What it does", "What it knows", "How it adapts"), rows),
        id="granted",
    )


def _measured(study: Study, grid: Grid, part: Part) -> Markup:
    trials = len(grid.splits) * grid.placements
    rows = (
        "test parts"
        if part == "test"
        else "training parts (for choosing a design, not for reporting)"
    )
    intervals = (
        "Intervals are 95 % intervals (Student's t over splits)."
        if len(grid.splits) >= FEWEST_SPLITS
        else f"There are no intervals: they need at least {FEWEST_SPLITS} splits."
    )
    return element(
        "section",
        element("h2", "How it was measured"),
        paragraph(
            f"Accuracy is in percent of the honest sites' rows, on {rows}. A loss is the accuracy "
            "of the rule's clean run minus that under attack, on the same rows, in percentage "
            f"points. Each figure is the mean over {counted(len(grid.splits), 'split')} with "
            f"{counted(grid.placements, 'placement')} of the attackers each "
            f"({counted(trials, 'trial')}): the sites with the highest weight, those with the "
            f"lowest, then random ones. {intervals}"
        ),
        paragraph(
            "The worst attack is the one that is worst on average. The loss to the best choice is "
            "that to attackers who choose the best attack for each split and placement."
        ),
        paragraph(
            f"{counted(study.training.rounds, 'round')}, "
            f"{counted(study.training.local_epochs, 'local epoch')}, momentum at the sites "
            f"{study.training.site_momentum or 0:g}. A robust rule is set to tolerate as many "
            "sites as attack. FedAvg is the undefended baseline: it tolerates no attackers and "
            "uses no momentum."
        ),
        id="measured",
    )


def _attackers(count: int) -> str:
    return counted(count, "attacker")


def _in_words(mean: Mean) -> str:
    bounds = _bounds(mean)
    return f"{points(mean.value)}\u00a0%" + (f" ({bounds})" if bounds else "")


def _figure(mean: Mean | None) -> Markup:
    if mean is None:
        return element("span", "not measured", class_="absent")
    bounds = _bounds(mean)
    return join(
        element("span", points(mean.value), class_="value"),
        *((" ", element("span", bounds, class_="interval")) if bounds else ()),
    )


def _bounds(mean: Mean) -> str:
    if mean.low is None or mean.high is None:
        return ""
    return span(points(mean.low), points(mean.high))
