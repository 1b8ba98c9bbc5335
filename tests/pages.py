"""Every page that Collegium writes, made for a browser to show. A new page is one line of PAGES."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from msgspec.structs import replace as with_fields
from tests.comparisons import compared
from tests.report.modelled_run import simulated
from tests.report.synthetic import LIAR, SITES, inputs, verification
from tests.serving.folder import everything_in, network_in, served

from collegium.audit.findings import Finding, StudyPrivacySpent
from collegium.audit.subjects import AboutMember
from collegium.benchmark.consensus import try_protocols
from collegium.benchmark.consensus_page import page as protocols_page
from collegium.benchmark.consensus_rows import ConsensusGrid, Load, RefusedCell
from collegium.benchmark.grid import RULES, Grid, attacks_with_updates
from collegium.benchmark.page import page as robustness_page
from collegium.benchmark.summary import requirements, rule_summaries
from collegium.benchmark.trial import AttackedTrial, CleanTrial, Line, RefusedTrial
from collegium.data.table import Task
from collegium.measuring.reporting import report_on
from collegium.report import comparison_page
from collegium.report.content import ReportContent
from collegium.report.measurements import Explanation, Importance, Interval, Picture, Subgroup
from collegium.report.page import render
from collegium.simulation.execution import run
from collegium.study.document import Privacy, SecureAggregation
from collegium.study.reading import read_study

Making = Callable[[Path], AbstractContextManager[str]]
"""Makes a page within an empty folder and gives its address, for as long as it is shown."""


@dataclass(frozen=True)
class Shown:
    """A page to look at; `long` where making it, or one like it, is left to the longer run."""

    name: str
    made: Making
    long: bool = False


def text(source: Callable[[], str]) -> Making:
    """A page that is a text."""

    @contextmanager
    def made(folder: Path) -> Iterator[str]:
        path = folder / "page.html"
        path.write_text(source(), encoding="utf-8")
        yield path.as_uri()

    return made


@contextmanager
def a_run(folder: Path) -> Iterator[str]:
    """The report of a run of which one member lied, made as `collegium run` makes it."""
    lie = 'threat={attack="lying_validator", attackers=["va"], rounds=[2]}'
    run("heart", out=folder / "run", changes=["training.rounds=2", "evaluation.bootstrap=100", lie])
    yield report_on(folder / "run").as_uri()


def everything() -> ReportContent:
    """A report with every part that a run may or may not have."""
    one = inputs()
    secure = SecureAggregation(groups=2, threshold=2, norm_bound=1.5, sum_check="pedersen")
    spent = tuple(
        StudyPrivacySpent(
            site=site, study="fever", unit="patient", rounds=12, epsilon=2.0, budget=4.0,
            delta=1e-5, evaluation=4.0, mechanism="dp_sgd@1", sampling_rate=0.1,
            noise_multiplier=3.9, steps_per_round=10, accountant="rdp@1",
        )
        for site in SITES
    )  # fmt: skip
    content = replace(
        one, study=with_fields(one.study, privacy=Privacy(secure_aggregation=secure))
    ).content(verification=verification(LIAR, privacy=spent))
    sites = tuple(
        replace(one, site=f"{one.site}_{number}") for number in range(3)
        for one in content.quality.sites
    )  # fmt: skip
    loss = {one.site: 0.01 * place for place, one in enumerate(sites)}
    groups = (
        Subgroup("men", "sex", 120, {"auc": 0.8, "accuracy": 0.7}, {"auc": Interval(0.7, 0.9)}),
        Subgroup("women", "sex", 80, {"auc": 0.6, "accuracy": 0.75}, {}),
        Subgroup("over 90", "age", None, {}, {}),
    )
    features = (
        Importance(
            feature="age", title="age at the first visit, in whole years", drop=0.12, spread=0.01,
            loss=loss, effect=(("30", 0.2), ("40", 0.3), ("50", 0.5)),
        ),
        Importance(
            feature="cp", title=f"{'pain_' * 12}as_a_table_may_call_it", drop=None, spread=0.0,
            loss=loss, effect=(("none", 0.2), ("some", 0.4)),
        ),
    )  # fmt: skip
    quality = replace(content.quality, sites=sites)
    return replace(
        content, quality=quality, subgroups=groups, explanation=Explanation(features, 0.4),
        modelled=simulated().modelled,
    )  # fmt: skip


def broken() -> ReportContent:
    """A report of a record that does not verify."""
    bad = Finding(
        "member.equivocated", "error", AboutMember("brugge"), {"transaction": "x", "count": 2}
    )
    return inputs().content(verification=verification(bad))


def benchmarked(
    splits: int, rules: tuple[str, ...] = RULES, counts: tuple[int, ...] = (1, 2)
) -> str:
    """A robustness page of trials that never were: losses of every size, a rule that is refused."""
    grid = Grid(rules, attacks_with_updates(), counts, tuple(range(splits)), 2)
    random, sites = np.random.default_rng(1), [f"site_{number}" for number in range(10)]
    lines: list[Line] = []
    for count in grid.counts:
        for place, rule in enumerate(rules):
            if rule == "bulyan" and count == 2:
                lines.append(RefusedTrial(
                    rule=rule, count=count, split=0, attack=None,
                    why="bulyan cannot tolerate 2 of 10: it needs n >= 4f + 3",
                ))  # fmt: skip
                continue
            for split in grid.splits:
                right = {one: (int(random.integers(75, 85)), 100) for one in sites}
                lines.append(CleanTrial(rule=rule, count=count, split=split, sites=right))
                for attack in grid.attacks:
                    loss = 45 * random.random() ** 3 / (1 + place % 5) + random.normal(0, 0.7)
                    lines += (
                        AttackedTrial(
                            rule=rule, count=count, split=split, attack=attack,
                            attackers=tuple(sites[first : first + count]), share=0.2,
                            right=round((80 - loss) * (10 - count)), rows=100 * (10 - count),
                            outcome="completed",
                        )
                        for first in (0, 4)
                    )  # fmt: skip
    study = read_study("heart10-robust").study
    found = rule_summaries(lines)
    return robustness_page(study, grid, "test", found, requirements(lines, study.aggregation.rule))


def of_task(task: Task) -> Making:
    """A report of a task's measures."""
    return text(lambda: render(inputs(task).content()))


