"""`collegium bench`, and its grids of studies and how they compare."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from collegium.cli.completing import parts, studies
from collegium.cli.help import Grouped, example
from collegium.cli.output import JSON, SET, say, say_json
from collegium.cli.progress import display

if TYPE_CHECKING:
    from collegium.benchmark.robustness import Robustness


@click.group(
    cls=Grouped,
    headings={
        "Attacks on the model": ("robustness", "betrayal"),
        "Attacks on privacy": ("membership", "inversion", "crafted", "canaries", "collusion"),
        "Ways to one order": ("consensus",),
    },
    epilog=example("collegium bench membership heart --models 16"),
)
def bench() -> None:
    """Measure what attacks do and reveal, and what consensus costs."""


@bench.command(epilog=example("collegium bench robustness heart10-robust --splits 2 --out robust"))
@click.argument("study", default="heart10-robust", shell_complete=studies)
@click.option("--out", type=click.Path(path_type=Path), help="The folder of the benchmark.")
@SET
@click.option(
    "--rules", metavar="NAME,…", help="Rules to test (default: a selection).",
    shell_complete=parts("rules", listed=True),
)  # fmt: skip
@click.option(
    "--attacks", metavar="NAME,…", help="Attacks to test (default: all attacks with updates).",
    shell_complete=parts("attacks", listed=True),
)  # fmt: skip
@click.option("--counts", metavar="N,…", default="2", help="Numbers of attackers.")
@click.option("--splits", type=click.IntRange(1), default=10, help="How many splits of the data.")
@click.option("--placements", type=click.IntRange(1), default=4, help="Placements on each split.")
@click.option("--first-split", type=click.IntRange(0), default=0, help="Seed of the first split.")
@click.option(
    "--part", type=click.Choice(["test", "train"]), default="test",
    help="Rows to evaluate on; use train for choosing a design.",
)  # fmt: skip
@click.option(
    "--processes", type=click.IntRange(1), default=1, help="Number of parallel processes."
)
@JSON
def robustness(
    study: str,
    out: Path | None,
    changes: tuple[str, ...],
    rules: str | None,
    attacks: str | None,
    counts: str,
    splits: int,
    placements: int,
    first_split: int,
    part: Literal["test", "train"],
    processes: int,
    as_json: bool,
) -> None:
    """Try rules against attacks on STUDY, a preset's name or a file.

    A benchmark that broke off goes on where it was. Its folder gets trials.jsonl, results.json and
    index.html: rules by what they keep under their worst attack, and a map of losses.
    """
    from collegium.benchmark.grid import RULES, Grid, attacks_with_updates
    from collegium.benchmark.robustness import results_json
    from collegium.benchmark.robustness import robustness as run_robustness
    from collegium.study.reading import read_study

    document = read_study(study, changes).study
    grid = Grid(
        rules=RULES if rules is None else named(rules),
        attacks=attacks_with_updates() if attacks is None else named(attacks),
        counts=_numbers(counts),
        splits=tuple(range(first_split, first_split + splits)),
        placements=placements,
    )
    folder = Path("bench") / f"robustness-{document.study.id}" if out is None else out
    with display("trials", "jobs", quiet=as_json) as shown:
        found = run_robustness(
            document, grid, folder, part=part, processes=processes, progress=shown.progress
        )
    if as_json:
        say_json({**_decoded(results_json(found)), "folder": os.fspath(folder)})
        return
    _tell(found)


def _tell(found: Robustness) -> None:
    from collegium.benchmark.summary import in_words, ranked

    for count in found.grid.counts:
        for one in ranked(found.standings, count):
            worst = one.against[0]
            say(
                f"  {one.rule:<30} {count} attackers: keeps {in_words(worst.kept)} under "
                f"{worst.attack}, a loss of {worst.loss.value:.2f}"
            )
    for one in found.standings:
        if one.refused is not None:
            say(f"  {one.rule:<30} {one.count} attackers: refused, {one.refused}")
        elif not one.against:
            say(f"  {one.rule:<30} {one.count} attackers: not tested")
    for demand in found.demands:
        say(f"{_HOLDS[demand.holds]}: {demand.says}: {demand.measured}")
    say(f"page: {found.folder / 'index.html'}")


_HOLDS = {True: "holds", False: "DOES NOT HOLD", None: "not decided"}


def named(text: str) -> tuple[str, ...]:
    """Return the names in a list with commas."""
    names = tuple(dict.fromkeys(one.strip() for one in text.split(",") if one.strip()))
    if not names:
        raise click.UsageError("a list of names is empty")
    return names


def _numbers(text: str) -> tuple[int, ...]:
    try:
        numbers = tuple(dict.fromkeys(int(one) for one in text.split(",")))
    except ValueError:
        raise click.UsageError(f"--counts takes numbers, as in 1,2: {text[:40]!r}") from None
    if min(numbers) < 1:
        raise click.UsageError("--counts takes numbers of at least 1")
    return numbers


def _decoded(data: bytes) -> dict[str, object]:
    import msgspec

    return msgspec.json.decode(data, type=dict[str, object])
