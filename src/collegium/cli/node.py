"""``collegium node``: one member's process."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from collegium.cli.completing import parts
from collegium.cli.help import Grouped, example
from collegium.cli.membership import proposals, propose, rotate, succeed, vote
from collegium.cli.output import FAILED, JSON, say, say_json, warn
from collegium.errors import FormatError

if TYPE_CHECKING:
    from collegium.node.config import DataSource

HOME = click.argument("home", type=click.Path(path_type=Path))


@click.group(
    cls=Grouped,
    headings={
        "Set up": ("init", "request", "check"),
        "Run": ("start", "status", "stop"),
        "Govern the consortium": ("proposals", "propose", "vote", "rotate"),
        "After a failure": ("release", "succeed"),
    },
    epilog=example("collegium node status home"),
)
def node() -> None:
    """Make, run and look at one member's node."""


for command in (propose, proposals, rotate, succeed, vote):
    node.add_command(command)


@node.command(
    epilog=example('collegium node init home --member va --name "Hospital A" --csv rows.csv')
)
@HOME
@click.option("--member", required=True, metavar="ID", help="The member's id, such as va.")
@click.option("--name", required=True, help="The institution's name, as the ledger prints it.")
@click.option(
    "--role", "roles", multiple=True, type=click.Choice(["owner", "site", "validator"]),
    help="May be given more than once; site and validator if not given.",
)  # fmt: skip
@click.option(
    "--engine", default="log", show_default=True, metavar="NAME",
    help="How members come to one order: log or cometbft.", shell_complete=parts("engines"),
)  # fmt: skip
@click.option("--sequencer", metavar="URL", help="The sequencer's address, under log.")
@click.option("--csv", metavar="FILE", help="This site's rows, from the home on.")
@click.option("--person", metavar="COLUMN", help="The CSV's column of persons.")
@click.option(
    "--dataset", metavar="NAME", help="A registered data set, with --site.",
    shell_complete=parts("datasets"),
)  # fmt: skip
@click.option("--site", metavar="NAME", help="Which of its sites this one is.")
@click.option("--loader", metavar="MODULE:FUNCTION", help="A function that returns the rows.")
@click.option("--encrypt", is_flag=True, help="Keep the keys under a passphrase.")
@JSON
def init(
    home: Path, member: str, name: str, roles: tuple[Any, ...], engine: str,
    sequencer: str | None, encrypt: bool, as_json: bool, **source: Any,
) -> None:  # fmt: skip
    """Make a member's HOME: keys, settings, policy and card.

    The card is for the genesis.
    """
    from collegium.node.config import DataSource
    from collegium.node.home import CARD, card_text, init_home, new_member
    from collegium.node.passphrase import new_passphrase
    from collegium.node.templates import config_text, policy_text

    data = DataSource(**source) if any(source.values()) else None
    order = _order(engine, data, sequencer)
    settings = {
        "node.toml": config_text(member, url=sequencer, engine=engine, order=order, data=data),
        "policy.toml": policy_text(),
    }
    wanted = new_member(member, name, roles or ("site", "validator"))
    try:
        made = init_home(home, wanted, settings, new_passphrase() if encrypt else None)
    except FormatError as error:
        raise click.UsageError(f"{error.what}: {error.why}") from error
    if as_json:
        say_json({"home": str(home), "card": made})
        return
    say(f"{home} is the home of {made.name} ({made.id}).")
    say(f"Send {home / CARD} to the person who creates the genesis:")
    say(card_text(made).rstrip())
    say(f"Then check {home / 'node.toml'}, and allow studies in {home / 'policy.toml'}.")


def _order(engine: str, data: DataSource | None, sequencer: str | None) -> Mapping[str, Any]:
    """Return what is to stand in the engine's section; refuse what the node would refuse."""
    import msgspec

    from collegium.ledger.ordering import Joins
    from collegium.node.config import DEFAULT_ENGINE, source_fault
    from collegium.plugins import find

    found = find("engines", engine)
    if not isinstance(found, Joins):
        raise click.UsageError(f"--engine {engine} orders within one process; no node joins it")
    if engine != DEFAULT_ENGINE and sequencer is not None:
        raise click.UsageError(f"--sequencer does not go with --engine {engine}, which has none")
    if sequencer is not None and not sequencer.startswith("https://"):
        raise click.UsageError(f"--sequencer {sequencer} does not begin with https://")
    fault = None if data is None else source_fault(data)
    if fault is not None:
        key, what, todo = fault
        raise click.UsageError(f"{f'--{key}' if key else 'this'} {what}; {todo}")
    if engine == DEFAULT_ENGINE:
        return {}
    order: Mapping[str, Any] = msgspec.to_builtins(found.settings())
    return order


