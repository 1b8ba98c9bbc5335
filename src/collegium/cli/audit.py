"""`collegium audit`: receipts of single entries, and what others need to check them."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from collegium.cli.help import Grouped, example
from collegium.cli.output import FAILED, say, say_json, warn
from collegium.errors import RunError, reason_of

JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
RUN = click.argument("run", type=click.Path(path_type=Path))
OUT = click.option(
    "--out", type=click.Path(path_type=Path), help="Write to this file, not to the screen."
)


@click.group(
    cls=Grouped,
    headings={
        "Receipts": ("entries", "receipt", "policy", "check", "tiles"),
        "Evidence against the log's operator": ("fork", "promise", "block", "censorship"),
    },
    epilog=example("collegium audit receipt 12 heart --out receipt.txt"),
)
def audit() -> None:
    """Prove single ledger entries, or misconduct, to somebody else.

    `collegium verify` checks a whole run folder, recomputes every round and tells its holder what
    that proves. `collegium audit` is for somebody without the folder: a receipt proves one entry
    offline, and evidence proves that the log's operator broke a rule.
    """


@audit.command(epilog=example("collegium audit entries heart"))
@RUN
@JSON
def entries(run: Path, as_json: bool) -> None:
    """List the ledger entries of RUN, a run folder or a node's home."""
    from collegium.audit.entry import keys_of, read_entry
    from collegium.audit.log import read_log
    from collegium.cli.receipts import entry_line

    log = read_log(run)
    keys = keys_of(log.known_members())
    found = [read_entry(entry, log.identity, keys) for entry in log.entries]
    if as_json:
        say_json(
            [
                {"index": index, "id": one.id, "kind": one.kind, "sender": one.sender}
                for index, one in enumerate(found)
            ]
        )
        return
    for index, one in enumerate(found):
        say(entry_line(index, one))


@audit.command(epilog=example("collegium audit receipt 12 heart --out receipt.txt"))
@click.argument("transaction", metavar="TX|INDEX")
@RUN
@OUT
@JSON
def receipt(transaction: str, run: Path, out: Path | None, as_json: bool) -> None:
    """Write a receipt of one entry of RUN.

    The entry is named by its index, or by its transaction's id as `audit entries` lists it.
    """
    from collegium.audit.issue import issue_receipt
    from collegium.cli.receipts import issued_json, issued_lines

    issued = issue_receipt(run, transaction)
    if out is not None:
        _write_new(out, issued.text)
    if as_json:
        say_json(issued_json(issued, out))
    elif out is None:
        click.echo(issued.text.encode(), nl=False)
    else:
        for line in issued_lines(issued, out):
            say(line)


@audit.command(epilog=example("collegium audit check receipt.txt --policy log.policy"))
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--policy", type=click.Path(path_type=Path), help="Trust root: a policy file.")
@click.option("--genesis", metavar="SHA256", help="Trust root: the genesis digest.")
@JSON
def check(file: Path, policy: Path | None, genesis: str | None, as_json: bool) -> None:
    """Check a receipt offline and say what it proves.

    What it does not prove is said too.
    """
    from collegium.audit.check import check_receipt
    from collegium.audit.trust import genesis_root, read_policy
    from collegium.cli.receipts import checked_json, checked_lines

    if (policy is None) == (genesis is None):
        raise click.UsageError("a receipt is checked against --policy or --genesis, one of the two")
    trust = read_policy(policy) if policy is not None else genesis_root(genesis or "")
    checked = check_receipt(_read(file), trust)
    if as_json:
        say_json(checked_json(checked))
    else:
        for line in checked_lines(checked):
            say(line)
    sys.exit(0 if checked.ok else FAILED)


