"""Simulating federated training, ours beside peers', in one run.

Every runner is a process of its own; repeats are interleaved, so that whatever else the machine
is doing meets all alike, and a ratio is taken within a repeat. All runners of a workload must
have had the same rows (a digest), and those with as many rounds the same accuracy. A peer whose
environment is not named, and not ours, is left out.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from tempfile import TemporaryDirectory
from typing import Any

from collegium.benchmark.timing.children import outcome, span
from collegium.benchmark.timing.result import Ratio, Simulation, Standing
from collegium.cores import cores
from collegium.errors import CollegiumError

TOLERANCE = 0.02
"""By how much accuracies may differ: libraries draw other first weights and other orders."""

PEERS = {"pfl": "pfl", "fedjax": "fedjax", "flower": "flwr"}
"""Peers, and the module by which an environment shows that it has one."""

SIMULATED = ("mlp", "logistic", "cnn")
"""Workloads that are compared."""

OURS = "ours"
IN_MEMORY = ", run folder in memory"


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
        Runner("pfl", "mlp", "pfl", "peer_pfl", ("mlp", "--threads", "1")),
        Runner("fedjax", "mlp", "fedjax", "peer_fedjax", ("mlp",)),
        Runner("flower", "mlp", "flower", "peer_flower"),
        Runner("trainer", "mlp", OURS, "ours_trainer", ("mlp",)),
        Runner("all on the ledger", "mlp", OURS, "ours_ledger", ("mlp",)),
        Runner("all on the ledger" + more, "mlp", OURS, "ours_ledger", ("mlp", *several)),
        Runner("fedjax", "logistic", "fedjax", "peer_fedjax", ("logistic",)),
        Runner("trainer", "logistic", OURS, "ours_trainer", ("logistic",)),
        Runner("behind gateways", "logistic", OURS, "ours_ledger", ("logistic",)),
        Runner("behind gateways" + more, "logistic", OURS, "ours_ledger", ("logistic", *several)),
        Runner("pfl", "cnn", "pfl", "peer_pfl", ("cnn",)),
        Runner("pfl, one thread", "cnn", "pfl", "peer_pfl", ("cnn", "--threads", "1")),
        Runner("trainer", "cnn", OURS, "ours_trainer", ("cnn",), "jax"),
        Runner("trainer" + more, "cnn", OURS, "ours_trainer", ("cnn", *several), "jax"),
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
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Simulation:
    """Run workloads, ours beside peers', and return how they compare.

    Args:
        pythons: for some of `PEERS`, the Python of an environment that has it.
        workloads: some of `SIMULATED`.
        repeats: how often each runner runs.
        processes: how many of ours train; as many as there are cores if not given.
        memory: a folder in memory, in which ledgers are timed once more.
        progress: is told how many runs are done, of how many.

    Raises:
        CollegiumError: a runner fails, or those of a workload did not do the same.
    """
    count = processes or cores()
    everybody = [one for one in runners_of(count) if one.workload in workloads]
    if memory:
        ledgers = [one for one in everybody if one.module == "ours_ledger"]
        everybody += [replace(one, name=one.name + IN_MEMORY) for one in ledgers]
    found = {**{OURS: sys.executable}, **_here(), **pythons}
    absent = {one: why for one in everybody if (why := _absent(one, found))}
    runners = [one for one in everybody if one not in absent]
    told: dict[Runner, list[dict[str, Any]]] = {one: [] for one in runners}
    # Run folders stay to the end: a file system is slow to create where it has just deleted.
    with TemporaryDirectory() as disk, TemporaryDirectory(dir=memory) as quick:
        for repeat in range(repeats):
            for place, one in enumerate(runners):
                folder = quick if one.name.endswith(IN_MEMORY) else disk
                told[one].append(_told(one, found[one.whose], folder))
                progress(repeat * len(runners) + place + 1, repeats * len(runners))
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
    under = ("--under", folder) if one.module == "ours_ledger" else ()
    try:
        return outcome(python, f"collegium.benchmark.timing.{one.module}", *one.arguments, *under)
    except (OSError, RuntimeError, ValueError, IndexError) as error:
        last = (str(error).strip().splitlines() or [type(error).__name__])[-1]
        raise CollegiumError(
            "bench.runner", f"{_title(one)} does not run {one.workload}", last[-300:],
            f"see whether {python} is the Python of an environment with what it needs",
        ) from error  # fmt: skip


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
            raise CollegiumError(
                "bench.differ", f"the runners of {workload} did not do the same", why,
                "report it: their times cannot be compared",
            )  # fmt: skip


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