@node.command(epilog=example("collegium node request home"))
@HOME
@JSON
def request(home: Path, as_json: bool) -> None:
    """Make a TLS key and ask for a certificate.

    The key is made in HOME unless it has one; the request is to be signed.
    """
    from collegium.node.config import read_config
    from collegium.transport.authority import request_client

    made = request_client(home / "tls", read_config(home).node.member)
    if as_json:
        say_json({"request": str(made)})
        return
    say(f"Send {made} to the sequencer's operator; the key beside it stays here.")


@node.command(epilog=example("collegium node start home"))
@HOME
def start(home: Path) -> None:
    """Run the node of HOME until it is stopped.

    It logs JSON lines on standard error.
    """
    from collegium.node.passphrase import passphrase
    from collegium.node.start import run_node

    run_node(home, passphrase)


@node.command(epilog=example("collegium node stop home"))
@HOME
@JSON
def stop(home: Path, as_json: bool) -> None:
    """Stop the node that runs in HOME, and wait until it has ended."""
    from collegium.node.stopping import stop_node

    pid = stop_node(home)
    if as_json:
        say_json({"ended": pid})
        return
    say(f"The node of {home} has ended (pid {pid}).")


@node.command(epilog=example("collegium node status home"))
@HOME
@JSON
def status(home: Path, as_json: bool) -> None:
    """Show the status of the node that runs in HOME."""
    from collegium.cli.node_lines import status_lines
    from collegium.node.status_page import ask_status

    found = ask_status(home)
    if as_json:
        say_json(found)
        return
    for line in status_lines(found):
        say(line)


@node.command(epilog=example("collegium node check home"))
@HOME
@JSON
def check(home: Path, as_json: bool) -> None:
    """Say everything that is wrong with HOME; change nothing.

    Its node may run or not. The exit code is 1 where something keeps the node from its work.
    """
    from collegium.cli.node_lines import check_lines
    from collegium.node.checking.whole import check_home
    from collegium.node.passphrase import passphrase

    found = check_home(home, passphrase)
    if as_json:
        say_json(found)
    else:
        for line in check_lines(found):
            say(line)
    sys.exit(0 if found.ok else FAILED)


@node.command(epilog=example("collegium node release home --block HASH"))
@HOME
@click.option(
    "--block", metavar="HASH", help=("The block to release; without this option, it is printed.")
)
@JSON
def release(home: Path, block: str | None, as_json: bool) -> None:
    """Give up a block that was cosigned and is final nowhere.

    The node of HOME, whose member has cosigned it, is stopped. For a consortium whose members have
    cosigned two blocks in one place, by half each: its operators agree on one, and the members that
    cosigned the other release it.
    """
    from collegium.node.lock_release import locked_block, release_block

    found = locked_block(home, warn) if block is None else release_block(home, block, warn)
    unknown = found.first == found.size
    if as_json:
        told = {"block": found.block, "size": found.size, "known": not unknown}
        say_json({"home": str(home), **told, "released": block is not None})
    elif unknown and block is None:
        say(f"What the member of {home} has cosigned is not known. {found.size} entries are final")
        say(f"here, the last ones with the block {found.block}.")
        say(
            "If every other member's status reports as many final entries, and no two of them name "
            "different cosigned blocks,"
        )
        say(f"let it go on from there:  collegium node release {home} --block {found.block}")
    elif unknown:
        say(f"{home} gives up whatever its member has cosigned after {found.size} entries.")
        say("Start its node.")
    elif block is not None:
        say(f"{home} has released the block {found.block}, of {found.size} entries.")
        say("It can now cosign another block in its place. Start its node.")
    else:
        say(f"The member of {home} has cosigned, after {found.first} entries that are final here,")
        say(f"the block {found.block}, of {found.size} entries.")
        say(
            "If no member's status reports that many final entries, and the members "
            "continue with another"
        )
        say(f"block, release it:  collegium node release {home} --block {found.block}")
