"""``collegium calc quorum``: who decides and who can stop all others, by weights."""

from __future__ import annotations

from dataclasses import asdict

import click

from collegium.cli.help import example
from collegium.cli.output import JSON, say, say_json


@click.command(epilog=example("collegium calc quorum 5 3 1 1 1"))
@click.argument("weights", type=click.IntRange(1, 2**53), nargs=-1, required=True)
@JSON
def quorum(weights: tuple[int, ...], as_json: bool) -> None:
    """Tell which WEIGHTS decide, and which can stop all others.

    Where validators may lie, a quorum has more than two thirds of the weight, as on the ledger and
    under PBFT or Tendermint; where they only stop, more than a half, as under Raft.
    """
    from collegium.consensus.quorums import BYZANTINE, CRASH, quorums

    found = {"byzantine": quorums(weights, BYZANTINE), "crash": quorums(weights, CRASH)}
    if as_json:
        said = {name: asdict(one) for name, one in found.items()}
        say_json({"weights": weights, "validators": len(weights), **said})
        return
    for name, words in (
        ("byzantine", "Validators may lie: more than two thirds"),
        ("crash", "Validators only stop: more than a half"),
    ):
        one = found[name]
        say(f"{words}, so {one.needed} of {one.total}")
        say(f"  validators that make a quorum, at least      {one.fewest} of {len(weights)}")
        say(f"  validators that can stop all others          {one.stop}")
        say(f"  faults that are borne, whoever they are of   {one.tolerated}")
    alone = sum(one >= found["byzantine"].total - found["byzantine"].needed + 1 for one in weights)
    if alone:
        who = "One validator" if alone == 1 else f"Each of {alone} validators"
        say(f"{who} can stop everything alone: more validators or evener weights bear a fault.")
