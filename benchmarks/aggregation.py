"""Our robust rules beside ByzFL's and Flower's: ``python -m benchmarks.aggregation``.

Fifty updates of a million coordinates, ten of them bad. Everybody has the same ones: int16 for
ours, the same numbers as float32 for the peers. A rule's time is the least of its calls in one
process, since nothing makes a call faster than it is; the repeats go round all runners. Ratios
are printed, never asserted. That results agree where they should is a test's matter.
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

from benchmarks.children import outcome, span, table

RULES = ("krum", "nnm+fedavg", "median", "geometric_median", "centered_clipping", "trimmed_mean")

TARGETS = {
    "krum": 5.0, "nnm+fedavg": 30.0, "median": 4.0, "geometric_median": 2.5,
    "centered_clipping": 2.5, "trimmed_mean": 1 / 1.3,
}  # fmt: skip
"""How many times faster than the faster peer ours should be."""


def told(values: list[float]) -> str:
    """Return milliseconds as a span."""
    return span([1000 * value for value in values]).text(".0f")


def main() -> None:
    """Run everything and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--byzfl", metavar="PYTHON", help="Python of an environment with byzfl")
    parser.add_argument("--flower", metavar="PYTHON", help="Python of an environment with flwr")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--updates", type=int, default=50)
    parser.add_argument("--size", type=int, default=1_000_000)
    asked = parser.parse_args()
    runners = {
        "ours": (sys.executable, "benchmarks.ours.aggregation"),
        "byzfl": (asked.byzfl, "benchmarks.peers.byzfl_aggregation"),
        "flower": (asked.flower, "benchmarks.peers.flower_aggregation"),
    }
    present = {name: where for name, where in runners.items() if where[0]}
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in present}
    load = os.getloadavg()[0]
    for repeat in range(asked.repeats):
        for name, (python, module) in present.items():
            print(f"{repeat + 1} of {asked.repeats}: {name}", file=sys.stderr)
            runs[name].append(outcome(python, module, str(asked.updates), str(asked.size)))
    digests = {one["data"] for found in runs.values() for one in found}
    if len(digests) > 1:
        raise AssertionError("not everybody had the same updates")
    rows = []
    for rule in RULES:
        times = {
            name: [one["seconds"][rule] for one in found if rule in one["seconds"]]
            for name, found in runs.items()
        }
        peers = [min(times[name]) for name in ("byzfl", "flower") if times.get(name)]
        ratio = min(peers) / min(times["ours"]) if peers else None
        target = TARGETS[rule]
        rows.append(
            (
                rule,
                *(told(times[name]) if times.get(name) else "" for name in runners),
                "" if ratio is None else f"{ratio:.2f}",
                f"{target:.2f}",
                "" if ratio is None else "reached" if ratio >= target else "missed",
            )
        )
    print(f"{asked.updates} updates of {asked.size} coordinates, load {load:.1f} at the start;")
    print("milliseconds: median (least to greatest) over processes; ratio of the least ones")
    print()
    print(table(("rule", *(f"{name}, ms" for name in runners), "times faster", "target", ""), rows))


if __name__ == "__main__":
    main()
