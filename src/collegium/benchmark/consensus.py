"""`collegium bench consensus`: protocols side by side on simulated networks, in virtual time.

In each run of a cell transactions enter at validators in turn, at times that are drawn at a stated
rate. All of it is the same again for the same seed, with any number of processes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path
from random import Random
from statistics import median

import msgspec

from collegium.benchmark.consensus_page import page
from collegium.benchmark.consensus_rows import (
    Cell,
    ConsensusBench,
    ConsensusGrid,
    ConsensusRow,
    Load,
    RefusedCell,
    held_against_few_seconds,
)
from collegium.consensus.liars import conspiracy
from collegium.consensus.machine import ConsensusProtocol, Item, Setting
from collegium.consensus.network import PRESETS, Crash, Network, Partition, Weather
from collegium.consensus.simulator import Liar, Simulator
from collegium.devices.links import GRID, LINKS, OF_NETWORKS
from collegium.devices.machines import DEFAULT, MACHINES
from collegium.ledger.engines.simnet.energy import Fleet, JoulesSpent, idle_joules
from collegium.ledger.engines.simnet.figures import Joules, commit_seconds
from collegium.ledger.engines.simnet.settings import MICRO, SYNC, VERIFY, timeout_of
from collegium.plugins import find

PATIENCE = 3600 * MICRO
"""Virtual time after the last transaction has entered, in which all must be decided."""

EVENTS = 100_000_000
"""After so many of a run it is over, too."""


def try_protocols(
    grid: ConsensusGrid,
    *,
    processes: int = 1,
    progress: Callable[[int, int], None] = lambda done, all_: None,
) -> ConsensusBench:
    """Return what comes of all cells.

    Args:
        grid: what is tried.
        processes: how many work at once.
        progress: is told how many cells are done, and of how many.

    Raises:
        PluginError: there is no such protocol.
    """
    protocols = {name: find("protocols", name) for name in grid.protocols}
    refused = tuple(
        RefusedCell(protocol=name, faults=faults, why=f"it bears no liars ({one.bound} may stop)")
        for name, one in protocols.items() for faults in grid.faults
        if faults == "liars" and one.faults != "byzantine"
    )  # fmt: skip
    left_out = {(one.protocol, one.faults) for one in refused}
    cells = [one for one in grid.cells() if (one.protocol, one.faults) not in left_out]
    rows = []
    with _mapped(processes) as each:
        for row in each(partial(try_cell, grid=grid), cells):
            rows.append(row)
            progress(len(rows), len(cells))
    return ConsensusBench(
        grid=grid, rows=tuple(rows), refused=refused, few_seconds=held_against_few_seconds(rows)
    )


def write(found: ConsensusBench, folder: Path) -> None:
    """Write results.json and index.html."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_bytes(msgspec.json.format(msgspec.json.encode(found)))
    (folder / "index.html").write_text(page(found), encoding="utf-8")


@contextmanager
def _mapped(
    processes: int,
) -> Iterator[Callable[[Callable[[Cell], ConsensusRow], Iterable[Cell]], Iterable[ConsensusRow]]]:
    """Give what applies a function to cells and yields results in their order."""
    if processes == 1:
        yield map
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        try:
            yield pool.map
        finally:
            pool.shutdown(cancel_futures=True)


def try_cell(cell: Cell, grid: ConsensusGrid) -> ConsensusRow:
    """Return what comes of one of a grid's cells with all its seeds."""
    runs = [_try(cell, seed, grid) for seed in range(grid.seeds)]
    waits = [wait for one in runs for wait in one.waits]
    medians = [median(one.waits) for one in runs if one.waits]
    return ConsensusRow(
        **msgspec.structs.asdict(cell),
        commits=sum(one.commits for one in runs),
        messages=sum(one.messages for one in runs),
        other_messages=sum(one.other_messages for one in runs),
        bytes=sum(one.bytes for one in runs),
        seconds_a_commit=commit_seconds(waits) if waits else None,
        medians=(min(medians), max(medians)) if medians else None,
        throughput=len(waits) / max(sum(one.seconds for one in runs), 1 / MICRO),
        forks=sum(one.forks for one in runs),
        view_changes=sum(one.view_changes for one in runs),
        violations=sum(one.violations for one in runs),
        stuck=sum(one.stuck for one in runs),
        joules=Joules(
            sum(one.joules.marginal for one in runs) / len(waits),
            sum(one.joules.idle for one in runs) / len(waits),
        )
        if waits
        else None,
    )


@dataclass(frozen=True, slots=True)
class _Run:
    """One run: as `ConsensusRow`, with the wait of each transaction and the time that it took."""

    commits: int
    messages: int
    other_messages: int
    bytes: int
    waits: tuple[float, ...]
    seconds: float
    forks: int
    view_changes: int
    violations: int
    stuck: int
    joules: Joules


