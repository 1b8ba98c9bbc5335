"""``collegium sequencer``: whoever puts a consortium's transactions in order, on one port."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from collegium.cli.help import Grouped, example
from collegium.cli.output import FAILED, JSON, say, say_json

HOME = click.argument("home", type=click.Path(path_type=Path))


@click.group(
    cls=Grouped,
    headings={"Set up": ("init", "found", "certify", "check"), "Run": ("start", "status", "stop")},
    epilog=example("collegium sequencer init seq --host ledger.example.org"),
)
def sequencer() -> None:
    """Make and run the sequencer of a consortium."""


@sequencer.command(epilog=example("collegium sequencer init seq --host ledger.example.org"))
@HOME
@click.option(
    "--host", "hosts", multiple=True, required=True,
    help="A name or address under which members reach it; may be given more than once.",
)  # fmt: skip
@click.option("--port", type=click.IntRange(0, 65535), default=4100, show_default=True)
@click.option("--listen", metavar="ADDRESS", help="Where it listens: the first --host if not said.")
@click.option("--name", default="consortium", show_default=True, help="For the certificates.")
@click.option("--encrypt", is_flag=True, help="Keep the log key under a passphrase.")
@click.option(
    "--of", "old", type=click.Path(path_type=Path), metavar="HOME",
    help="Move: take the log key, authority and genesis of that home, or of its backup.",
)  # fmt: skip
@JSON
def init(
    home: Path, hosts: tuple[str, ...], port: int, listen: str | None, name: str, encrypt: bool,
    old: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Make a sequencer's HOME: log key, authority, certificate.

    The authority signs the certificates of members.
    """
    from collegium.canonical import to_text
    from collegium.node.passphrase import new_passphrase
    from collegium.transport.home import make_home, move_home

    if old is not None:
        if encrypt:
            raise click.UsageError("--of takes the log key as it is; --encrypt does not go with it")
        move_home(home, old, hosts, port, listen=listen)
        if as_json:
            say_json({"home": str(home), "of": str(old)})
            return
        say(f"{home} is the home of the sequencer that was in {old}.")
        say(f"Next: collegium sequencer start {home} --from HOME, with a member's home.")
        return
    passphrase = new_passphrase() if encrypt else None
    key = make_home(home, hosts, port, listen=listen, name=name, passphrase=passphrase)
    if as_json:
        say_json({"home": str(home), "log": to_text(key)})
        return
    say(f"{home} is the home of a sequencer; its log key is {to_text(key)}.")
    say(f"Next: collegium sequencer found {home} CARD …, with every member's card.json.")


@sequencer.command(epilog=example("collegium sequencer found seq va.json vb.json vc.json vd.json"))
@HOME
@click.argument("cards", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--chain", default="consortium", show_default=True, help="The ledger's short name.")
@click.option(
    "--successor-of", "old", type=click.Path(path_type=Path), metavar="HOME",
    help="Go on from where the ledger in a member's home ends; its node is stopped.",
)  # fmt: skip
@JSON
def found(home: Path, cards: tuple[Path, ...], chain: str, old: Path | None, as_json: bool) -> None:
    """Make a genesis from the members' CARDS.

    It is the genesis of the consortium whose sequencer is in HOME.
    """
    from collegium.ledger.keyfile import read_secret
    from collegium.ledger.keys import signing_key
    from collegium.node.home import read_card
    from collegium.node.passphrase import passphrase
    from collegium.node.succession import end_of
    from collegium.transport.home import GENESIS, LOG_KEY, found_ledger

    members = [read_card(card) for card in cards]
    key = signing_key(read_secret(home / LOG_KEY, passphrase)).public
    succeeds = None if old is None else end_of(old)
    digest = found_ledger(home, chain, members, key, succeeds).hex()
    if as_json:
        told = {"genesis": digest, "members": [one.id for one in members]}
        say_json(told if succeeds is None else {**told, "succeeds": succeeds})
        return
    say(f"{home / GENESIS} is the genesis of {len(members)} members. Its digest is")
    say(digest)
    if succeeds is not None:
        say(f"It continues after {succeeds.size} entries of the ledger in {old}.")
    say(
        "Send the file to every member, and the digest through another channel: members "
        "trust the digest."
    )


@sequencer.command(
    epilog=example("collegium sequencer certify seq va --request va.csr --out va-tls")
)
@HOME
@click.argument("member")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="A folder for it.")
@click.option(
    "--request", required=True, metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="What MEMBER made by `node request`: its key stays with it.",
)  # fmt: skip
@JSON
def certify(home: Path, member: str, out: Path, request: Path, as_json: bool) -> None:
    """Sign a member's request for a certificate.

    The certificate is for the folder tls of its home.
    """
    from collegium.transport.authority import sign_request
    from collegium.transport.home import AUTHORITY

    sign_request(home / AUTHORITY, out, member, request.read_bytes())
    if as_json:
        say_json({"member": member, "folder": str(out)})
        return
    say(f"{out} contains what {member} needs beside its key: ca.pem and client.pem.")


