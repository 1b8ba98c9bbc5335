"""``collegium network``: a whole consortium of real processes on this machine."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from collegium.cli.completing import studies
from collegium.cli.help import Grouped, example
from collegium.cli.output import FAILED, JSON, SET, say, say_json
from collegium.cli.progress import display

DEFAULT = Path("network")


@click.group(
    cls=Grouped,
    headings={"Commands": ("up", "status", "down", "install")},
    epilog=example("collegium network up heart --members 4 --dir trial"),
)
def network() -> None:
    """Try a whole consortium as processes on this machine.

    It is a node for each member and, under the engine log, one sequencer.
    """


@network.command(epilog=example("collegium network up heart --members 4 --dir trial"))
@click.argument("study", required=False, shell_complete=studies)
@click.option("--members", type=click.IntRange(2, 400), help="How many; as many as it has sites.")
@click.option(
    "--dir", "folder", type=click.Path(path_type=Path), default=DEFAULT, show_default=True,
    help="Where its homes are.",
)  # fmt: skip
@SET
@click.option("--detach", is_flag=True, help=("Return once it runs; do not wait for the study."))
@click.option(
    "--patience", type=click.FloatRange(min=1), default=900.0, show_default=True,
    metavar="SECONDS", help="Stop waiting after this time without progress.",
)  # fmt: skip
@JSON
def up(
    study: str | None, members: int | None, folder: Path, changes: tuple[str, ...], detach: bool,
    patience: float, as_json: bool,
) -> None:  # fmt: skip
    """Start a consortium that trains STUDY.

    Without a STUDY, the one in the folder goes on. It goes on running until `network down`, unless
    it fails or is interrupted.
    """
    from collegium.cli.network_lines import up_json, up_lines
    from collegium.network.up import up as start

    title = study or "study"
    with display(title, quiet=as_json, eager=True) as shown:
        found = start(
            folder, study, members, changes, detach=detach, patience=patience,
            stage=shown.stage, progress=shown.progress,
        )  # fmt: skip
    if as_json:
        say_json(up_json(found))
    else:
        for line in up_lines(found):
            say(line)
    sys.exit(0 if found.ok else FAILED)


@network.command(epilog=example("collegium network status trial"))
@click.argument("folder", type=click.Path(path_type=Path), default=DEFAULT)
@JSON
def status(folder: Path, as_json: bool) -> None:
    """Show which processes run, and how far each member is.

    The exit code is 1 where one is down, does not answer, or has halted.
    """
    from collegium.cli.network_lines import status_json, status_lines
    from collegium.network.record import read_record
    from collegium.network.watch import present, statuses

    record = read_record(folder)
    running, found = present(folder, record), statuses(folder, record)
    if as_json:
        say_json(status_json(folder, record, running, found))
    else:
        for line in status_lines(folder, record, running, found):
            say(line)
    whole = len(running) == len(record.services) + len(record.members)
    sound = all(one is not None and one.state != "halted" for one in found.values())
    sys.exit(0 if whole and sound else FAILED)


@network.command(epilog=example("collegium network down trial"))
@click.argument("folder", type=click.Path(path_type=Path), default=DEFAULT)
@JSON
def down(folder: Path, as_json: bool) -> None:
    """End the processes of a consortium, and no others.

    What it has done stays in FOLDER.
    """
    from collegium.network.trial import stop_all

    ended = [child.name for child in stop_all(folder)]
    if as_json:
        say_json({"folder": str(folder), "ended": ended})
        return
    say(f"stopped: {', '.join(ended)}" if ended else f"no process of {folder} was running")
    say(f"{folder} is kept; `collegium network up --dir {folder}` continues it")


@network.command(epilog=example("collegium network install"))
@JSON
def install(as_json: bool) -> None:
    """Build CometBFT with the Go on this machine.

    The engine cometbft needs it. Its version and all that it is built of are pinned by hash.
    """
    from collegium.ledger.engines.cometbft.binary import PINNED
    from collegium.ledger.engines.cometbft.binary import install as build

    program = build()
    if as_json:
        say_json({"program": str(program), "version": PINNED})
        return
    say(f"CometBFT {PINNED}: {program}")
