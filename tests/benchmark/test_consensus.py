"""Protocols side by side: the same again for a seed, counted and timed as published."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from tests.pages import protocols_benchmarked
from tests.report.reading import Page

from collegium.benchmark import consensus
from collegium.benchmark.consensus import try_protocols, write
from collegium.benchmark.consensus_rows import (
    ConsensusBench,
    ConsensusGrid,
    ConsensusRow,
    Load,
    held_against_few_seconds,
)
from collegium.consensus.network import PRESETS
from collegium.consensus.protocols.pbft import PBFT
from collegium.ledger.engines.simnet.figures import CommitSeconds
from collegium.plugins import BUILT_IN

GRID = ConsensusGrid(
    protocols=("pbft",), validators=(4, 7), presets=("wan",), intervals=(0.0,), faults=("none",),
    seeds=2, load=Load(transactions=10, rate=10.0, size=1000),
)  # fmt: skip
STOPPING = replace(PBFT, faults="crash")


def grid(**changes: object) -> ConsensusGrid:
    return msgspec.structs.replace(GRID, **changes)


def test_a_grid_gives_the_same_rows_again_with_any_number_of_processes() -> None:
    wide = grid(faults=("none", "crash", "partition", "liars"))
    found = try_protocols(wide)
    tried = [(one.protocol, one.faults, one.validators) for one in found.rows]
    assert tried == [(one.protocol, one.faults, one.validators) for one in wide.cells()]
    assert try_protocols(wide, processes=2) == found
    assert all(one.violations == one.stuck == 0 for one in found.rows)


def test_without_faults_a_block_costs_what_is_published_and_three_delays_at_least() -> None:
    for row in try_protocols(GRID).rows:
        n = row.validators
        assert row.messages == row.commits * 2 * n * (n - 1)
        assert row.seconds_a_commit is not None
        assert row.seconds_a_commit.median > 3 * PRESETS["wan"].low / 1e6
        assert row.seconds_a_commit.p95 < 0.5
        assert row.medians is not None
        assert row.medians[0] <= row.seconds_a_commit.median <= row.medians[1]
        assert row.view_changes == row.forks == 0
        assert row.joules is not None
        sent = row.bytes / 20 * 6.8e-6
        assert sent < row.joules.marginal < 3 * sent, "bytes at both ends, and cores"
        assert row.joules.idle == pytest.approx(n * 30 / row.throughput, rel=0.5)


def test_a_hundred_validators_are_no_more_than_that() -> None:
    once = Load(transactions=1, rate=1.0, size=1000)
    (found,) = try_protocols(grid(validators=(100,), seeds=1, load=once)).rows
    assert (found.commits, found.messages, found.stuck) == (1, 19_800, 0)


def test_faults_hit_the_first_leader_and_waiting_for_it_shows() -> None:
    for row in try_protocols(grid(faults=("crash", "partition"))).rows:
        assert row.view_changes >= GRID.seeds
        assert row.seconds_a_commit is not None
        assert row.seconds_a_commit.p95 > 1.0, "a timeout on wan is longer"


def test_an_interval_is_kept_and_costs_half_of_itself() -> None:
    load = Load(transactions=40, rate=10.0, size=10)
    for row in try_protocols(grid(presets=("lan",), intervals=(1.0,), load=load)).rows:
        assert row.seconds_a_commit is not None
        assert 0.35 < row.seconds_a_commit.median < 0.65
        assert row.commits <= GRID.seeds * 8


def test_what_is_not_decided_in_time_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consensus, "PATIENCE", 0)
    assert all(0 < one.stuck <= 20 for one in try_protocols(GRID).rows)


def test_liars_are_not_tried_on_what_bears_none(monkeypatch: pytest.MonkeyPatch) -> None:
    where = "tests.benchmark.test_consensus:STOPPING"
    monkeypatch.setitem(BUILT_IN["protocols"], "stopping", where)
    found = try_protocols(grid(protocols=("stopping", "pbft"), faults=("liars", "crash")))
    assert [(one.protocol, one.faults) for one in found.refused] == [("stopping", "liars")]
    tried = {(one.protocol, one.faults) for one in found.rows}
    assert tried == {("stopping", "crash"), ("pbft", "liars"), ("pbft", "crash")}


def row(protocol: str, median: float, p95: float, preset: str = "wan") -> ConsensusRow:
    return ConsensusRow(
        protocol=protocol, validators=10, preset=preset, interval=0.0, faults="none",
        commits=1, messages=1, other_messages=0, bytes=1,
        seconds_a_commit=CommitSeconds(median, p95), medians=(median, median), throughput=1.0,
        forks=0, view_changes=0, violations=0, stuck=0,
    )  # fmt: skip


def test_claims_of_a_few_seconds_are_held_against_ten_hospitals_on_wan() -> None:
    measured = [row("pbft", 0.2, 5.1), row("pos", 0.1, 1.0), row("pow", 60.0, 90.0)]
    assert [one.holds for one in held_against_few_seconds(measured)] == [False, False, True]
    measured = [row("pbft", 0.2, 0.4), row("pos", 7.0, 9.0), row("pow", 60.0, 90.0, "lan")]
    assert [one.holds for one in held_against_few_seconds(measured)] == [True, True, None]
    assert [one.holds for one in held_against_few_seconds([])] == [None] * 3
    measured = [row("pbft", 0.2, 0.4), row("pos_vote", 0.21, 0.4)]
    _, slots, votes, _ = held_against_few_seconds(measured)
    assert (slots.holds, votes.holds) == (None, True)
    assert "1.05 times PBFT's" in votes.measured


def test_results_and_page_are_written(tmp_path: Path) -> None:
    found = try_protocols(grid(seeds=1))
    write(found, tmp_path / "new")
    kept = (tmp_path / "new" / "results.json").read_bytes()
    assert msgspec.json.decode(kept, type=ConsensusBench) == found
    assert (tmp_path / "new" / "index.html").is_file()


def test_the_page_has_all_cells_and_a_drawing_for_each_interval() -> None:
    page = Page(protocols_benchmarked())
    heads, *rows = page.table("Every cell")
    assert len(rows) == 2 * 2 * 2 * 2 + 1
    assert {row[heads.index("Network")] for row in rows} == {"lan", "wan"}
    assert "Not decided: proof of stake" in page.sections["answer"]
    assert "left transactions undecided" in page.sections["answer"]
    for faults in ("none", "crash"):
        assert "pbft, interval 0.1 s" in page.sections[f"latency-{faults}"]
