"""`collegium bench secure-sum`: a secure sum among many simulated devices, and what it takes."""

from __future__ import annotations

import click
import msgspec

from collegium.cli.output import JSON, say, say_json, work_progress


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
@click.option("--degree", type=click.IntRange(2), help="Neighbours, in place of a safe number.")
@click.option("--complete", is_flag=True, help="Mask with everybody.")
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
        f"{found.devices} devices, {found.missing} of them missing after they dealt,"
        f" {found.parameters} parameters"
    )
    say(f"  {found.neighbours} neighbours each, {found.threshold} of whom open a secret")
    say(f"  a device   {found.device_seconds:.3f} s, sends {found.device_bytes} bytes")
    say(f"  the server {found.server_seconds:.3f} s")
    say("  the sum is exact" if found.exact else "  THE SUM IS WRONG")
