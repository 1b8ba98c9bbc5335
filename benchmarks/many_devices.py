"""A secure sum among many simulated devices: ``python -m benchmarks.many_devices 1000``.

One attempt: what it costs, and that it is exact.

Everything that a device and the server calculate is calculated, with random secrets; what is left
out is the ledger around it, whose part does not depend on the protocol.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from time import perf_counter

import numpy as np

from collegium.learning.blobs import LIMIT
from collegium.mechanisms.secagg.protocol import SECAGG, SECAGG_PLUS
from collegium.secrecy.masked import encode_masked, residues, total_of
from collegium.secrecy.secure_sum import OwnSecrets, SumFailure
from collegium.secrecy.shamir import PRIME
from collegium.secrecy.sum_setup import AttemptId, FixedDeals, ShareHolders
from collegium.study.graph_size import GraphSize, graph_size, least_threshold, population


@dataclass(frozen=True, slots=True)
class SecureSumCost:
    """What an attempt took.

    Attributes:
        devices: how many advertised keys and dealt.
        missing: how many of them sent nothing afterwards.
        neighbours: how many each device masks with.
        threshold: shares that open a secret.
        parameters: d, of the model.
        device_seconds: of one device, the mean over all.
        server_seconds: of the server, or any auditor, after the blobs are there.
        device_bytes: that one device sends: keys, deal, masked update, shares.
        exact: whether the sum is that of the plain integers.
    """

    devices: int
    missing: int
    neighbours: int
    threshold: int
    parameters: int
    device_seconds: float
    server_seconds: float
    device_bytes: int
    exact: bool


def secure_sum_cost(
    devices: int, missing: int, parameters: int, graph: GraphSize | None
) -> SecureSumCost:
    """Carry an attempt out and return what it took.

    Args:
        devices: n, at least 3.
        missing: how many of them drop out after dealing, drawn at random.
        parameters: d.
        graph: in which they mask; None for the complete graph with a threshold above two thirds.

    Raises:
        AssertionError: a device kept too few neighbours to be opened.
    """
    names = [f"d{number:06d}" for number in range(devices)]
    protocol = SECAGG if graph is None else SECAGG_PLUS
    threshold = 2 * devices // 3 + 1 if graph is None else graph.threshold
    generator = np.random.default_rng()
    survivors = sorted(generator.choice(names, devices - missing, replace=False).tolist())

    began = perf_counter()
    own = {name: OwnSecrets(_element(), _element(), os.urandom(32)) for name in names}
    keys = {name: protocol.advertise(own[name]) for name in names}
    place = AttemptId(os.urandom(32), "bench", 1, 1)
    share_holders = ShareHolders(
        place, threshold, keys, 32, None if graph is None else graph.degree
    )
    deals = {}
    for name in names:
        deals[name] = protocol.deal(own[name], share_holders, name)
    agreement = FixedDeals(
        share_holders,
        bytes(32),
        12,
        32,
        {name: sha256(deal).digest() for name, deal in deals.items()},
    )
    plain, hidden = np.zeros(parameters, np.int64), {}
    for name in survivors:
        held = [dealer for dealer in share_holders.partners(name) if dealer in deals]
        if not all(
            protocol.is_sound(own[name], share_holders, dealer, name, deals[dealer])
            for dealer in held
        ):
            raise AssertionError(name)
        update = generator.integers(-LIMIT, LIMIT + 1, parameters, dtype=np.int16)
        plain += update
        vector = residues(update, 1, 32)
        protocol.mask(own[name], agreement, name, vector)
        hidden[name] = vector
    fixed, posted = frozenset(survivors), {}
    for name in survivors:
        dealt = {dealer: deals[dealer] for dealer in share_holders.holders(name)}
        posted[name] = protocol.shares(own[name], agreement, name, dealt, fixed)
    devices_took = perf_counter() - began

    began = perf_counter()
    total = protocol.unmask(agreement, hidden, deals, posted)
    if isinstance(total, SumFailure):
        raise AssertionError(
            f"the sum cannot be opened: {total.dealer} keeps fewer than {threshold} neighbours"
        )
    found = total_of(total, len(survivors), len(survivors))
    server_took = perf_counter() - began
    first = survivors[0]
    sent = 64 + len(deals[first]) + len(encode_masked(hidden[first], 12)) + 32 * len(posted[first])
    return SecureSumCost(
        devices=devices, missing=missing, neighbours=len(share_holders.partners(first)),
        threshold=threshold, parameters=parameters, device_seconds=devices_took / devices,
        server_seconds=server_took, device_bytes=sent,
        exact=found is not None and bool((found.values == plain).all()),
    )  # fmt: skip


def _element() -> int:
    return int.from_bytes(os.urandom(40), "little") % PRIME


def main(arguments: Sequence[str] | None = None) -> None:
    """Carry an attempt out and print what a device and the server calculate and send."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("devices", type=int)
    parser.add_argument("--parameters", type=int, default=10_000)
    parser.add_argument("--missing", type=float, default=0.05, help="share that drops out")
    parser.add_argument("--corrupt", type=float, default=0.05, help="share that acts together")
    parser.add_argument("--degree", type=int, help="neighbours, in place of a safe number")
    parser.add_argument("--complete", action="store_true", help="mask with everybody")
    asked = parser.parse_args(arguments)
    people = population(asked.devices, asked.corrupt, asked.missing)
    graph = None if asked.complete else graph_size(people, "malicious")
    if asked.degree is not None and not asked.complete:
        even = asked.degree + asked.degree % 2
        graph = GraphSize(even, least_threshold("malicious", min(even, asked.devices - 1)))
    found = secure_sum_cost(asked.devices, people.missing, asked.parameters, graph)
    print(
        f"{found.devices} devices, {found.missing} of them missing after they dealt,"
        f" {found.parameters} parameters"
    )
    print(f"  {found.neighbours} neighbours each, {found.threshold} of whom open a secret")
    print(f"  a device   {found.device_seconds:.3f} s, sends {found.device_bytes} bytes")
    print(f"  the server {found.server_seconds:.3f} s")
    print("  the sum is exact" if found.exact else "  THE SUM IS WRONG")


if __name__ == "__main__":
    main()