def _try(cell: Cell, seed: int, grid: ConsensusGrid) -> _Run:
    simulator, hit = _simulator(cell, seed, grid)
    entered = _enter(simulator, cell, seed, grid.load, hit)
    everywhere = _Everywhere(simulator, len(entered))
    last = max(entered.values())
    patience = max(PATIENCE, round(100 * cell.interval * MICRO))
    simulator.run(everywhere.reached, last + patience, EVENTS)
    kept = [one for one in simulator.first_decided if one.items]
    counted = simulator.counted
    own = sum(counted.messages.get(one.digest, 0) for one in kept)
    decided = {
        item.digest: min(
            seat.decided_at[block.height - 1] for seat in simulator.honest
            if seat.decided >= block.height
        )
        for block in kept for item in block.items
    }  # fmt: skip
    final = set.intersection(*(seat.ordered_finally() for seat in simulator.honest))
    return _Run(
        commits=len(kept), messages=own, other_messages=sum(counted.messages.values()) - own,
        bytes=sum(counted.bytes.values()),
        waits=tuple((at - entered[digest]) / MICRO for digest, at in decided.items()),
        seconds=(max(decided.values(), default=last) - min(entered.values())) / MICRO,
        forks=simulator.retracted, view_changes=simulator.view_changes,
        violations=len(simulator.violations), stuck=len(entered.keys() - final),
        joules=_joules(simulator, cell, decided, len(kept)),
    )  # fmt: skip


def _joules(simulator: Simulator, cell: Cell, decided: Mapping[bytes, int], blocks: int) -> Joules:
    """Return what validators take from the beginning to the last decision."""
    elapsed = max(decided.values(), default=0)
    machines = (MACHINES[DEFAULT],) * cell.validators
    members = {str(number): one for number, one in enumerate(machines)}
    fleet = Fleet(members, machines, LINKS[OF_NETWORKS[cell.preset]], GRID)
    spent = JoulesSpent().with_consensus(simulator, fleet, len(decided), blocks, elapsed)
    return Joules(spent.total / MICRO, idle_joules(fleet, elapsed))


def _simulator(cell: Cell, seed: int, grid: ConsensusGrid) -> tuple[Simulator, range]:
    """Return a cell's validators on their network, and those that its faults hit."""
    protocol: ConsensusProtocol = find("protocols", cell.protocol)
    links, powers = PRESETS[cell.preset], (1,) * cell.validators
    hit = range(min(max(1, protocol.tolerated(powers)), cell.validators - 1))
    quarter = round(grid.load.transactions / grid.load.rate * MICRO / 4)
    crashes: tuple[Crash, ...] = ()
    partitions: tuple[Partition, ...] = ()
    liars: Mapping[int, Liar] = {}
    if cell.faults == "crash":
        crashes = tuple(Crash(one, quarter, 3 * quarter) for one in hit)
    elif cell.faults == "partition":
        partitions = (Partition(quarter, 3 * quarter, (tuple(hit),)),)
    elif cell.faults == "liars":
        liars = conspiracy(hit, cell.validators, Random(f"liars {seed}"))
    else:
        hit = range(0)
    weather = Weather(sync=SYNC, verify=VERIFY, crashes=crashes, partitions=partitions)
    options = {name: grid.options.get(name, value) for name, value in protocol.defaults.items()}
    setting = Setting(
        0, powers, seed, timeout_of(links), round(cell.interval * MICRO), options=options
    )
    return Simulator(protocol, setting, Network(links, weather), seed=seed, liars=liars), hit


def _enter(
    simulator: Simulator, cell: Cell, seed: int, load: Load, hit: range
) -> Mapping[bytes, int]:
    """Let transactions enter; return when each does.

    Whose validator lies asks another one, and so does whose is down.
    """
    drawn, at, entered = Random(f"load {seed}"), 0.0, {}
    crashes = simulator.network.weather.crashes
    for number in range(load.transactions):
        at += drawn.expovariate(load.rate)
        when, who = round(at * MICRO), number % cell.validators
        down = any(one.validator == who and one.at <= when <= (one.until or 0) for one in crashes)
        if down or (cell.faults == "liars" and who in hit):
            who = len(hit) + number % (cell.validators - len(hit))
        digest = sha256(b"%d" % number).digest()
        simulator.enter(who, [Item(digest, load.size)], when)
        entered[digest] = when
    return entered


class _Everywhere:
    """Whether all transactions are decided by all who do not lie, asked at every decision."""

    def __init__(self, simulator: Simulator, wanted: int) -> None:
        self._simulator, self._wanted = simulator, wanted
        self._honest = simulator.honest
        self._counted = self._height = 0

    def reached(self) -> bool:
        """Return whether it is so; what is counted once is not counted again."""
        first = self._simulator.first_decided
        while self._counted < self._wanted and self._height < len(first):
            self._counted += len(first[self._height].items)
            self._height += 1
        return self._counted >= self._wanted and all(
            one.decided >= self._height for one in self._honest
        )
