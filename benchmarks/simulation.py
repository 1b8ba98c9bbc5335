"""Simulating federated training beside peers', in one run: ``python -m benchmarks.simulation``.

Every runner is a process of its own; repeats are interleaved, so that whatever else the machine
is doing meets all alike, and a ratio is taken within a repeat. All runners of a workload must
have had the same rows (a digest), and those with as many rounds the same accuracy. A peer whose
environment is not named, and not ours, is left out.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
from benchmarks.children import Span, outcome, span, table

from collegium.cores import cores

TOLERANCE = 0.02
"""By how much accuracies may differ: libraries draw other first weights and other orders."""

PEERS = {"pfl": "pfl", "fedjax": "fedjax", "flower": "flwr"}
"""Peers, and the module by which an environment shows that it has one."""

SIMULATED = ("mlp", "logistic", "cnn")
"""Workloads that are compared."""

OURS = "ours"
TRAINER, LEDGER = "benchmarks.ours.trainer", "benchmarks.ours.ledger"
PFL, FEDJAX = "benchmarks.peers.pfl_simulation", "benchmarks.peers.fedjax_simulation"
FLOWER = "benchmarks.peers.flower_simulation"
IN_MEMORY = ", run folder in memory"


class Standing(msgspec.Struct, frozen=True):
    """What a runner came to: spans of repeats, medians, and the versions of its libraries."""

    runner: str
    workload: str
    round_ms: Span
    first_ms: float
    setup_s: float
    accuracy: float
    peak_mb: float
    rounds: int
    versions: dict[str, str]


class Ratio(msgspec.Struct, frozen=True):
    """How many times faster a round of ours was than a peer's."""

    workload: str
    ours: str
    peer: str
    times: Span
    target: float
    reached: bool


class Simulation(msgspec.Struct, frozen=True):
    """The outcome: the machine, everybody's standing, ratios, and who was left out, with why."""

    machine: dict[str, Any]
    repeats: int
    standings: tuple[Standing, ...]
    ratios: tuple[Ratio, ...]
    left_out: dict[str, str]


@dataclass(frozen=True, slots=True)
class Runner:
    """Somebody's program for a workload: whose, which module, with what.

    `needs` is a module without which our environment cannot run it.
    """

    name: str
    workload: str
    whose: str
    module: str
    arguments: tuple[str, ...] = ()
    needs: str | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """How many times faster than a peer's a round of ours should be at least."""

    workload: str
    ours: str
    peer: str
    target: float


def runners_of(processes: int) -> list[Runner]:
    """Return all runners, for a machine on which so many processes of ours may train."""
    several = ("--processes", str(processes))
    more = f", {processes} processes"
    found = [
        # One thread is torch's best case on networks this small; more only wait for each other.
        Runner("pfl", "mlp", "pfl", PFL, ("mlp", "--threads", "1")),
        Runner("fedjax", "mlp", "fedjax", FEDJAX, ("mlp",)),
        Runner("flower", "mlp", "flower", FLOWER),
        Runner("trainer", "mlp", OURS, TRAINER, ("mlp",)),
        Runner("all on the ledger", "mlp", OURS, LEDGER, ("mlp",)),
        Runner("all on the ledger" + more, "mlp", OURS, LEDGER, ("mlp", *several)),
        Runner("fedjax", "logistic", "fedjax", FEDJAX, ("logistic",)),
        Runner("trainer", "logistic", OURS, TRAINER, ("logistic",)),
        Runner("behind gateways", "logistic", OURS, LEDGER, ("logistic",)),
        Runner("behind gateways" + more, "logistic", OURS, LEDGER, ("logistic", *several)),
        Runner("pfl", "cnn", "pfl", PFL, ("cnn",)),
        Runner("pfl, one thread", "cnn", "pfl", PFL, ("cnn", "--threads", "1")),
        Runner("trainer", "cnn", OURS, TRAINER, ("cnn",), "jax"),
        Runner("trainer" + more, "cnn", OURS, TRAINER, ("cnn", *several), "jax"),
    ]
    return [one for one in found if processes > 1 or not one.name.endswith(more)]


