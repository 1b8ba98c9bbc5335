"""``collegium calc committee``: how likely a committee is captured, and how large one has to be."""

from __future__ import annotations

from fractions import Fraction

import click

from collegium.cli.help import example
from collegium.cli.output import JSON, say, say_json


@click.command(epilog=example("collegium calc committee --members 20 --bad 4 --size 5"))
@click.option(
    "--members",
    type=click.IntRange(1, 100_000),
    required=True,
    help="Number of members to draw from.",
)
@click.option("--bad", type=click.IntRange(0), required=True, help="Number of dishonest members.")
@click.option(
    "--size",
    type=click.IntRange(1),
    help=("Committee size (default: the smallest sufficient size)."),
)
@click.option(
    "--rounds",
    type=click.IntRange(1),
    default=1,
    help=("Number of committees drawn, one per round."),
)
@click.option(
    "--limit", type=click.FloatRange(0, 1, min_open=True), default=0.001, show_default=True,
    help="Accepted probability of a dishonest majority in any round.",
)  # fmt: skip
@JSON
def committee(
    members: int, bad: int, size: int | None, rounds: int, limit: float, as_json: bool
) -> None:
    """Tell how likely a committee drawn by lot is captured.

    A bad third of its power stops quorums; a bad majority decides every median of scores.
    """
    from collegium.accounting.committee import (
        capture,
        majority,
        over_rounds,
        smallest,
        third,
    )

    if bad > members:
        raise click.UsageError(f"{bad} of {members} members cannot be dishonest")
    if size is not None and size > members:
        raise click.UsageError(f"a committee of {size} cannot be drawn from {members} members")
    once = Fraction(repr(limit)) if rounds == 1 else Fraction(1 - (1 - limit) ** (1 / rounds))
    needed = smallest(members, bad, once)
    chances = None
    if size is not None:
        chances = {
            "third": capture(members, bad, size, third(size)),
            "majority": capture(members, bad, size, majority(size)),
        }
    if as_json:
        said = {name: over_rounds(one, rounds) for name, one in (chances or {}).items()}
        say_json(
            {
                "members": members,
                "bad": bad,
                "size": size,
                "rounds": rounds,
                **said,
                "limit": limit,
                "smallest": needed,
            }
        )
        return
    over = "" if rounds == 1 else f" in at least one of {rounds} rounds"
    if size is not None and chances is not None:
        say(
            f"A committee of {size} of {members} members, {bad} of them dishonest. "
            f"Probability{over} that"
        )
        say(
            f"  {third(size)} or more are dishonest (they can block a quorum)   "
            f"{over_rounds(chances['third'], rounds):.3g}"
        )
        say(
            f"  {majority(size)} or more are dishonest (they can decide scores)  "
            f"{over_rounds(chances['majority'], rounds):.3g}"
        )
    if needed is None:
        say(
            f"No committee size keeps the probability of a dishonest majority{over} at or "
            f"below {100 * limit:g} %."
        )
    else:
        say(
            f"With {needed} or more members, the probability of a dishonest majority{over} "
            f"is at most {100 * limit:g} %."
        )
