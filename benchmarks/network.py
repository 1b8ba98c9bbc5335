"""Real processes beside Flower's deployment engine: ``python -m benchmarks.network``.

The toy job is logistic regression over about 180 rows of 10 columns a client, so that what is
measured is everything but training. Flower runs without TLS and authentication, its fastest case;
ours with both, with sealed updates, and with every member recomputing and cosigning. README.md
says how to make the peer's environment. Ratios are printed, never asserted.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

from benchmarks.children import outcome, span, table

MEMBERS = (4, 10)


def main() -> None:
    """Run everything and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--flower", metavar="PYTHON", help="Python of an environment with flwr")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=10)
    asked = parser.parse_args()
    told: dict[tuple[str, int], list[dict[str, Any]]] = {}
    rounds = ("--rounds", str(asked.rounds))
    for repeat in range(asked.repeats):
        for members in MEMBERS:
            print(f"{repeat + 1} of {asked.repeats}: {members} members", file=sys.stderr)
            ours = outcome(sys.executable, "benchmarks.ours.network", str(members), *rounds)
            if not ours["verified"]:
                raise AssertionError("the run does not verify")
            told.setdefault(("ours", members), []).append(ours)
            if asked.flower:
                peer = outcome(
                    asked.flower, "benchmarks.peers.flower_deployment", str(members), *rounds
                )
                told.setdefault(("flower", members), []).append(peer)
    rows = []
    for (who, members), runs in told.items():
        seconds = span([run["round"] for run in runs])
        commit = span([1000 * run["commit"] for run in runs]).text(".0f") if who == "ours" else ""
        ratio = ""
        if who == "ours" and asked.flower:
            pairs = zip(told["flower", members], runs, strict=True)
            ratio = span([peer["round"] / run["round"] for peer, run in pairs]).text(".1f")
        rows.append(
            (who, str(members), seconds.text(), f"{60 / seconds.median:.0f}", commit, ratio)
        )
    head = ("runner", "members", "s a round", "rounds a minute", "commit, ms", "times Flower")
    print(table(head, rows))


if __name__ == "__main__":
    main()
