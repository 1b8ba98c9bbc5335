"""Encrypted sums beside TenSEAL's CKKS with one key: ``python -m benchmarks.encrypted_sum``.

Both read and write bytes as they would be sent. TenSEAL's key is one for all, so it has nothing to
deal, and its decryption is one party's; ours counts the opening of the sum's key from shares. Our
sum is exact, TenSEAL's approximate.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

from benchmarks.children import outcome, span, table

PARTS = {
    "deal": "client: deal its key to all",
    "look": "client: look at everybody's deal",
    "encrypt": "client: encrypt",
    "share": "client: share of the sum's key",
    "add": "server: add all",
    "decrypt": "server: open the sum",
}


def main() -> None:
    """Run both in turn and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tenseal", metavar="PYTHON", help="Python of an environment with tenseal")
    parser.add_argument("--parameters", type=int, default=100_000)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    size = (str(asked.parameters), str(asked.clients))
    ours, peers = [], []
    for _ in range(asked.repeats):
        ours.append(outcome(sys.executable, "benchmarks.ours.encrypted_sum", *size))
        if asked.tenseal:
            peers.append(outcome(asked.tenseal, "benchmarks.peers.tenseal_sum", *size))
    if any(one["error"] for one in ours):
        raise AssertionError("our sum is not exact")
    rows = [_row(what, part, ours, peers) for part, what in PARTS.items()]
    for part, what in (("update_bytes", "bytes of an update"), ("deal_bytes", "bytes of a deal")):
        rows.append(
            (what, f"{ours[0][part]:,}", f"{peers[0][part]:,}" if _has(peers, part) else "", "")
        )
    rows.append(("error of the sum", "0", f"{peers[0]['error']:.0e}" if peers else "", ""))
    head = (f"{size[1]} clients, {size[0]} parameters", "ours", "TenSEAL CKKS", "ratio")
    print(table(head, rows))


def _row(
    what: str, part: str, ours: list[dict[str, Any]], peers: list[dict[str, Any]]
) -> tuple[str, ...]:
    mine = [one[part] for one in ours]
    if not _has(peers, part):
        return what, f"{span(mine).text('.3f')} s", "", ""
    theirs = [one[part] for one in peers]
    ratios = [peer / own for own, peer in zip(mine, theirs, strict=True)]
    return (
        what, f"{span(mine).text('.3f')} s", f"{span(theirs).text('.3f')} s", span(ratios).text()
    )  # fmt: skip


def _has(peers: list[dict[str, Any]], part: str) -> bool:
    return bool(peers) and part in peers[0]


if __name__ == "__main__":
    main()