@audit.command(epilog=example("collegium audit policy heart --out log.policy"))
@RUN
@OUT
@click.option("--log-only", is_flag=True, help="Trust the log's key, without cosignatures.")
@click.option("--keep", is_flag=True, help="Write JSON that keeps the newest checkpoint as well.")
@JSON
def policy(run: Path, out: Path | None, log_only: bool, keep: bool, as_json: bool) -> None:
    """Write the policy that receipts of RUN are checked against.

    Its format is C2SP tlog-policy.
    """
    from collegium.audit.issue import issue_kept_policy, issue_policy

    if log_only and keep:
        raise click.UsageError("--log-only and --keep are two policies; choose one")
    text = issue_kept_policy(run) if keep else issue_policy(run, log_only=log_only)
    if out is not None:
        _write_new(out, text)
    if as_json:
        say_json({"out": None if out is None else str(out), "policy": text})
    else:
        say(text.rstrip() if out is None else str(out))
    if log_only:
        warn("this policy trusts whoever holds the log's key")


@audit.command(epilog=example("collegium audit tiles heart --out tiles"))
@RUN
@click.option("--out", type=click.Path(path_type=Path), required=True, help="A new folder.")
@JSON
def tiles(run: Path, out: Path, as_json: bool) -> None:
    """Write the log of RUN as C2SP tlog-tiles for a web server."""
    from collegium.audit.export import export_tiles

    checkpoint, count = export_tiles(run, out)
    if as_json:
        root = checkpoint.root.hex()
        say_json({"out": str(out), "size": checkpoint.size, "root": root, "tiles": count})
    else:
        say(f"{out}: {checkpoint.size} entries in {count} tiles and bundles, with their checkpoint")


@audit.command(epilog=example("collegium audit fork home/evidence/fork-812 --genesis SHA256"))
@click.argument("evidence", type=click.Path(path_type=Path))
@click.option("--genesis", metavar="SHA256", required=True, help="Trust root: the genesis digest.")
@JSON
def fork(evidence: Path, genesis: str, as_json: bool) -> None:
    """Check evidence that the log's key signed two histories.

    EVIDENCE is a folder that a node wrote under evidence/ in its home.
    """
    from collegium.audit.trust import genesis_root
    from collegium.ledger.engines.log.evidence import read_fork

    found = read_fork(evidence, genesis_root(genesis).genesis or b"")
    if as_json:
        sizes = None if found is None else [found.first.size, found.second.size]
        say_json({"proven": found is not None, "sizes": sizes})
    elif found is None:
        say("NOT PROVEN: both checkpoints may belong to one history.")
    else:
        say(f"PROVEN: {found}.")
        say("Its holder lied, or restarted the log without entries that it had signed.")
    sys.exit(FAILED if found is None else 0)


@audit.command(epilog=example("collegium audit promise home/evidence/promise-812 --genesis SHA256"))
@click.argument("evidence", type=click.Path(path_type=Path))
@click.option("--genesis", metavar="SHA256", required=True, help="Trust root: the genesis digest.")
@JSON
def promise(evidence: Path, genesis: str, as_json: bool) -> None:
    """Check evidence that the sequencer broke an inclusion promise.

    EVIDENCE is a folder that a node wrote under evidence/ in its home: the log left out what
    its key had acknowledged.
    """
    from collegium.audit.inclusion_promise import read_promise
    from collegium.audit.trust import genesis_root

    found = read_promise(evidence, genesis_root(genesis).genesis or b"")
    if as_json:
        place = {} if found is None else {
            "index": found.index, "promised": found.promised.hex(), "found": found.found.hex(),
        }  # fmt: skip
        say_json({"proven": found is not None, **place})
    elif found is None:
        say(
            "NOT PROVEN: the log contains the promised entry at that index, or the promise "
            "is about another log."
        )
    else:
        say(f"PROVEN: {found}.")
        say(
            "Its holder broke an inclusion promise, or restarted the log without entries "
            "that it had promised."
        )
    sys.exit(FAILED if found is None else 0)


