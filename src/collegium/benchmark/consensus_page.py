"""The page of a benchmark of consensus protocols: claims, latency by validators, all figures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from collegium.benchmark.consensus_rows import (
    FEW_SECONDS,
    HOSPITALS,
    ConsensusBench,
    ConsensusRow,
    Fault,
)
from collegium.consensus.machine import ConsensusProtocol
from collegium.consensus.network import PRESETS
from collegium.plugins import find
from collegium.report import interactive
from collegium.report.charts import Series, lines, log_axis, whole_axis
from collegium.report.markup import (
    Child,
    Markup,
    badge,
    bullets,
    code,
    data,
    element,
    folded,
    join,
    paragraph,
    table,
)
from collegium.report.shell import whole_page
from collegium.report.wording import count, counted, listed, seconds, size, span

_STYLE = (
    interactive.STYLE
    + """
.benchmark { max-width: 84rem; }
.panels { display: grid; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr));
  gap: 1.5rem 2rem; }
.figures th { overflow-wrap: normal; } .figures td { white-space: nowrap; }
.panels h3 { margin: 0 0 .3rem; }
"""
)

FAULTS: dict[Fault, str] = {
    "none": "without faults",
    "crash": "while some are down",
    "partition": "while some are cut off",
    "liars": "while some lie",
}


def page(found: ConsensusBench) -> str:
    """Return the page as HTML that needs nothing else."""
    grid, title = found.grid, "Consensus protocols side by side"
    return whole_page(
        f"{title} · Collegium benchmark",
        [
            paragraph("Consensus benchmark", class_="kicker"),
            element("h1", title),
            paragraph(
                element("strong", "Question. "),
                "How long does a consortium wait until what a member says is final, and what does "
                "that cost?",
                class_="question",
            ),
        ],
        [
            _answer(found),
            *(_latency(found, faults) for faults in grid.faults),
            _figures(found.rows),
            _protocols(grid.protocols),
            _how(found),
        ],
        "Made by collegium bench consensus. Everything is simulated: no real network was measured.",
        style=_STYLE,
        class_="benchmark",
        policy=interactive.POLICY,
        script=interactive.SCRIPT,
    )


_HOLDS = {True: "Holds", False: "Does not hold", None: "Not decided"}


def _answer(found: ConsensusBench) -> Markup:
    broken = sum(one.violations > 0 for one in found.rows)
    late = sum(one.stuck > 0 for one in found.rows)
    return element(
        "section",
        element("h2", "Answer", badge("Modelled", "clinical")),
        paragraph(
            f"The review says that PBFT commits an update “within a few seconds” in a small "
            f"consortium, that proof of stake is slower, and that proof of work is infeasible. "
            f"{HOSPITALS} hospitals of one continent, without faults; a few seconds are "
            f"{FEW_SECONDS:g} s for 95 % of transactions:"
        ),
        bullets([
            join(element("strong", _HOLDS[one.holds]), f": {one.says}. Measured: {one.measured}.")
            for one in found.few_seconds
        ]),
        _unmeasured(found),
        paragraph(
            f"Of {counted(len(found.rows), 'cell')}, {count(broken)} broke agreement or validity, "
            f"and {count(late)} left transactions undecided.",
            class_="lead",
        ),
        class_="answer",
        id="answer",
    )  # fmt: skip


def _unmeasured(found: ConsensusBench) -> Markup:
    if all(one.holds is not None for one in found.few_seconds):
        return Markup("")
    return paragraph(
        "What is not measured here is with ",
        code("collegium bench consensus --protocols pbft,pos,pow --validators 10 --presets wan"),
        ".",
        class_="note",
    )


def _latency(found: ConsensusBench, faults: Fault) -> Markup:
    """Return a drawing for each protocol and interval; all have the same axes."""
    rows = [one for one in found.rows if one.faults == faults]
    medians = [one.seconds_a_commit.median for one in rows if one.seconds_a_commit is not None]
    intervals = sorted({one.interval for one in rows})
    panels = []
    if medians:
        y = log_axis(max(min(medians), 1e-6), max(medians))
        x = whole_axis(min(found.grid.validators), max(found.grid.validators))
        for protocol in dict.fromkeys(one.protocol for one in rows):
            for interval in intervals:
                name = protocol if len(intervals) == 1 else f"{protocol}, interval {interval:g} s"
                series = _series(rows, protocol, interval)
                described = "; ".join(
                    f"{one.name}: "
                    + ", ".join(f"{seconds(wait)} with {n:g}" for n, wait in one.points)
                    for one in series
                )
                shown = (
                    lines(f"Latency of {name}", described, series, x, y, "validators")
                    if series
                    else paragraph("Nothing was decided.", class_="absent")
                )
                panels.append(element("div", element("h3", name), shown))
    refused = [f"{one.protocol}: {one.why}" for one in found.refused if one.faults == faults]
    return element(
        "section",
        element("h2", f"Latency {FAULTS[faults]}"),
        paragraph(
            "Median seconds until a transaction is final, by the number of validators; each step "
            "of the scale is ten times the one below.",
            class_="note",
        ),
        element("div", *panels, class_="panels"),
        folded("Protocols that are not tried so", bullets(refused)) if refused else "",
        id=f"latency-{faults}",
    )


def _series(rows: Iterable[ConsensusRow], protocol: str, interval: float) -> list[Series]:
    points: dict[str, list[tuple[float, float]]] = {}
    for one in rows:
        if (one.protocol, one.interval) == (protocol, interval) and one.seconds_a_commit:
            points.setdefault(one.preset, []).append((one.validators, one.seconds_a_commit.median))
    return [
        Series(preset, tuple(sorted(points[preset])), 1 + place)
        for place, preset in enumerate(PRESETS) if preset in points
    ]  # fmt: skip


def _figures(rows: Sequence[ConsensusRow]) -> Markup:
    heads = (
        "Protocol", "Validators", "Network", "Interval", "Faults", "Median", "Medians of runs",
        "95 % within",
        "Transactions a second", "Blocks", "Messages a block", "Other messages", "Sent",
        "A transaction, beyond waiting", "Waiting",
        "Blocks taken back", "View changes", "Violations", "Not decided",
    )  # fmt: skip
    return element(
        "section",
        element("h2", "All figures"),
        table(
            "Every cell, over all its seeds; a head sorts the table.",
            heads, [_row(one) for one in rows], class_="figures numbers sortable",
        ),
        id="figures",
    )  # fmt: skip


def _row(one: ConsensusRow) -> Sequence[Child]:
    waits = one.seconds_a_commit
    each = one.messages / one.commits if one.commits else None
    return (
        one.protocol,
        _whole(one.validators),
        one.preset,
        data(one.interval, f"{one.interval:g} s"),
        one.faults,
        "" if waits is None else data(waits.median, seconds(waits.median)),
        "" if one.medians is None else data(one.medians[1], span(*map(seconds, one.medians))),
        "" if waits is None else data(waits.p95, seconds(waits.p95)),
        data(one.throughput, f"{one.throughput:.3g}"),
        _whole(one.commits),
        "" if each is None else data(each, f"{each:.4g}"),
        _whole(one.other_messages),
        data(one.bytes, size(one.bytes)),
        "" if one.joules is None else data(one.joules.marginal, f"{one.joules.marginal:.3g} J"),
        "" if one.joules is None else data(one.joules.idle, f"{one.joules.idle:.3g} J"),
        *map(_whole, (one.forks, one.view_changes, one.violations, one.stuck)),
    )


def _whole(value: int) -> Markup:
    return data(value, count(value))


def _protocols(names: Sequence[str]) -> Markup:
    rows = []
    for name in names:
        one: ConsensusProtocol = find("protocols", name)
        rows.append((name, one.about, f"{one.faults}, {one.bound}", one.finality, one.source))
    heads = ("Protocol", "What it does", "Bears", "Finality", "Source")
    return element(
        "section", element("h2", "The protocols"), table("Protocols", heads, rows), id="protocols"
    )


def _how(found: ConsensusBench) -> Markup:
    load, grid = found.grid.load, found.grid
    return element(
        "section",
        element("h2", "How it was simulated"),
        paragraph(
            f"In each run {counted(load.transactions, 'transaction')} of {size(load.size)} enter, "
            f"{load.rate:g} a second on average, at validators in turn; each cell has "
            f"{counted(grid.seeds, 'run')}. The wait is from entering until the first honest "
            "validator has decided the block. Where the medians of runs lie far apart, luck "
            "decides, and few runs say little. Validators are of equal power. As many as the "
            "protocol bears are hit by a cell's faults, at least one and the first ones: they are "
            "down, or cut off, from a quarter of the load's time to three quarters; or they say "
            "one thing to some and another to others throughout."
        ),
        paragraph(
            "Messages a block are those of blocks with transactions. Everything else is other: "
            "transactions on their way, elections, heartbeats, view changes, blocks without "
            "transactions."
        ),
        paragraph(
            "Options: "
            + listed([f"{name} = {value}" for name, value in grid.options.items()])
            + ", where a protocol has them."
        )
        if grid.options
        else "",
        paragraph(
            "Joules are of validators on hospitals' servers: what a transaction takes beyond what "
            "they draw anyway, and what they draw anyway from the beginning to the last decision, "
            "so the load decides the latter."
        ),
        bullets([
            f"{name}: {links.about}, {seconds(links.low / 1e6)} to {seconds(links.high / 1e6)} one "
            f"way, {links.bandwidth / 1e6:g} Mbit/s ({links.source})"
            for name, links in PRESETS.items() if name in grid.presets
        ]),
        id="simulated",
    )  # fmt: skip
