"""What a benchmark of consensus protocols tries, and what comes of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Literal

import msgspec

from collegium.benchmark.summary import Requirement
from collegium.ledger.engines.simnet.figures import CommitSeconds, Joules
from collegium.report.wording import seconds

Fault = Literal["none", "crash", "partition", "liars"]


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """What is tried: a protocol somewhere, under something.

    Attributes:
        protocol: its name.
        validators: how many, of equal power.
        preset: the links between them.
        interval: seconds between the blocks of one proposer; 0 for the protocol's own.
        faults: what goes wrong with as many validators as the protocol bears, at least one and
            the first ones: nothing; they are down from a quarter of the load's time to three
            quarters; they are cut off then; they say one thing to some and another to others.
    """

    protocol: str
    validators: int
    preset: str
    interval: float
    faults: Fault


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """What enters in each run: so many transactions, how many a second, of how many bytes."""

    transactions: int
    rate: float
    size: int


class ConsensusGrid(msgspec.Struct, frozen=True, kw_only=True):
    """All cells that are tried, each with the seeds from 0 on, under one load.

    `options` are protocols' own, each for those that have it.
    """

    protocols: tuple[str, ...]
    validators: tuple[int, ...]
    presets: tuple[str, ...]
    intervals: tuple[float, ...]
    faults: tuple[Fault, ...]
    seeds: int
    load: Load
    options: dict[str, int] = {}

    def cells(self) -> Iterator[Cell]:
        """Yield the cells, those of one protocol together."""
        for protocol, preset, interval, faults, validators in product(
            self.protocols, self.presets, self.intervals, self.faults, self.validators
        ):
            yield Cell(
                protocol=protocol, validators=validators, preset=preset, interval=interval,
                faults=faults,
            )  # fmt: skip


class ConsensusRow(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a cell, over all seeds; counts are sums.

    Attributes:
        protocol, validators, preset, interval, faults: what was tried: see `Cell`.
        commits: blocks with transactions that were decided.
        messages: what was sent for these blocks; `other_messages` everything else.
        bytes: all that was sent.
        seconds_a_commit: from a transaction's entering until the first honest validator had decided
            its block; None if none was.
        medians: the least and the greatest median of a run: far apart where luck decides, and then
            there must be many runs.
        throughput: transactions decided a second, from the first entering to the last decision.
        forks: blocks that honest validators held and took back.
        view_changes: views, rounds or terms beyond the first that decided blocks needed.
        violations: of agreement and validity.
        joules: a transaction on hospitals' servers: beyond waiting, and what these draw anyway from
            the beginning to the last decision; None if none was decided.
        stuck: transactions that some honest validator had not decided when time was over.
    """

    protocol: str
    validators: int
    preset: str
    interval: float
    faults: Fault
    commits: int
    messages: int
    other_messages: int
    bytes: int
    seconds_a_commit: CommitSeconds | None
    medians: tuple[float, float] | None
    throughput: float
    forks: int
    view_changes: int
    violations: int
    stuck: int
    joules: Joules | None = None


class RefusedCell(msgspec.Struct, frozen=True, kw_only=True):
    """A protocol that is not tried under some faults, and why."""

    protocol: str
    faults: Fault
    why: str


class ConsensusBench(msgspec.Struct, frozen=True, kw_only=True):
    """What a benchmark came to; everything is modelled, and nothing measured on a real network."""

    grid: ConsensusGrid
    rows: tuple[ConsensusRow, ...]
    refused: tuple[RefusedCell, ...]
    few_seconds: tuple[Requirement, ...]
    modelled: bool = True


FEW_SECONDS = 5.0
"""What "a few seconds" is taken to be at most, here."""

HOSPITALS, CONTINENT = 10, "wan"
OTHER_STAKES = ("pos_vote", "pbft_pos")
"""Protocols with votes or committees by stake: the review does not say which it means."""


def held_against_few_seconds(rows: Sequence[ConsensusRow]) -> tuple[Requirement, ...]:
    """Hold the review's claims of ten hospitals against what was measured of them.

    The review says that PBFT commits an update within a few seconds in a small consortium, that
    proof of stake is slower, and that proof of work is out of the question.
    """
    waits: dict[float, dict[str, CommitSeconds]] = {}
    for row in rows:
        if (row.validators, row.preset, row.faults) != (HOSPITALS, CONTINENT, "none"):
            continue
        if row.seconds_a_commit is not None:
            waits.setdefault(row.interval, {})[row.protocol] = row.seconds_a_commit
    return tuple(
        claim
        for interval, found in sorted(waits.items() or [(0.0, {})])
        for claim in _claims(found, f" (interval {interval:g} s)" if len(waits) > 1 else "")
    )


def _claims(found: dict[str, CommitSeconds], where: str) -> Iterator[Requirement]:
    pbft, mining = found.get("pbft"), found.get("pow")
    yield Requirement(
        says=f"PBFT commits within a few seconds{where}", measured=_measured(pbft),
        holds=None if pbft is None else pbft.p95 <= FEW_SECONDS,
    )  # fmt: skip
    for name in ("pos", *(one for one in OTHER_STAKES if one in found)):
        stakes = found.get(name)
        yield Requirement(
            says=f"proof of stake ({name}) is slower than PBFT{where}",
            measured=_measured(stakes, pbft),
            holds=None if pbft is None or stakes is None else stakes.median > pbft.median,
        )
    yield Requirement(
        says=f"proof of work takes longer than a few seconds{where}",
        measured=_measured(mining, pbft),
        holds=None if mining is None else mining.median > FEW_SECONDS,
    )


def _measured(waits: CommitSeconds | None, beside: CommitSeconds | None = None) -> str:
    if waits is None:
        return "not measured"
    times = f", {waits.median / beside.median:.3g} times PBFT's" if beside else ""
    return f"median {seconds(waits.median)}{times}, 95 % within {seconds(waits.p95)}"