@audit.command(epilog=example("collegium audit block home/evidence/block-812 --genesis SHA256"))
@click.argument("evidence", type=click.Path(path_type=Path))
@click.argument("ledger", type=click.Path(path_type=Path), required=False)
@click.option("--genesis", metavar="SHA256", required=True, help="Trust root: the genesis digest.")
@JSON
def block(evidence: Path, ledger: Path | None, genesis: str, as_json: bool) -> None:
    """Check evidence that the log's key signed an invalid block.

    LEDGER is a run folder or a home with the ledger before that block, whoever's it is; EVIDENCE
    that lies in a member's home needs none.
    """
    from collegium.audit.invalid_block import check_block
    from collegium.audit.trust import genesis_root

    identity = genesis_root(genesis).genesis or b""
    found = check_block(evidence, ledger or _ledger_beside(evidence, identity), identity)
    if as_json:
        say_json({"proven": found.proven, "first": found.first, "why": found.why})
    elif found.proven:
        say(f"PROVEN: the log's key signed a block after {found.first} entries that is invalid:")
        say(f"{found.why}.")
    else:
        say(f"NOT PROVEN: the block after {found.first} entries: {found.why}.")
    sys.exit(0 if found.proven else FAILED)


def _ledger_beside(evidence: Path, identity: bytes) -> Path:
    """Return the home that evidence lies in, or what it keeps there of a ledger before."""
    from collegium.ledger.ordering import LEDGER
    from collegium.node.home import PAST

    home = evidence.resolve().parents[1]
    for folder in (home / PAST / identity.hex(), home):
        if (folder / LEDGER).exists():
            return folder
    raise click.UsageError(
        f"{evidence} lies in no member's home: name the LEDGER of somebody who has it"
    )


@audit.command(
    epilog=example("collegium audit censorship evidence/censored-812 home --genesis SHA256")
)
@click.argument("evidence", type=click.Path(path_type=Path))
@click.argument("ledger", type=click.Path(path_type=Path))
@click.option("--genesis", metavar="SHA256", required=True, help="Trust root: the genesis digest.")
@JSON
def censorship(evidence: Path, ledger: Path, genesis: str, as_json: bool) -> None:
    """Check evidence that the log left out what a quorum had seen.

    LEDGER is a run folder or a home with the ledger before that block, whoever's it is.
    """
    from collegium.audit.censorship import check_censorship
    from collegium.audit.trust import genesis_root

    found = check_censorship(evidence, ledger, genesis_root(genesis).genesis or b"")
    if as_json:
        say_json(
            {"proven": found.proven, "first": found.first, "transaction": found.transaction,
             "author": found.author, "seen": found.seen, "blocks": found.blocks, "why": found.why}
        )  # fmt: skip
    elif found.proven:
        say(f"PROVEN: the log's key signed a block after {found.first} entries without transaction")
        say(f"{found.transaction} of {found.author}, seen by {', '.join(found.seen)}:")
        say(f"{found.why}.")
        say("Only if that transaction is final right behind did its holder keep a promise.")
    else:
        say(f"NOT PROVEN: the block after {found.first} entries: {found.why}.")
    sys.exit(0 if found.proven else FAILED)


def _read(file: Path) -> bytes:
    """Return a receipt's bytes, one more than allowed at most."""
    from collegium.audit.receipt import LARGEST_RECEIPT

    try:
        with file.open("rb") as opened:
            return opened.read(LARGEST_RECEIPT + 1)
    except (OSError, ValueError) as error:
        raise RunError(
            "receipt.unreadable", f"{file} cannot be read", reason_of(error), "check the path"
        ) from error


def _write_new(path: Path, text: str) -> None:
    """Write a file that is not there yet.

    Raises:
        RunError: it is there, or cannot be written.
    """
    try:
        with path.open("xb") as file:
            file.write(text.encode())
    except FileExistsError as error:
        raise RunError(
            "output.exists", f"{path} is there already", "nothing is ever overwritten",
            "choose another --out",
        ) from error  # fmt: skip
