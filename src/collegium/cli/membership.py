"""``collegium node propose | vote | proposals | rotate``: governing a consortium."""

from __future__ import annotations

from pathlib import Path

import click

from collegium.cli.help import example
from collegium.cli.output import JSON, say, say_json

HOME = click.argument("home", type=click.Path(path_type=Path))
WAIT = click.option(
    "--wait", default=60.0, show_default=True, metavar="SECONDS",
    help="How long to wait until it is final.",
)  # fmt: skip


@click.command(epilog=example("collegium node propose home expel vb"))
@HOME
@click.argument("change", metavar="admit|adopt|expel|restore|rotate|...")
@click.argument("subject", metavar="CARD|MEMBER|REQUEST")
@click.option(
    "--study", metavar="ID", help="With `restore`: the study in which the member was demoted."
)
@WAIT
@JSON
def propose(
    home: Path, change: str, subject: str, study: str | None, wait: float, as_json: bool
) -> None:
    """Propose a change in the name of HOME's member.

    Its node runs. `admit` takes the card of the new member, `expel` a member's id, and `rotate` a
    request that the member has made with `node rotate --out`. `restore` appeals against what scores
    made of a member's standing in a study: with it, they demote the member there no more. `adopt`
    admits a module that the genesis did not, such as ``scores@2``: studies may use it from then on.
    Modules of other packages may add changes of their own.
    """
    from collegium.node.home import read_card
    from collegium.node.membership import Request, new_proposal, proposable, read_request
    from collegium.node.operator_commands import Propose, give_command

    kinds = proposable()
    if change not in kinds:
        raise click.UsageError(f"{change!r} is none of {', '.join(kinds)}")
    kind = kinds[change]
    if ("study" in kind.__struct_fields__) != (study is not None):
        raise click.UsageError(f"`{change}` {'needs' if study is None else 'takes no'} --study ID")
    if change == "rotate":
        request = read_request(Path(subject))
    else:
        about = read_card(Path(subject)) if change == "admit" else subject
        action = kind(about) if study is None else kind(about, study)
        request = Request(action=action, proposal=new_proposal())
    give_command(home, Propose(action=request.action, proposal=request.proposal), wait)
    if as_json:
        say_json({"proposal": request.proposal, "action": request.action})
        return
    say(f"The proposal is on the ledger: {request.proposal}")
    say(f"Each validator votes with `collegium node vote HOME {request.proposal} yes`.")


@click.command(epilog=example("collegium node vote home PROPOSAL yes"))
@HOME
@click.argument("proposal")
@click.argument("said", metavar="yes|no", type=click.Choice(["yes", "no"]))
@WAIT
@JSON
def vote(home: Path, proposal: str, said: str, wait: float, as_json: bool) -> None:
    """Say yes or no to PROPOSAL in the name of HOME's member.

    Its node runs.
    """
    from collegium.cli.node_lines import change_lines
    from collegium.node.operator_commands import Vote, change_after_vote, give_command

    give_command(home, Vote(approve=said == "yes", proposal=proposal), wait)
    found = change_after_vote(home, proposal, wait)
    if as_json:
        say_json({"proposal": proposal, "vote": said, "status": found.status if found else ""})
        return
    for line in change_lines(found) if found else ["The vote is on the ledger."]:
        say(line)


@click.command(epilog=example("collegium node proposals home --all"))
@HOME
@click.option("--all", "closed_too", is_flag=True, help="Include decided proposals.")
@JSON
def proposals(home: Path, closed_too: bool, as_json: bool) -> None:
    """Show the proposals that are open.

    They are shown as the node that runs in HOME sees the ledger.
    """
    from collegium.cli.node_lines import change_lines
    from collegium.node.status_page import ask_status

    wanted = ("open", "accepted")
    found = [one for one in ask_status(home).changes if closed_too or one.status in wanted]
    if as_json:
        say_json({"proposals": found})
        return
    if not found:
        say("No proposal is open.")
    for one in found:
        for line in change_lines(one):
            say(line)


@click.command(epilog=example("collegium node rotate home"))
@HOME
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="FILE",
    help="Only write the request, for another member to propose.",
)  # fmt: skip
@WAIT
@JSON
def rotate(home: Path, out: Path | None, wait: float, as_json: bool) -> None:
    """Make a new ledger key and propose that it replaces the old.

    The key is made in HOME.
    """
    import msgspec

    from collegium.ledger.durability import write_whole
    from collegium.node.membership import new_key
    from collegium.node.operator_commands import Propose, give_command
    from collegium.node.passphrase import passphrase
    from collegium.node.status_page import ask_status

    if out is None:
        ask_status(home)  # no key is made where nobody can propose it
    request = new_key(home, passphrase)
    if out is not None:
        write_whole(out, msgspec.json.encode(request))
    else:
        give_command(home, Propose(action=request.action, proposal=request.proposal), wait)
    if as_json:
        say_json({"proposal": request.proposal, "action": request.action})
        return
    say(f"The new key is in {home / 'keys'}; it takes effect once the validators have agreed.")
    if out is not None:
        say(f"Give {out} to a member, who runs `collegium node propose HOME rotate {out.name}`.")
    else:
        say(f"Each validator votes with `collegium node vote HOME {request.proposal} yes`.")


@click.command(epilog=example("collegium node succeed home genesis.json"))
@HOME
@click.argument("genesis", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@JSON
def succeed(home: Path, genesis: Path, as_json: bool) -> None:
    """Continue under the GENESIS of a successor consortium.

    The node of HOME is stopped.
    """
    from collegium.node.passphrase import passphrase
    from collegium.node.succession import succeed as go_on

    old = go_on(home, genesis, passphrase)
    if as_json:
        say_json({"home": str(home), "succeeds": old})
        return
    say(f"{home} continues after {old.size} entries of its old ledger, which is now in past/.")
    say("Its copy matches the genesis. Start its node.")
