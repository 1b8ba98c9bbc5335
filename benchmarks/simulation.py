"""Our trainer and our ledger beside pfl and fedjax: ``python -m benchmarks.simulation``.

Every runner is a process of its own, and the repeats go round all runners, so that whatever else
the machine is doing meets them alike. All have the same rows (compared by digest) and must reach
the same accuracy. README.md says how to make the peers' environments; a peer that is not given
is left out. Ratios are printed, never asserted.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, replace
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.children import Span, outcome, span, table

TOLERANCE = 0.02
"""By how much accuracies may differ: libraries draw other first weights and other orders."""


IN_MEMORY = " (in memory)"


@dataclass(frozen=True, slots=True)
class Runner:
    """Somebody's program for a workload: in whose environment, which module, with what."""

    name: str
    workload: str
    environment: str
    module: str
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """How many times faster than a peer's a round of ours should be at least."""

    ours: str
    peer: str
    target: float


# One thread is torch's best case on networks this small; more only wait for each other.
RUNNERS = (
    Runner("pfl", "mlp", "pfl", "peers.pfl_mlp", ("--threads", "1")),
    Runner("fedjax, MLP", "mlp", "fedjax", "peers.fedjax_logistic", ("mlp",)),
    Runner("ours, trainer", "mlp", "ours", "ours.trainer", ("mlp",)),
    Runner("ours, all on the ledger", "mlp", "ours", "ours.ledger", ("mlp",)),
    Runner("fedjax", "logistic", "fedjax", "peers.fedjax_logistic", ("logistic",)),
    Runner("ours, clients alone", "logistic", "ours", "ours.trainer", ("logistic",)),
    Runner("ours, behind gateways", "logistic", "ours", "ours.ledger", ("logistic",)),
)
COMPARISONS = (
    Comparison("ours, trainer", "pfl", 8.0),
    Comparison("ours, all on the ledger", "pfl", 4.0),
    Comparison("ours, behind gateways", "fedjax", 20.0),
    Comparison("ours, trainer", "fedjax, MLP", 2.0),
)


def check(runners: list[Runner], told: dict[str, list[dict[str, Any]]]) -> None:
    """Check that runners of one workload had the same rows and came to the same quality.

    Raises:
        AssertionError: they did not.
    """
    for workload in {one.workload for one in runners}:
        every = [run for one in runners if one.workload == workload for run in told[one.name]]
        if len({run["data"] for run in every}) > 1:
            raise AssertionError(f"{workload}: not everybody had the same rows")
        reached = [run["accuracy"] for run in every]
        if max(reached) - min(reached) > TOLERANCE:
            raise AssertionError(
                f"{workload}: accuracies lie from {min(reached)} to {max(reached)}"
            )


def of(told: dict[str, list[dict[str, Any]]], name: str, field: str) -> Span:
    """Return the span of a field over a runner's repeats."""
    return span([run[field] for run in told[name]])


def tell_of(runners: list[Runner], told: dict[str, list[dict[str, Any]]]) -> None:
    """Print what each runner came to, and how it compares."""
    head = ("runner", "data", "ms a round", "first, ms", "set-up, s", "accuracy", "peak MB")
    rows = [
        (
            one.name,
            one.workload,
            span([1000 * run["round"] for run in told[one.name]]).text(".1f"),
            f"{1000 * of(told, one.name, 'first_round').median:.0f}",
            f"{of(told, one.name, 'setup').median:.2f}",
            f"{of(told, one.name, 'accuracy').median:.3f}",
            f"{of(told, one.name, 'peak_mb').median:.0f}",
        )
        for one in runners
    ]
    print(table(head, rows))
    print()
    compared = []
    for goal in COMPARISONS:
        if goal.ours in told and goal.peer in told:
            pairs = zip(told[goal.peer], told[goal.ours], strict=True)
            ratio = span([peer["round"] / ours["round"] for peer, ours in pairs])
            word = "reached" if ratio.median >= goal.target else "missed"
            compared.append((goal.ours, goal.peer, ratio.text(".1f"), f"{goal.target:g}", word))
    print(table(("ours", "peer", "times faster", "target", ""), compared))


def main() -> None:
    """Run everything and print two tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pfl", metavar="PYTHON", help="Python of an environment with pfl")
    parser.add_argument("--fedjax", metavar="PYTHON", help="Python of an environment with fedjax")
    parser.add_argument("--memory", metavar="DIR", help="a folder in memory: what does a disk cost")
    parser.add_argument("--repeats", type=int, default=5)
    asked = parser.parse_args()
    pythons = {"ours": sys.executable, "pfl": asked.pfl, "fedjax": asked.fedjax}
    runners = [one for one in RUNNERS if pythons[one.environment]]
    if asked.memory:
        ledgers = [one for one in RUNNERS if one.module == "ours.ledger"]
        runners += [replace(one, name=f"{one.name}{IN_MEMORY}") for one in ledgers]
    told: dict[str, list[dict[str, Any]]] = {one.name: [] for one in runners}
    # Run folders stay to the end: a file system is slow to create where it has just deleted.
    with TemporaryDirectory() as disk, TemporaryDirectory(dir=asked.memory) as memory:
        for repeat in range(asked.repeats):
            for one in runners:
                print(f"{repeat + 1} of {asked.repeats}: {one.name}", file=sys.stderr)
                folder = memory if one.name.endswith(IN_MEMORY) else disk
                under = ("--under", folder) if one.module == "ours.ledger" else ()
                python = pythons[one.environment]
                told[one.name].append(outcome(python, one.module, *one.arguments, *under))
    check(runners, told)
    tell_of(runners, told)


if __name__ == "__main__":
    main()
