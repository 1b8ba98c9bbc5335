"""`compare` on the command line: what to compare, and what came out."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import click

from collegium.assembly.folder import DEFAULT_PARENT
from collegium.cli.output import warn
from collegium.cli.progress import display
from collegium.errors import RunError
from collegium.report.comparison_page import UNSETTLED, VERDICTS, about_intervals
from collegium.report.run_comparison import (
    Design,
    Mean,
    MeasuredDifference,
    PairedDifference,
    RunComparison,
)
from collegium.report.wording import change, number, span, title_of
from collegium.report.write import write_comparison
from collegium.simulation.replicating import replicate
from collegium.study.presets import preset_names

Show = Callable[[str, float], str]

_SHOWN = 3
"""Measures in a line; ``--json`` has them all."""


def folders_of(
    things: Sequence[str],
    seeds: int,
    changes: Sequence[str],
    varied: Sequence[str],
    out: Path | None,
    *,
    quiet: bool,
) -> list[Path]:
    """Return the run folders that the arguments name, after running the studies among them.

    A preset's name means the preset, as everywhere; a folder of that name is ``./heart``.
    """
    studies = [one for one in things if one in preset_names() or not Path(one).is_dir()]
    folders = [Path(one) for one in things if one not in studies]
    if folders and studies:
        raise click.UsageError(f"{studies[0]} is a study and {folders[0]} is a run; give one kind")
    if folders:
        if changes or varied:
            raise click.UsageError("--set and --vary are for studies; these are runs")
        return folders
    with display(", ".join(studies), "runs", quiet=quiet, eager=True) as shown:

        def announce(done: int, of: int, what: str) -> None:
            shown.stage(f"run {done + 1} of {of}: {what}")
            shown.progress(done, of)

        return replicate(
            studies, seeds=seeds, changes=changes, varied=varied, parent=out or DEFAULT_PARENT,
            announce=announce, warn=warn,
        )  # fmt: skip


def page_of(found: RunComparison, out: Path | None) -> Path | None:
    """Write a comparison's page into --out, or where it may be into the folder of runs."""
    try:
        return write_comparison(out or DEFAULT_PARENT, found)
    except RunError as error:
        if out is not None:
            raise
        warn(f"{error.what}: {error.why}")
        return None


def comparison_lines(found: RunComparison) -> Iterator[str]:
    """Yield what `compare` prints for people."""
    for one in found.designs:
        yield from _design_lines(one, found.primary)
    for paired in found.differences:
        yield ""
        yield from _paired_lines(paired, found.primary)
    yield ""
    yield from textwrap.wrap(about_intervals(found), 90)
    if found.differences:
        yield (
            f"{title_of(found.primary)} is the primary measure. Secondary measures and the "
            "number of designs are not corrected for multiple comparisons."
        )


def _design_lines(one: Design, primary: str) -> Iterator[str]:
    seeds = f"{len(one.seeds)} seeds" if len(one.seeds) > 1 else f"seed {one.seeds[0]}"
    yield f"{one.name}  ({seeds})"
    yield f"  federated            {_told(one.quality, number, primary)}"
    if one.federated_minus_local:
        yield f"  minus local-only     {_told(one.federated_minus_local, change, primary)}"
    if one.federated_minus_pooled:
        yield f"  minus pooled         {_told(one.federated_minus_pooled, change, primary)}"
    for verdict, runs in sorted(one.unsettled.items()):
        yield f"  training             {runs} of {len(one.runs)} runs {UNSETTLED[verdict]}"


def _paired_lines(one: PairedDifference, primary: str) -> Iterator[str]:
    over = f"{len(one.seeds)} seeds"
    if one.interval_over == "rows":
        single = len(one.seeds) == 1
        over = f"the rows of seed {one.seeds[0]}" if single else f"the rows that {over} test on"
    yield f"{one.design}"
    yield f"  minus {one.against}, paired over {over}"
    ordered = sorted(one.measures.items(), key=lambda item: item[0] != primary)
    for name, mean in ordered:
        verdict = VERDICTS[mean.verdict]
        if name != primary and mean.verdict in ("better", "worse"):
            verdict = f"secondary: {verdict}"
        yield f"    {name:<18}{_shown(name, mean, change)}  {verdict}".rstrip()


def _told(means: Mapping[str, Mean], show: Show, primary: str) -> str:
    chosen = sorted(means.items(), key=lambda item: item[0] != primary)[:_SHOWN]
    return "   ".join(f"{name} {_shown(name, mean, show)}" for name, mean in chosen)


def _shown(name: str, mean: Mean | MeasuredDifference, show: Show) -> str:
    value = show(name, mean.value)
    if mean.interval is None:
        return value
    return f"{value} [{span(show(name, mean.interval.low), show(name, mean.interval.high))}]"
