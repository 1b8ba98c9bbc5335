"""``collegium calc graph``: what a secure sum among many needs."""

from __future__ import annotations

from typing import Any

import click

from collegium.cli.help import example
from collegium.cli.output import JSON, say, say_json


@click.command(epilog=example("collegium calc graph 1000 --corrupt 0.2"))
@click.argument("members", type=click.IntRange(3, 1_000_000))
@click.option(
    "--corrupt", type=click.FloatRange(0, 0.5, max_open=True), default=0.1, show_default=True,
    help="Share of members who may act together.",
)  # fmt: skip
@click.option(
    "--missing", type=click.FloatRange(0, 0.5, max_open=True), default=0.1, show_default=True,
    help="Share of members who may drop out.",
)  # fmt: skip
@click.option("--degree", type=click.IntRange(2), help="Evaluate this degree.")
@click.option("--threshold", type=click.IntRange(1), help="Evaluate this threshold.")
@JSON
def graph(
    members: int,
    corrupt: float,
    missing: float,
    degree: int | None,
    threshold: int | None,
    as_json: bool,
) -> None:
    """Size the graph of neighbours of a secure sum among MEMBERS.

    It is for the protocol "secagg_plus". Secrecy fails with a chance of at most 2^-40, opening the
    sum with at most 2^-30, by hypergeometric tails and a union bound over all members.
    """
    from collegium.study.graph_size import (
        graph_size,
        least_threshold,
        population,
        secrecy_bits,
        tightest,
    )

    people = population(members, corrupt, missing)
    rows: list[dict[str, Any]] = []
    found = tightest(people)
    if found is not None:
        rows.append({"for": "tightest", "degree": found.degree, "threshold": found.threshold})
    for trust in ("honest_but_curious", "malicious"):
        found = graph_size(people, trust)
        rows.append({"for": trust, "degree": found.degree, "threshold": found.threshold})
    if degree is not None:
        asked = threshold or least_threshold("malicious", min(degree, members - 1))
        rows.append({"for": "asked", "degree": degree, "threshold": asked})
    for row in rows:
        row["secrecy_bits"] = secrecy_bits(people, row["degree"], row["threshold"])
        row["complete"] = row["degree"] >= members - 1
    if as_json:
        say_json(
            {"members": members, "corrupt": people.corrupt, "missing": people.missing, "rows": rows}
        )
        return
    say(f"{members} members, {people.corrupt} of them corrupt, {people.missing} missing")
    for row in rows:
        bits = row["secrecy_bits"]
        chance = "never fails" if bits is None else f"fails with probability at most 2^-{bits}"
        say(
            f"  {row['for']:<20} degree {row['degree']:>4}, threshold {row['threshold']:>4}:"
            f" secrecy {chance}{', the complete graph' if row['complete'] else ''}"
        )
