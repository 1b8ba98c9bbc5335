"""`collegium bench consensus`: protocols side by side, or one drawn trial of them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from collegium.cli.completing import parts
from collegium.cli.help import example
from collegium.cli.output import FAILED, JSON, say, say_json
from collegium.cli.progress import display

if TYPE_CHECKING:
    from collegium.benchmark.consensus_rows import ConsensusBench, ConsensusRow
    from collegium.consensus.trials import Trial

MOST_VALIDATORS = 1000

FEW = 4
"""How many times that a validator is down are told one by one."""


@click.command(
    epilog=example(
        "collegium bench consensus --presets lan,wan --out protocols",
        "collegium bench consensus --trial 54 --protocols pbft --beyond 1",
    )
)
@click.option(
    "--protocols", metavar="NAME,…", help="Protocols (default: all).",
    shell_complete=parts("protocols", listed=True),
)  # fmt: skip
@click.option("--validators", metavar="N,…", default="4,7,10", show_default=True, help="How many.")
@click.option("--presets", metavar="NAME,…", default="wan", show_default=True, help="Networks.")
@click.option(
    "--intervals", metavar="S,…", default="0", show_default=True,
    help="Seconds between blocks; 0 for the protocol's own.",
)  # fmt: skip
@click.option(
    "--faults", metavar="KIND,…", default="none", show_default=True,
    help="Of none, crash, partition, liars.",
)  # fmt: skip
@click.option("--seeds", type=click.IntRange(1), default=10, show_default=True, help="Runs a cell.")
@click.option(
    "--transactions", type=click.IntRange(1), default=100, show_default=True, help="Of a run."
)
@click.option(
    "--rate", type=click.FloatRange(0, min_open=True), default=1.0, show_default=True,
    help="Transactions a second.",
)  # fmt: skip
@click.option(
    "--size", type=click.IntRange(0), default=1000, show_default=True, help="Bytes of each."
)
@click.option(
    "--option", "options", multiple=True, metavar="NAME=N",
    help="An option of protocols that have it, as in confirmations=6; may be repeated.",
)  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path), help="The folder for results and page.")
@click.option(
    "--processes", type=click.IntRange(1), default=1, help="Number of parallel processes."
)
@click.option("--trial", type=click.IntRange(0), metavar="SEED", help="Run this trial alone.")
@click.option(
    "--beyond", type=click.IntRange(0), default=0,
    help="In a trial: so many more faulty ones than the protocol bears.",
)  # fmt: skip
@click.option("--weighted", is_flag=True, help="In a trial: validators differ in power.")
@click.option("--trace", is_flag=True, help="In a trial: print every event.")
@JSON
def consensus(
    protocols: str | None, validators: str, presets: str, intervals: str, faults: str, seeds: int,
    transactions: int, rate: float, size: int, options: tuple[str, ...], out: Path | None,
    processes: int, trial: int | None, beyond: int, weighted: bool, trace: bool, as_json: bool,
) -> None:  # fmt: skip
    """Compare consensus protocols on simulated networks.

    The folder gets results.json and index.html. With --trial, the validators, their faults and the
    network's are drawn from SEED, as in the package's tests; the exit status is 1 if agreement,
    validity or progress failed.
    """
    from collegium.plugins import names

    chosen = tuple(names("protocols")) if protocols is None else _words("protocols", protocols)
    seconds = _numbers("intervals", intervals)
    if not all(0 <= one <= 86400 for one in seconds):
        raise click.UsageError("--intervals takes seconds from 0 to 86400")
    given = _options(chosen, options)
    if trial is not None:
        if len(seconds) > 1:
            raise click.UsageError("a trial has one interval")
        how = {
            "beyond": beyond, "options": given, "interval": round(1e6 * seconds[0]),
            "weighted": weighted,
        }  # fmt: skip
        _try(chosen, trial, how, trace=trace, as_json=as_json)
        return
    if beyond or weighted or trace:
        raise click.UsageError("--beyond, --weighted and --trace go with --trial")
    from collegium.benchmark.consensus import try_protocols, write
    from collegium.benchmark.consensus_rows import ConsensusGrid, Fault, Load
    from collegium.consensus.network import PRESETS

    counts = _numbers("validators", validators)
    if not all(one.is_integer() and 2 <= one <= MOST_VALIDATORS for one in counts):
        raise click.UsageError(f"--validators takes numbers from 2 to {MOST_VALIDATORS}")
    wanted = _words("faults", faults, get_args(Fault))
    grid = ConsensusGrid(
        protocols=chosen, validators=tuple(map(int, counts)),
        presets=_words("presets", presets, tuple(PRESETS)), intervals=seconds,
        faults=tuple(one for one in get_args(Fault) if one in wanted),
        seeds=seeds, load=Load(transactions=transactions, rate=rate, size=size),
        options=given,
    )  # fmt: skip
    folder = Path("bench") / "consensus" if out is None else out
    with display("consensus", "cells", quiet=as_json) as shown:
        found = try_protocols(grid, processes=processes, progress=shown.progress)
    write(found, folder)
    if as_json:
        import msgspec

        say_json({**msgspec.to_builtins(found), "folder": os.fspath(folder)})
        return
    for line in _lines(found):
        say(line)
    say(f"page: {folder / 'index.html'}")


def _words(option: str, text: str, known: tuple[str, ...] = ()) -> tuple[str, ...]:
    from collegium.cli.bench import named

    found = named(text)
    for one in found:
        if known and one not in known:
            raise click.UsageError(f"--{option} takes {', '.join(known)}, not {one[:40]!r}")
    return found


def _numbers(option: str, text: str) -> tuple[float, ...]:
    try:
        return tuple(dict.fromkeys(float(one) for one in text.split(",")))
    except ValueError:
        raise click.UsageError(f"--{option} takes numbers, as in 1,2: {text[:40]!r}") from None


def _options(protocols: tuple[str, ...], given: tuple[str, ...]) -> dict[str, int]:
    from collegium.plugins import find

    known = {option for name in protocols for option in find("protocols", name).defaults}
    found = {}
    for one in given:
        name, _, value = one.partition("=")
        if name not in known:
            offered = ", ".join(sorted(known)) or "none"
            raise click.UsageError(f"no protocol here has an option {name[:40]!r}: {offered}")
        try:
            found[name] = int(value)
        except ValueError:
            raise click.UsageError(f"--option takes NAME=N: {one[:40]!r}") from None
    return found


def _lines(found: ConsensusBench) -> Iterator[str]:
    from collegium.benchmark.consensus_page import FAULTS

    for one in found.rows:
        yield f"  {_named(one)}, {FAULTS[one.faults]}: {_measured(one)}"
    for left in found.refused:
        yield f"  {left.protocol:<12} {FAULTS[left.faults]}: refused, {left.why}"
    for claim in found.few_seconds:
        holds = {True: "holds", False: "DOES NOT HOLD", None: "not decided"}[claim.holds]
        yield f"{holds}: {claim.says}: {claim.measured}"


def _named(one: ConsensusRow) -> str:
    interval = f", every {one.interval:g} s" if one.interval else ""
    return f"{one.protocol:<12} {one.validators:>3} validators, {one.preset}{interval}"


def _measured(one: ConsensusRow) -> str:
    from collegium.report.wording import counted, seconds

    if one.seconds_a_commit is None:
        return "nothing decided"
    waits = one.seconds_a_commit
    said = [
        f"{seconds(waits.median)} (95 % within {seconds(waits.p95)}{_runs(one)})",
        f"{one.messages / one.commits:.4g} messages a block",
    ]
    said += [
        counted(value, *words)
        for value, *words in (
            (one.forks, "block taken back", "blocks taken back"),
            (one.view_changes, "view change"),
            (one.violations, "violation"),
            (one.stuck, "transaction not decided", "transactions not decided"),
        )
        if value
    ]
    return ", ".join(said)


def _runs(one: ConsensusRow) -> str:
    from collegium.report.wording import seconds

    if one.medians is None or one.medians[0] == one.medians[1]:
        return ""
    return f"; medians of runs {' to '.join(map(seconds, one.medians))}"


def _try(
    protocols: tuple[str, ...], seed: int, how: dict[str, Any], *, trace: bool, as_json: bool
) -> None:
    """Run one trial of each protocol and tell what came of it."""
    import msgspec

    from collegium.consensus.trials import run_trial
    from collegium.plugins import find

    told: list[dict[str, Any]] = []
    holds = True
    for name in protocols:
        found = run_trial(
            find("protocols", name), seed, watch=say if trace and not as_json else None, **how,
        )  # fmt: skip
        holds = holds and found.holds
        if as_json:
            told.append({"protocol": name, "holds": found.holds, **msgspec.to_builtins(found)})
            continue
        for line in _trial_lines(name, found):
            say(line)
    if as_json:
        say_json({"trial": seed, **how, "trials": told})
    sys.exit(0 if holds else FAILED)


def _trial_lines(name: str, found: Trial) -> Iterator[str]:
    weather = found.weather
    yield f"{name}, trial {found.seed}: {found.validators} validators, numbered from 0"
    if found.liars:
        yield f"  who lies: {_who(found.liars)}"
    for who in range(found.validators):
        crashes = [one for one in weather.crashes if one.validator == who]
        down = [
            f"from {one.at / 1e6:.3f} s "
            + ("on for good" if one.until is None else f"to {one.until / 1e6:.3f} s")
            for one in crashes[:FEW]
        ]
        if len(crashes) > FEW:
            down.append(f"and {len(crashes) - FEW} times more")
        if down:
            yield f"  {who} is down {', '.join(down)}"
    for cut in weather.partitions:
        groups = " | ".join(_who(sorted(one)) for one in cut.groups)
        yield f"  cut off from {cut.start / 1e6:.3f} s until {cut.end / 1e6:.3f} s: {groups}"
    yield (
        f"  of 1,000 messages {weather.loss} are lost and {weather.duplicate} come twice, until "
        f"{(weather.heals or 0) / 1e6:g} s"
    )
    yield (
        f"  {found.decided} blocks decided in {found.seconds:.3f} virtual seconds, "
        f"{found.deliveries} messages delivered"
    )
    for one in found.violations:
        yield f"  VIOLATED: {one.what} at height {one.height}, by {_who(one.validators)}"
    if found.stuck:
        yield f"  STUCK: {_who(found.stuck)} did not decide everything"
    if found.holds:
        yield "  agreement, validity and progress hold"


def _who(validators: Iterable[int]) -> str:
    return ", ".join(map(str, validators))