@sequencer.command(epilog=example("collegium sequencer start seq"))
@HOME
@click.option(
    "--from", "source", type=click.Path(path_type=Path), metavar="HOME",
    help="Begin with the ledger of another home, such as a member's.",
)  # fmt: skip
def start(home: Path, source: Path | None) -> None:
    """Run the sequencer of HOME until it is stopped.

    It logs JSON lines on standard error.
    """
    from collegium.ledger.engines.log.copying_out import begin_from
    from collegium.node.passphrase import passphrase
    from collegium.transport.serving import run_sequencer

    if source is not None:
        begin_from(source, home)
    run_sequencer(home, passphrase)


@sequencer.command(epilog=example("collegium sequencer status seq"))
@HOME
@JSON
def status(home: Path, as_json: bool) -> None:
    """Show how the sequencer that runs in HOME stands."""
    from collegium.transport.renewal import WARN_DAYS
    from collegium.transport.sequencer_status import ask_sequencer

    found = ask_sequencer(home)
    if as_json:
        say_json(found)
        return
    say(f"sequencer: {'ordering' if found.ready else 'waiting for members'}, at {found.url}")
    say(f"  ledger    {found.final} of {found.size} entries are final")
    say(f"  members   {', '.join(found.presented) or 'nobody'} have presented themselves")
    if found.waiting:
        say(f"  waiting   {found.waiting} transactions are in no block yet")
    if found.awaited:
        say(f"  awaits    cosignatures of {', '.join(found.awaited)}")
    if found.certificate_days is not None and found.certificate_days < WARN_DAYS:
        say(f"  warning   its certificate ends in {found.certificate_days:.0f} days")
    if found.refuses:
        say(f"  warning   it refuses certificates: {found.refuses}")
    if found.disk:
        say(f"  error     the disk fails: {found.disk}")


@sequencer.command(epilog=example("collegium sequencer check seq"))
@HOME
@JSON
def check(home: Path, as_json: bool) -> None:
    """Say everything that is wrong with HOME; change nothing.

    Its sequencer may run or not. The exit code is 1 where something keeps the sequencer from its
    work.
    """
    from collegium.cli.node_lines import check_lines
    from collegium.node.passphrase import passphrase
    from collegium.transport.checking import check_sequencer

    found = check_sequencer(home, passphrase)
    if as_json:
        say_json(found)
    else:
        for line in check_lines(found):
            say(line)
    sys.exit(0 if found.ok else FAILED)


@sequencer.command(epilog=example("collegium sequencer stop seq"))
@HOME
@JSON
def stop(home: Path, as_json: bool) -> None:
    """Stop the sequencer that runs in HOME, and wait until it has ended."""
    from collegium.transport.sequencer_status import stop_sequencer

    pid = stop_sequencer(home)
    if as_json:
        say_json({"ended": pid})
        return
    say(f"The sequencer of {home} has ended (pid {pid}).")
