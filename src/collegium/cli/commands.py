"""The commands. Each does its work through the same functions that Python users call."""

from __future__ import annotations

import functools
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import collegium
from collegium.cli.audit import audit
from collegium.cli.bench import bench
from collegium.cli.bench_betrayal import betrayal
from collegium.cli.bench_collusion import collusion
from collegium.cli.bench_consensus import consensus
from collegium.cli.bench_privacy import canaries, crafted, inversion, membership
from collegium.cli.calc import calc
from collegium.cli.completing import catalog_kinds, studies
from collegium.cli.completion import completion
from collegium.cli.fetching import fetch
from collegium.cli.help import Grouped, example
from collegium.cli.network import network
from collegium.cli.node import node
from collegium.cli.output import FAILED, JSON, SET, say, say_json, warn
from collegium.cli.progress import display
from collegium.cli.sequencer import sequencer
from collegium.cli.serving import serve

if TYPE_CHECKING:
    from collegium.ledger.keys import SigningKey


@click.group(
    cls=Grouped,
    headings={
        "First steps": ("demo", "list", "fetch", "completion"),
        "Train and apply models": ("check", "run", "report", "compare", "serve", "predict"),
        "Audit what others did": ("verify", "audit"),
        "Design studies": ("calc", "bench"),
        "Run a consortium": ("network", "node", "sequencer"),
    },
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=example("collegium run heart --out heart", "collegium verify heart"),
)
@click.version_option(collegium.__version__, prog_name="collegium")
def program() -> None:
    """Federated learning for hospital consortia, with a ledger that anybody can verify."""


for measured in (betrayal, canaries, collusion, consensus, crafted, inversion, membership):
    bench.add_command(measured)
for command in (audit, bench, calc, completion, fetch, network, node, sequencer, serve):
    program.add_command(command)


@program.command(epilog=example("collegium run heart --set training.rounds=20 --out heart"))
@click.argument("study", shell_complete=studies)
@click.option("--out", type=click.Path(path_type=Path), help="The run folder.")
@SET
@click.option("--resume", is_flag=True, help="Continue the run in the folder.")
@click.option(
    "--processes", type=int, metavar="N",
    help="Number of training processes (default: automatic). The result does not depend on it.",
)  # fmt: skip
@JSON
def run(
    study: str,
    out: Path | None,
    changes: tuple[str, ...],
    resume: bool,
    processes: int | None,
    as_json: bool,
) -> None:
    """Run STUDY, a preset's name or a file, and leave its run folder."""
    from collegium.cli.summaries import diverged, run_json, run_lines
    from collegium.measuring.reporting import reported
    from collegium.simulation.execution import run as run_study

    with display(study, quiet=as_json) as shown:
        result = run_study(
            study, out=out, changes=changes, resume=resume, progress=shown.progress,
            stage=shown.stage, warn=warn, processes=processes,
        )  # fmt: skip
        shown.stage("verifying and writing the report")
        report, verification = reported(result.folder)
    for notice in result.notices:
        if notice.level == "warning":
            warn(notice.text)
    if as_json:
        say_json(run_json(result, verification.shares, verification.clipped))
    else:
        for line in run_lines(result, report, verification.shares):
            say(line)
    sys.exit(FAILED if result.outcome == "failed" or diverged(result) else 0)


@program.command(epilog=example("collegium verify heart --policy kept-elsewhere.json"))
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--policy", type=click.Path(path_type=Path), help="Trust root: a policy file.")
@click.option("--genesis", metavar="SHA256", help="Trust root: the genesis digest.")
@click.option("--partial", is_flag=True, help="Accept an incomplete history.")
@click.option(
    "--home", type=click.Path(path_type=Path), help="A member's home: opens what is sealed to it."
)
@click.option(
    "--predecessor", type=click.Path(path_type=Path), metavar="FOLDER",
    help="The ledger that RUN's ledger succeeds.",
)  # fmt: skip
@JSON
def verify(
    run: Path,
    policy: Path | None,
    genesis: str | None,
    partial: bool,
    home: Path | None,
    predecessor: Path | None,
    as_json: bool,
) -> None:
    """Check everything in the folder RUN and say what that proves.

    What it does not prove is said too. This replays the whole ledger and needs all of its blobs; to
    prove one entry to somebody who has only a receipt of it, use `collegium audit`.
    """
    from collegium.audit.trust import TrustRoot, genesis_root, policy_root
    from collegium.audit.verify import verify as verify_run
    from collegium.cli.verdicts import verification_json, verification_lines
    from collegium.node.status_page import until_fetched

    if policy is not None and genesis is not None:
        raise click.UsageError(
            "--policy already contains the genesis digest; give only one of the two"
        )
    trust = TrustRoot()
    if policy is not None:
        trust = policy_root(policy)
        if policy.resolve().is_relative_to(run.resolve()):
            warn(
                "the policy file is in the run folder: whoever produced the run could have "
                "produced the policy as well"
            )
    elif genesis is not None:
        trust = genesis_root(genesis)
    keys = () if home is None else _ledger_keys(home)
    verification = verify_run(
        run, trust=trust, partial=partial, keys=keys, predecessor=predecessor,
        settled=functools.partial(until_fetched, run),
    )  # fmt: skip
    if as_json:
        say_json(verification_json(verification))
    else:
        for line in verification_lines(verification):
            say(line)
    sys.exit(0 if verification.ok else FAILED)