def comparisons(processes: int) -> tuple[Comparison, ...]:
    """Return what is compared, on a machine with so many processes of ours."""
    more = f", {processes} processes" if processes > 1 else ""
    return (
        Comparison("mlp", "trainer", "pfl", 8.0),
        Comparison("mlp", "trainer", "fedjax", 2.0),
        Comparison("mlp", "trainer", "flower", 60.0),
        Comparison("mlp", "all on the ledger", "pfl", 4.0),
        Comparison("mlp", "all on the ledger" + more, "pfl", 4.0),
        Comparison("logistic", "behind gateways" + more, "fedjax", 20.0),
        Comparison("cnn", "trainer" + more, "pfl", 1.2),
        Comparison("cnn", "trainer", "pfl, one thread", 1.2),
    )


def simulation(
    pythons: Mapping[str, str],
    *,
    workloads: Sequence[str] = SIMULATED,
    repeats: int = 3,
    processes: int | None = None,
    memory: str | None = None,
) -> Simulation:
    """Run workloads, ours beside peers', and return how they compare.

    Args:
        pythons: for some of `PEERS`, the Python of an environment that has it.
        workloads: some of `SIMULATED`.
        repeats: how often each runner runs.
        processes: how many of ours train; as many as there are cores if not given.
        memory: a folder in memory, in which ledgers are timed once more.

    Raises:
        RuntimeError: a runner fails.
        AssertionError: those of a workload did not do the same.
    """
    count = processes or cores()
    everybody = [one for one in runners_of(count) if one.workload in workloads]
    if memory:
        ledgers = [one for one in everybody if one.module == LEDGER]
        everybody += [replace(one, name=one.name + IN_MEMORY) for one in ledgers]
    found = {**{OURS: sys.executable}, **_here(), **pythons}
    absent = {one: why for one in everybody if (why := _absent(one, found))}
    runners = [one for one in everybody if one not in absent]
    told: dict[Runner, list[dict[str, Any]]] = {one: [] for one in runners}
    # Run folders stay to the end: a file system is slow to create where it has just deleted.
    with TemporaryDirectory() as disk, TemporaryDirectory(dir=memory) as quick:
        for _ in range(repeats):
            for one in runners:
                folder = quick if one.name.endswith(IN_MEMORY) else disk
                told[one].append(_told(one, found[one.whose], folder))
    _check(told)
    return Simulation(
        machine=_machine(), repeats=repeats,
        standings=tuple(_standing(one, runs) for one, runs in told.items()),
        ratios=tuple(_ratios(told, comparisons(count))),
        left_out={f"{_title(one)} on {one.workload}": why for one, why in absent.items()},
    )  # fmt: skip


def _here() -> dict[str, str]:
    """Return the peers that our own environment has."""
    return {name: sys.executable for name, module in PEERS.items() if find_spec(module)}


def _absent(one: Runner, pythons: Mapping[str, str]) -> str | None:
    if one.whose not in pythons:
        return f"no environment with {one.whose} is named: --{one.whose} PYTHON"
    if one.needs is not None and find_spec(one.needs) is None:
        return f"it needs {one.needs}: pip install 'collegium[{one.needs}]'"
    return None


def _title(one: Runner) -> str:
    """Return how a runner is called beside others."""
    return f"{OURS}, {one.name}" if one.whose == OURS else one.name


def _told(one: Runner, python: str, folder: str) -> dict[str, Any]:
    under = ("--under", folder) if one.module == LEDGER else ()
    try:
        return outcome(python, one.module, *one.arguments, *under)
    except (OSError, RuntimeError, ValueError, IndexError) as error:
        last = (str(error).strip().splitlines() or [type(error).__name__])[-1]
        raise RuntimeError(
            f"{_title(one)} does not run {one.workload}: {last[-300:]}; see whether {python} is "
            "the Python of an environment with what it needs"
        ) from error


def _check(told: Mapping[Runner, Sequence[Mapping[str, Any]]]) -> None:
    """Check that runners of one workload had the same rows and came to the same quality."""
    for workload in SIMULATED:
        every = [run for one, runs in told.items() if one.workload == workload for run in runs]
        most = max((run["rounds"] for run in every), default=0)
        reached = [run["accuracy"] for run in every if run["rounds"] == most]
        why = None
        if len({run["data"] for run in every}) > 1:
            why = "not everybody had the same rows"
        elif reached and max(reached) - min(reached) > TOLERANCE:
            why = f"accuracies lie from {min(reached):.3f} to {max(reached):.3f}"
        if why is not None:
            raise AssertionError(f"the runners of {workload} did not do the same: {why}")


