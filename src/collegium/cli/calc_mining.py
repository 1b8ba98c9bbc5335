"""``collegium calc catch-up``, ``selfish-mining``, ``block-rate``: what mining promises, costs."""

from __future__ import annotations

from typing import Any, get_args

import click

from collegium.cli.help import example
from collegium.cli.output import JSON, say, say_json


@click.command("catch-up", epilog=example("collegium calc catch-up --share 0.3 --confirmations 6"))
@click.option(
    "--share", type=click.FloatRange(0, 1), required=True,
    help="The attacker's share of all mining power.",
)  # fmt: skip
@click.option(
    "--confirmations", type=click.IntRange(0, 10_000), default=6, show_default=True,
    help="Blocks on top of a block when it counts as final.",
)  # fmt: skip
@click.option(
    "--limit", type=click.FloatRange(1e-9, 1, max_open=True), default=0.001, show_default=True,
    help="Accepted probability that a final block is taken back.",
)  # fmt: skip
@JSON
def catch_up(share: float, confirmations: int, limit: float, as_json: bool) -> None:
    """Tell how likely a block of proof of work is taken back.

    Nakamoto 2008, section 11: the attacker mines in secret from below the block, until its chain is
    the longer one.
    """
    from collegium.consensus.analysis import MOST, confirmations_for
    from collegium.consensus.analysis import catch_up as chance

    found, needed = chance(share, confirmations), confirmations_for(share, limit)
    if as_json:
        say_json({
            "share": share, "confirmations": confirmations, "probability": found, "limit": limit,
            "needed": needed,
        })  # fmt: skip
        return
    say(
        f"With {100 * share:g} % of the power, an attacker takes back a block with {confirmations} "
        f"on top of it with probability {found:.3g}."
    )
    if needed is None:
        say(
            "No number of blocks on top is enough: half of the power always catches up."
            if share >= 0.5
            else f"Not even {MOST} on top keep the probability at or below {100 * limit:g} %."
        )
    else:
        say(f"With {needed} or more on top, the probability is at most {100 * limit:g} %.")


@click.command(
    "selfish-mining", epilog=example("collegium calc selfish-mining --share 0.3 --reached 0.5")
)
@click.option(
    "--share", type=click.FloatRange(0, 0.5, max_open=True), required=True,
    help="The pool's share of all mining power.",
)  # fmt: skip
@click.option(
    "--reached", type=click.FloatRange(0, 1), default=0.0, show_default=True,
    help="Share of the others' power that hears of the pool's block first in a race.",
)  # fmt: skip
@JSON
def selfish_mining(share: float, reached: float, as_json: bool) -> None:
    """Tell the share of all blocks of a pool that hides its own.

    Eyal and Sirer 2014, equations 8 and 9: it tells its blocks only when others have almost as
    many, so that theirs are lost.
    """
    from collegium.consensus.analysis import selfish_revenue, selfish_threshold

    revenue, threshold = selfish_revenue(share, reached), selfish_threshold(reached)
    if as_json:
        say_json({"share": share, "reached": reached, "revenue": revenue, "threshold": threshold})
        return
    say(
        f"With {100 * share:g} % of the power, a pool that mines selfishly has "
        f"{100 * revenue:.3g} % of all blocks."
    )
    say(f"It pays with more than {100 * threshold:.3g} % of the power.")


SECONDS = click.FloatRange(0, 1e6)


@click.command(
    "block-rate",
    epilog=example("collegium calc block-rate --miners 10 --waiting 0.05 --propagation 0.2"),
)
@click.option("--miners", type=click.IntRange(2, 100_000), required=True, help="How many mine.")
@click.option(
    "--waiting", type=SECONDS, required=True, metavar="S",
    help="Seconds for which miners gather updates before they mine.",
)  # fmt: skip
@click.option(
    "--propagation", type=click.FloatRange(1e-6, 1e6), required=True, metavar="S",
    help="Seconds until a block is with all miners.",
)  # fmt: skip
@click.option(
    "--rate", type=click.FloatRange(0, min_open=True), metavar="R",
    help="Evaluate this rate of each miner, in blocks a second.",
)  # fmt: skip
@JSON
def block_rate(
    miners: int, waiting: float, propagation: float, rate: float | None, as_json: bool
) -> None:
    """Find the rate of mining at which BlockFL is fastest.

    Kim, Park, Bennis and Kim 2020: mined too slowly, an epoch waits for its block; too fast, miners
    fork and it begins again. One rival may fork a block in their model; in Wilhelmi, Giupponi and
    Dini's, all others may.
    """
    from collegium.consensus.analysis import Rivals, best_rate, epoch_seconds, fork_probability

    rows: list[dict[str, Any]] = []
    for rivals in get_args(Rivals):
        best = best_rate(miners, waiting, propagation, rivals)
        for what, each in (("best", best), ("asked", rate)):
            if each is None:
                continue
            seconds = epoch_seconds(each, miners, waiting, propagation, rivals)
            forks = fork_probability(each, miners, propagation, rivals)
            rows.append(
                {"for": what, "rivals": rivals, "rate": each, "seconds": seconds, "forks": forks}
            )
    if as_json:
        asked = {"miners": miners, "waiting": waiting, "propagation": propagation}
        say_json({**asked, "rows": rows})
        return
    who = {"one": "one rival", "all": "all as rivals"}
    say(f"{miners} miners, {waiting:g} s of waiting, {propagation:g} s until all have a block")
    for row in rows:
        say(
            f"  {row['for']:<5} with {who[row['rivals']]:<13}  {row['rate']:.4g} blocks a second "
            f"of each: an epoch takes {row['seconds']:.4g} s, {100 * row['forks']:.3g} % fork"
        )
