"""`collegium bench simulation`: training in simulation, beside other libraries."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from collegium.cli.output import JSON, say, say_json, work_progress


@click.command()
@click.option(
    "--pfl", metavar="PYTHON", help="The Python of an environment with pfl; ours if absent."
)
@click.option("--fedjax", metavar="PYTHON", help="The same with fedjax.")
@click.option("--flower", metavar="PYTHON", help="The same with flwr and its simulation.")
@click.option(
    "--workloads", metavar="NAME,…", default="mlp,logistic,cnn", show_default=True,
    help="Workload to train.",
)  # fmt: skip
@click.option("--repeats", type=click.IntRange(1), default=3, show_default=True)
@click.option(
    "--processes", type=click.IntRange(1), metavar="N",
    help="Number of Collegium's training processes (default: one per core).",
)  # fmt: skip
@click.option(
    "--memory", type=click.Path(path_type=Path, exists=True, file_okay=False), metavar="DIR",
    help="A folder in memory, to time ledgers without a disk as well.",
)  # fmt: skip
@JSON
def simulation(
    pfl: str | None,
    fedjax: str | None,
    flower: str | None,
    workloads: str,
    repeats: int,
    processes: int | None,
    memory: Path | None,
    as_json: bool,
) -> None:
    """Time training in simulation, with and without a ledger, beside other libraries in one run.

    Prints tables in Markdown. A library that is not installed here and not named is left out. Only
    ratios mean something elsewhere.
    """
    from collegium.benchmark.timing.result import lines_of
    from collegium.benchmark.timing.simulation import simulation as run_simulation

    named = {"pfl": pfl, "fedjax": fedjax, "flower": flower}
    with work_progress("simulation", "runs", quiet=as_json) as progress:
        found = run_simulation(
            {name: python for name, python in named.items() if python is not None},
            workloads=_known(workloads), repeats=repeats, processes=processes,
            memory=None if memory is None else str(memory), progress=progress,
        )  # fmt: skip
    if as_json:
        say_json(msgspec.to_builtins(found))
        return
    for line in lines_of(found):
        say(line)


def _known(text: str) -> tuple[str, ...]:
    from collegium.benchmark.timing.simulation import SIMULATED

    names = tuple(dict.fromkeys(one.strip() for one in text.split(",") if one.strip()))
    unknown = [name for name in names if name not in SIMULATED]
    if unknown or not names:
        shown = repr(unknown[0][:40]) if unknown else "an empty list"
        raise click.UsageError(f"--workloads takes {', '.join(SIMULATED)}, not {shown}")
    return names