def _ledger_keys(home: Path) -> tuple[SigningKey, ...]:
    """Return the ledger keys in a home: a node's, or a simulated member's."""
    from collegium.federation.identity import ledger_keys
    from collegium.node.home import NODE_SECRET, read_keys
    from collegium.node.passphrase import passphrase

    if (home / NODE_SECRET).exists():
        return read_keys(home, passphrase).ledger
    return ledger_keys(home)


@program.command(epilog=example("collegium check my_study.toml --outbound"))
@click.argument("study", shell_complete=studies)
@SET
@click.option("--outbound", is_flag=True, help="List every kind of message that a site sends.")
@click.option("--bounds", is_flag=True, help="Draft descriptions of the table's columns.")
@JSON
def check(
    study: str, changes: tuple[str, ...], outbound: bool, bounds: bool, as_json: bool
) -> None:
    """Validate STUDY without running it.

    Prints the study with every default written out, and what its owner should know.
    """
    if bounds:
        _draft_bounds(study, changes)
        return
    from collegium.assembly.preparation import prepare
    from collegium.assembly.privacy import about_distributions
    from collegium.cli.summaries import check_json, check_lines, outbound_lines
    from collegium.study.outbound import outbound as messages
    from collegium.study.reading import read_study

    prepared = prepare(read_study(study, changes))
    prepared = replace(prepared, notices=prepared.notices + about_distributions(prepared.study))
    sent = messages(prepared.study, prepared.parts.stages)
    if as_json:
        say_json(check_json(prepared, sent if outbound else None))
        return
    for line in outbound_lines(prepared, sent) if outbound else check_lines(prepared):
        say(line)


def _draft_bounds(study: str, changes: tuple[str, ...]) -> None:
    from collegium.assembly.column_drafts import RELEASED, column_drafts
    from collegium.study.reading import read_draft

    for line in column_drafts(*read_draft(study, changes)):
        say(line)
    warn(RELEASED)


@program.command("list", epilog=example("collegium list studies"))
@click.argument("kind", required=False, shell_complete=catalog_kinds)
@JSON
def list_(kind: str | None, as_json: bool) -> None:
    """List studies, data sets, rules and other parts by KIND.

    Without a KIND, the kinds are listed.
    """
    from collegium.cli.catalog import catalog, kinds

    if kind is None:
        if as_json:
            say_json([{"name": name} for name in kinds()])
        else:
            say("\n".join(kinds()))
        return
    found = catalog(kind)
    if as_json:
        say_json(found)
        return
    if not found:
        warn(f"this version has no {kind}")
    width = max((len(str(one["name"])) for one in found), default=0)
    for one in found:
        bears = f" ({one['faults']}: {one['bound']})" if "bound" in one else ""
        say(f"{one['name']:<{width}}  {one.get('about', '')}{bears}".rstrip())


@program.command(epilog=example("collegium report heart"))
@click.argument("run", type=click.Path(path_type=Path))
@JSON
def report(run: Path, as_json: bool) -> None:
    """Write the report of the folder RUN again."""
    from collegium.measuring.reporting import report_on

    path = report_on(run)
    if as_json:
        say_json({"report": str(path)})
    else:
        say(str(path))