def _machine() -> dict[str, Any]:
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {
        "cores": cores(), "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(), "load": load,
    }  # fmt: skip


def _standing(one: Runner, runs: Sequence[Mapping[str, Any]]) -> Standing:
    def middle(field: str) -> float:
        return span([run[field] for run in runs]).median

    return Standing(
        runner=_title(one), workload=one.workload,
        round_ms=span([1000 * run["round"] for run in runs]), first_ms=1000 * middle("first_round"),
        setup_s=middle("setup"), accuracy=middle("accuracy"), peak_mb=middle("peak_mb"),
        rounds=runs[0]["rounds"], versions=runs[0]["versions"],
    )  # fmt: skip


def _ratios(
    told: Mapping[Runner, Sequence[Mapping[str, Any]]], goals: Sequence[Comparison]
) -> list[Ratio]:
    found = []
    for goal in goals:
        of = {_title(one): runs for one, runs in told.items() if one.workload == goal.workload}
        for place in (goal.ours, goal.ours + IN_MEMORY):
            ours, peer = of.get(f"{OURS}, {place}"), of.get(goal.peer)
            if ours is not None and peer is not None:
                pairs = zip(peer, ours, strict=True)
                times = span([theirs["round"] / own["round"] for theirs, own in pairs])
                reached = times.median >= goal.target
                found.append(Ratio(goal.workload, place, goal.peer, times, goal.target, reached))
    return found


def lines_of(found: Simulation) -> list[str]:
    """Return the outcome as Markdown that can be pasted."""
    machine = found.machine
    load = "" if machine["load"] is None else f", load {machine['load']:.1f} at the end"
    head = ("runner", "data", "ms a round", "first, ms", "set-up, s", "accuracy", "peak MB")
    rows = [
        (
            one.runner, one.workload, _figures(one.round_ms), f"{one.first_ms:.0f}",
            f"{one.setup_s:.2f}", f"{one.accuracy:.3f}", f"{one.peak_mb:.0f}",
        )
        for one in found.standings
    ]  # fmt: skip
    lines = [
        f"{machine['cores']} cores, {machine['system']}, Python {machine['python']}{load}; medians "
        f"of {found.repeats} interleaved repeats, with the least and the greatest.",
        "", *table(head, rows).splitlines(),
    ]  # fmt: skip
    if found.ratios:
        ratios = [
            (
                one.workload, one.ours, one.peer, one.times.text(".1f"), f"{one.target:g}",
                "reached" if one.reached else "missed",
            )
            for one in found.ratios
        ]  # fmt: skip
        named = ("data", "ours", "peer", "times faster", "target", "")
        lines += ["", *table(named, ratios).splitlines()]
    versions = [
        " ".join(f"{name} {text}" for name, text in one.versions.items()) for one in found.standings
    ]
    lines += ["", f"Versions: {'; '.join(dict.fromkeys(versions))}."]
    return lines + [f"Left out: {name} ({why})" for name, why in found.left_out.items()]


def _figures(one: Span) -> str:
    return one.text(".1f" if one.median < 100 else ".0f")


def main(arguments: Sequence[str] | None = None) -> None:
    """Time what is asked for and print tables, or one object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in PEERS:
        parser.add_argument(f"--{name}", metavar="PYTHON", help=f"of an environment with {name}")
    parser.add_argument("--workloads", nargs="+", choices=SIMULATED, default=SIMULATED)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--processes", type=int, help="of ours that train; all cores if absent")
    parser.add_argument("--memory", metavar="DIR", help="in memory, to time without a disk as well")
    parser.add_argument("--json", action="store_true", help="print one object")
    asked = parser.parse_args(arguments)
    named = {name: getattr(asked, name) for name in PEERS if getattr(asked, name) is not None}
    found = simulation(
        named, workloads=asked.workloads, repeats=asked.repeats, processes=asked.processes,
        memory=asked.memory,
    )  # fmt: skip
    print(msgspec.json.encode(found).decode() if asked.json else "\n".join(lines_of(found)))


if __name__ == "__main__":
    main()