@contextmanager
def served_page(folder: Path, path: str) -> Iterator[str]:
    """A page of `collegium serve` over a run, one that goes on, a comparison and a network."""
    everything_in(folder / "root")
    with network_in(folder / "root" / "trial"), served(folder / "root") as port:
        yield f"http://127.0.0.1:{port}{path}"


def of_pictures() -> ReportContent:
    """A report with six pictures, of which two have nothing to outline."""
    random = np.random.default_rng(2)
    masks = ["".join(map(str, row)) for row in random.integers(0, 2, (12, 64))]
    masks[0] = masks[1] = "0" * 64
    pictures = tuple(
        Picture(
            site=SITES[place % 4], dice=place / 6, grey="0123456789abcdef" * 4,
            reference=masks[2 * place], outlined=masks[2 * place + 1],
        )
        for place in range(6)
    )  # fmt: skip
    return replace(inputs("segmentation").content(), pictures=pictures)


def protocols_benchmarked() -> str:
    """A page of consensus protocols with claims that are not decided, and a refused cell."""
    found = try_protocols(
        ConsensusGrid(
            protocols=("pbft",), validators=(4, 10), presets=("lan", "wan"), intervals=(0.0, 0.1),
            faults=("none", "crash"), seeds=1, load=Load(transactions=4, rate=10.0, size=1000),
        )
    )  # fmt: skip
    late = with_fields(found.rows[0], seconds_a_commit=None, commits=0, stuck=4)
    refused = RefusedCell(protocol="pbft", faults="none", why="it would bear no liars")
    return protocols_page(with_fields(found, rows=(*found.rows, late), refused=(refused,)))


PAGES = (
    Shown("report of a run", a_run),
    Shown("report with every part", text(lambda: render(everything()))),
    Shown("report of a record that is not verified", text(lambda: render(broken()))),
    Shown("robustness", text(lambda: benchmarked(10, counts=(2,)))),
    Shown(
        "robustness of two splits", text(lambda: benchmarked(2, ("fedavg", "median"))), long=True
    ),
    Shown("consensus protocols", text(protocols_benchmarked)),
    Shown("comparison", text(lambda: comparison_page.render(compared()))),
    Shown("served folder", partial(served_page, path="/")),
    Shown("served run", partial(served_page, path="/runs/runs/whole")),
    Shown("served network", partial(served_page, path="/networks/trial")),
    Shown("served node", partial(served_page, path="/nodes/va")),
    Shown("report of many classes", of_task("multiclass"), long=True),
    Shown("report of ordered classes", of_task("ordinal"), long=True),
    Shown("report of a regression", of_task("regression"), long=True),
    Shown("report of counts", of_task("count"), long=True),
    Shown("report of survival", of_task("survival"), long=True),
    Shown("report of segmentation", text(lambda: render(of_pictures())), long=True),
)

WRITERS = {
    "collegium.benchmark.consensus_page",
    "collegium.benchmark.page",
    "collegium.report.comparison_page",
    "collegium.report.page",
    "collegium.serving.pages",
}
"""Every module that writes pages; the list above has them all."""