@program.command(
    epilog=example("collegium compare heart --seeds 2 --vary 'training.rounds=[5, 10]'")
)
@click.argument("things", nargs=-1, required=True, metavar="RUN|STUDY...", shell_complete=studies)
@click.option(
    "--seeds",
    type=click.IntRange(1, 1000),
    default=10,
    show_default=True,
    help="Number of runs of each STUDY, starting with its own seed.",
)
@SET
@click.option(
    "--vary",
    "varied",
    multiple=True,
    metavar="PATH=[VALUE, ...]",
    help="Run each STUDY once with each value.",
)
@click.option(
    "--out", type=click.Path(path_type=Path),
    help="The folder for the run folders and the page (default: runs).",
)  # fmt: skip
@JSON
def compare(
    things: tuple[str, ...],
    seeds: int,
    changes: tuple[str, ...],
    varied: tuple[str, ...],
    out: Path | None,
    as_json: bool,
) -> None:
    """Compare designs: finished runs, or studies to be run first.

    Each STUDY is run with several seeds. The first is what the others are compared with, seed by
    seed, on the same test rows.
    """
    import msgspec

    from collegium.cli.comparing import comparison_lines, folders_of, page_of
    from collegium.measuring.comparing import compare as compare_runs

    found = compare_runs(folders_of(things, seeds, changes, varied, out, quiet=as_json))
    page = page_of(found, out)
    if as_json:
        say_json(msgspec.to_builtins(found) | {"page": None if page is None else str(page)})
        return
    for line in comparison_lines(found):
        say(line)
    if page is not None:
        say(f"page: {page}")


@program.command(epilog=example("collegium predict heart/model patients.csv > predictions.csv"))
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("table", type=click.Path(path_type=Path), required=False)
@click.option(
    "--test-rows", is_flag=True,
    help="In place of TABLE: the test rows of the simulation MODEL, a run's folder.",
)  # fmt: skip
@click.option("--digest", metavar="SHA256", help="Reject a model with a different digest.")
@click.option(
    "--any-range", is_flag=True,
    help="Accept columns most of whose values lie outside the sites' (another unit, most often).",
)  # fmt: skip
@click.option(
    "--id", "ids", multiple=True, metavar="COLUMN",
    help="Write this column of TABLE beside the predictions, as it is; may be repeated.",
)  # fmt: skip
@click.option("--explain", is_flag=True, help="Say what each feature adds to each row's score.")
@click.option(
    "--masks", type=click.Path(path_type=Path), metavar="DIR",
    help="Write the pixels that a segmentation model marks, one PNG per row.",
)  # fmt: skip
@JSON
def predict(
    model: Path, table: Path | None, test_rows: bool, digest: str | None, any_range: bool,
    explain: bool, ids: tuple[str, ...], masks: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Apply the released MODEL to the rows of TABLE, a CSV.

    MODEL is the folder model/ of a run, or a copy of it.
    """
    from collegium.cli.summaries import (
        prediction_json,
        prediction_lines,
        scored_rows_json,
        scored_rows_lines,
    )
    from collegium.measuring.scored_rows import scored_rows
    from collegium.release.masks import write_masks
    from collegium.release.prediction import predict as predict_table

    if (table is None) != test_rows:
        raise click.UsageError("name either a TABLE or --test-rows")
    if table is None:
        if digest is not None or any_range or explain or masks is not None:
            raise click.UsageError("--test-rows goes with --id and --json alone")
        schema, tested = scored_rows(model, ids)
        if as_json:
            say_json(scored_rows_json(tested, ids))
            return
        for line in scored_rows_lines(schema, tested, ids):
            say(line)
        return
    found = predict_table(
        model, table, digest=digest, any_range=any_range, explain=explain, ids=ids
    )
    written = [] if masks is None else write_masks(found, masks)
    if as_json:
        say_json(prediction_json(found) | ({"masks": list(map(str, written))} if written else {}))
        return
    warn("a research model, not for clinical use")
    for note in found.notes:
        warn(note)
    for line in prediction_lines(found):
        say(line)


@program.command(epilog=example("collegium demo --out demo"))
@click.option("--out", type=click.Path(path_type=Path), help="A folder for the three runs.")
@JSON
def demo(out: Path | None, as_json: bool) -> None:
    """Show in three acts what a verifiable study is, and is not."""
    from collegium.cli.demonstration import demonstrate

    acts: dict[str, Any] = demonstrate(out, (lambda _: None) if as_json else say)
    if as_json:
        say_json(acts)
    sys.exit(0 if acts["as_expected"] else FAILED)
