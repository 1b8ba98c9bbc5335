"""`collegium bench graph` and `secure-sum`: what a sum among many devices needs and takes."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from collegium.cli.output import JSON, say, say_json, work_progress


@click.command()
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
    """Size the graph of a secure sum among MEMBERS (protocol "secagg_plus").

    Secrecy fails with a chance of at most 2^-40, opening the sum with at most 2^-30, by
    hypergeometric tails and a union bound over all members.
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


@click.command("secure-sum")
@click.argument("devices", type=click.IntRange(3, 100_000))
@click.option("--parameters", type=click.IntRange(1), default=10_000, show_default=True)
@click.option(
    "--missing", type=click.FloatRange(0, 0.5, max_open=True), default=0.05, show_default=True,
    help="Share of devices that drop out after dealing.",
)  # fmt: skip
@click.option(
    "--corrupt", type=click.FloatRange(0, 0.5, max_open=True), default=0.05, show_default=True,
    help="Share that may act together; it sizes the graph.",
)  # fmt: skip
@click.option(
    "--degree", type=click.IntRange(2), help=("Number of neighbours (default: a safe number).")
)
@click.option("--complete", is_flag=True, help="Use the complete graph.")
@JSON
def secure_sum(
    devices: int, parameters: int, missing: float, corrupt: float, degree: int | None,
    complete: bool, as_json: bool,
) -> None:  # fmt: skip
    """Sum random updates of DEVICES simulated devices in secret, and say what it takes.

    In a graph of neighbours (protocol "secagg_plus") against members who may lie, as
    `collegium bench graph` sizes it. All devices run in this process, one after the other.
    """
    from collegium.benchmark.secure_sum import secure_sum_cost
    from collegium.study.graph_size import GraphSize, graph_size, least_threshold, population

    people = population(devices, corrupt, missing)
    graph = None if complete else graph_size(people, "malicious")
    if degree is not None and not complete:
        even = degree + degree % 2
        graph = GraphSize(even, least_threshold("malicious", min(even, devices - 1)))
    with work_progress("secure sum", "steps", quiet=as_json) as progress:
        found = secure_sum_cost(devices, people.missing, parameters, graph, progress)
    if as_json:
        say_json(msgspec.to_builtins(found))
        return
    say(
        f"{found.devices} devices, {found.missing} of them dropped out after dealing, "
        f"{found.parameters} parameters"
    )
    say(f"  {found.neighbours} neighbours each, {found.threshold} of whom open a secret")
    say(f"  per device {found.device_seconds:.3f} s, sends {found.device_bytes} bytes")
    say(f"  the server {found.server_seconds:.3f} s")
    say("  the sum is exact" if found.exact else "  THE SUM IS WRONG")
