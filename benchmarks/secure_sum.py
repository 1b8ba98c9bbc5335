"""Secure aggregation beside Flower's building blocks: ``python -m benchmarks.secure_sum``.

A client's and the server's work in one round over the complete graph, threshold above two thirds,
one client dropped out after dealing. Ours includes signatures and hashing; Flower's blocks have
neither. Both sums must be exact. Ratios are taken within a repeat.
"""

from __future__ import annotations

import argparse
import sys

from benchmarks.children import outcome, span, table

TARGETS = {"client": 9, "server": 200}
"""Times faster, at 1,000,000 parameters and 100 clients."""


def main() -> None:
    """Run both in turn and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--flower", metavar="PYTHON", help="Python of an environment with flwr")
    parser.add_argument("--parameters", type=int, default=1_000_000)
    parser.add_argument("--clients", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    size = (str(asked.parameters), str(asked.clients))
    ours, peers = [], []
    for _ in range(asked.repeats):
        ours.append(outcome(sys.executable, "benchmarks.ours.secure_sum", *size))
        if asked.flower:
            peers.append(outcome(asked.flower, "benchmarks.peers.flower_secure_sum", *size))
    if not all(one["exact"] for one in (*ours, *peers)):
        raise AssertionError("a sum is not exact")
    rows = []
    for who, target in TARGETS.items():
        mine = [one[who] for one in ours]
        theirs = [one[who] for one in peers]
        ratios = [peer / own for own, peer in zip(mine, theirs, strict=False)]
        rows.append(
            (
                who, span(mine).text(".3f"), span(theirs).text() if theirs else "",
                span(ratios).text(".0f") if ratios else "", str(target),
            )
        )  # fmt: skip
    head = (f"{size[1]} clients, {size[0]} parameters", "ours, s", "Flower, s", "ratio", "target")
    print(table(head, rows))


if __name__ == "__main__":
    main()
